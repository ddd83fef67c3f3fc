"""Judging a run of texts by a table of pairs that people have scored."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from unlabeled.counted import counted
from unlabeled.data.text.texts import Texts
from unlabeled.encoders.text.text_encoder import TextEncoder
from unlabeled.errors import UnlabeledError
from unlabeled.evaluation.texts.scored_pairs import scored_pairs
from unlabeled.files import write_json
from unlabeled.runs.embeddings import Say, silent
from unlabeled.runs.run import Run


def judge_pairs(
    run: Run, table: str | os.PathLike[str], column: str | None = None, *, renew: bool = False, say: Say = silent
) -> dict[str, Any]:
    """Correlate the likeness of a run's vectors with the scores of pairs of texts, beside baselines.

    Parameters
    ----------
    run : Run
        Over texts.
    table : path
        Two columns of texts and a column of scores; a column of groups is used if there is one.
    column : str, optional
        The two columns of texts, with a comma between them, where they are not plain.
    renew : bool, default False
        Write the figures into the run.
    say : callable, optional
        Receives a sentence when pairs have no score.

    Returns
    -------
    dict
        In JSON's types: ``source``, ``pairs``, ``groups`` (how many, 0 without), and ``scores`` with, for each
        representation, ``spearman`` and, with groups, ``mean of groups``.

    Raises
    ------
    UnlabeledError
        If the run is not over texts, or the table holds no pairs with scores.
    """
    if not isinstance(run.encoder, TextEncoder):
        raise UnlabeledError(f"scored pairs are of texts, and the run in {run.folder} is not over texts")
    columns = None if column is None else [name.strip() for name in column.split(",")]
    texts = Texts(table, column=columns)
    if texts.width != 2:
        raise UnlabeledError(f"{table} holds no pairs of texts; name the two columns, such as --column first,second")
    if texts.scores is None:
        raise UnlabeledError(f"{table} has no scores; put numbers into a column called score")
    rows = np.flatnonzero(np.isfinite(texts.scores))
    if len(rows) < len(texts):
        say(f"Left out, without a score: {len(texts) - len(rows):,} of {len(texts):,} pairs")
    if len(rows) < 2:
        there = counted(len(rows), "pair")
        raise UnlabeledError(f"{table} has {there} with a score, and a correlation needs at least two")
    scored = texts.part(rows)
    pairs = list(zip(*scored.columns, strict=True))
    found = scored_pairs(run.encoder, pairs, texts.scores[rows].tolist(), scored.groups)
    figures = {
        "source": str(table),
        "pairs": len(pairs),
        "groups": len(set(scored.groups or ())),
        "scores": found.figures,
    }
    if renew:
        write_json(run.folder / "metrics.json", run.metrics | {"scored_pairs": figures})
    return figures
