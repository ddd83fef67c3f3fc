"""A look inside a run over texts: which words make two texts similar, and what attends to what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from unlabeled.errors import UnlabeledError
from unlabeled.explore import contact_sheet
from unlabeled.explore.inside import TextInWords, omission_effects, pair_contributions, token_attention
from unlabeled.files import folder_written_aside
from unlabeled.runs.grouping.feature_matrix import whole_texts
from unlabeled.runs.report import inline_picture
from unlabeled.runs.run import Run
from unlabeled.runs.showing.page import write_page
from unlabeled.search import ExactStore

SHOWN = 40
"""Words of a text in the table of pairs of words."""
SIDE = 96
"""Pixels to which the attention of a head is enlarged."""


def see_text(run: Run, texts: list[str], out: Path) -> list[str]:
    """Write the page ``see.html`` and its picture into a folder.

    Parameters
    ----------
    run : Run
        Over texts.
    texts : list of str
        None, one or two texts, or ids of texts that the run has learnt from. The first of these stands in for a missing
        first one, and the nearest to the first for a missing second one.
    out : Path
        The folder; it is replaced if it holds such a page and nothing else.

    Returns
    -------
    list of str
        The sections of the page.

    Raises
    ------
    UnlabeledError
        If there are more than two texts, one holds no word or is the id of a text that was added later, or the texts of
        the run are needed and gone.
    """
    encoder: Any = run.encoder.eval()
    first, second = chosen_texts(run, texts)
    one, other = (TextInWords.read(text, encoder.preprocessing) for text in (first, second))
    with torch.no_grad():
        cosine = float(torch.nn.functional.cosine_similarity(encoder(one.values), encoder(other.values)))
    effects = [
        _shaded(one, omission_effects(encoder, one, other)),
        _shaded(other, omission_effects(encoder, other, one)),
    ]
    pairs = _pairs(encoder, one, other) if encoder.pooling == "mean" else None
    with folder_written_aside(out, "look inside") as aside:
        attention = _attention(encoder, one, aside / "attention.png")
        about = {"name": run.folder.resolve().name, "architecture": encoder.architecture, "cosine": cosine}
        content = {"effects": effects, "pairs": pairs, "attention": attention}
        write_page("see_text.html", aside / "see.html", **about, **content)
    return ["words", *(["pairs"] if pairs else []), *(["attention"] if attention else [])]


def chosen_texts(run: Run, texts: list[str]) -> tuple[str, str]:
    """Give the two texts to look at, see `see_text`."""
    if len(texts) > 2:
        raise UnlabeledError(f"give one text or two, to see what makes them similar; got {len(texts)}")
    known: list[str] | None = None
    position = run.embeddings.position
    for text in texts:
        if text in run.added_from and text not in position:
            raise UnlabeledError(f"{text} was added to the index after the run was learnt; give its text, not its id")
    if len(texts) < 2 or any(text in position for text in texts):
        known = whole_texts(run)
    found = [known[position[text]] if known is not None and text in position else text for text in texts]
    if len(found) == 2:
        return found[0], found[1]
    assert known is not None
    first = found[0] if found else known[0]
    # Of what was added to the index later, the texts are not among those of the run.
    own = ExactStore.build(run.embeddings.ids, run.embeddings.vectors)
    for row in own.query(run.query_vectors(first), k=min(50, len(known))).indices[0]:
        if known[row] != first:
            return first, known[row]
    raise UnlabeledError("the run holds no other text than this one; give a second --text")


def _shaded(text: TextInWords, values: NDArray[np.float64]) -> list[tuple[str, float, float]]:
    """Give each word with its value, and that as a share of the largest."""
    largest = max(float(np.abs(values).max()), 1e-12)
    return [(word, value, value / largest) for word, value in zip(text.words, values.tolist(), strict=True)]


def _pairs(encoder: Any, one: TextInWords, other: TextInWords) -> dict[str, Any]:
    """Lay the contributions of pairs of words out as a table, those of the first words."""
    found = pair_contributions(encoder, one, other)[:SHOWN, :SHOWN]
    shares = found / max(float(np.abs(found).max()), 1e-12)
    rows = [
        (word, list(zip(values, strengths, strict=True)))
        for word, values, strengths in zip(one.words[:SHOWN], found.tolist(), shares.tolist(), strict=True)
    ]
    return {"columns": other.words[:SHOWN], "rows": rows}


def _attention(encoder: Any, text: TextInWords, path: Path) -> dict[str, Any] | None:
    """Draw the attention of all heads, and say how much each word gets in each layer; None where there is none."""
    try:
        found = token_attention(encoder, text.values)[0].numpy()
    except UnlabeledError:
        return None
    layers, heads, length, _ = found.shape
    lines = []
    for number, of_layer in enumerate(found):
        received = np.zeros(len(text.words))
        np.add.at(received, text.word, of_layer.mean((0, 1)))
        lines.append((f"layer {number + 1}", _shaded(text, received)))
    side = max(1, SIDE // length)
    cells = np.repeat(np.repeat(found.reshape(-1, length, length), side, 1), side, 2)
    grey = (255 * cells / np.maximum(cells.max((1, 2), keepdims=True), 1e-12)).astype(np.uint8)
    captions = [f"layer {i + 1} head {j + 1}" for i in range(layers) for j in range(heads)]
    contact_sheet(np.repeat(grey[..., None], 3, 3), captions, columns=heads, path=path)
    return {"lines": lines, "picture": inline_picture(path)}
