"""Judging a run: without labels always, against honest baselines where there are labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from unlabeled.data import Instances
from unlabeled.data.instances import Subset
from unlabeled.encoders import Encoder, embed
from unlabeled.encoders.encoder import from_description
from unlabeled.errors import UnlabeledError
from unlabeled.evaluation import collapse_verdict, effective_rank, evaluate, uniformity
from unlabeled.modalities import modality_of
from unlabeled.runs.embeddings import Embeddings
from unlabeled.runs.judging.pair_figures import retrieval

TEST_SIZE = 0.2
PROBES = ("knn", "linear")
"""By which a run is judged unless others are asked for."""
LABEL_FREE_ROWS = 5_000
"""Instances that are measured without labels at most."""
MAX_ROWS = 10_000
"""Labelled rows that the probes use at most, drawn at random, so that judging a large collection takes minutes."""


def judge(
    embeddings: Embeddings,
    encoder: Encoder,
    instances: Instances,
    seeds: tuple[int, ...] = (0, 1, 2),
    train_rows: int | None = None,
    advice: str | None = None,
    progress: bool | None = False,
    tested: NDArray[np.int64] | None = None,
    captions: Embeddings | None = None,
    probes: Sequence[str] = PROBES,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Measure a representation.

    Without labels: effective rank, directions in use and uniformity, beside those of the same network untrained, and a
    verdict on collapse. With labels: what probes, by default nearest neighbours and a linear one, find on held-out
    instances, over several random splits, beside what any learning must beat: the raw input, the same network
    untrained, and for accuracies the answer that is always the commonest class.

    Parameters
    ----------
    embeddings : Embeddings
        Vectors, with labels where there are any.
    encoder : Encoder
        The network that made them, for the untrained baseline.
    instances : Instances
        What was learnt from; the embeddings are those of its distinct ones, in order.
    seeds : tuple of int
        Of the splits; the first also of the untrained network.
    train_rows : int, optional
        How many labels the probes learn from; by default four fifths.
    advice : str, optional
        What the method's user can do about a collapse.
    progress : bool, optional
        Show a progress bar while the probes learn; None shows it on a terminal and in a notebook.
    tested : ndarray of int64, optional
        Rows of the embeddings that may be tested on, where the others have taught the method their labels.
    captions : Embeddings, optional
        Of pairs, the vectors of the different captions, which are looked up among the images and the other way round.
    probes : sequence of str, default ("knn", "linear")
        As in `unlabeled.evaluation.evaluate`.
    settings : mapping of str to mapping, optional
        Arguments of the probes, as there. The figures name them, under ``"settings"`` of the evaluation.

    Returns
    -------
    dict
        In JSON's types.
    """
    verdict = collapse_verdict(embeddings.vectors, advice=advice)
    rows = modality_of(instances).distinct(instances)
    drawn = _drawn(np.arange(len(embeddings)), LABEL_FREE_ROWS)
    figures: dict[str, Any] = {
        "rows": len(embeddings),
        "dim": int(embeddings.vectors.shape[1]),
        **_label_free(embeddings.vectors[drawn]),
        "untrained": _label_free(untrained(encoder, instances, rows[drawn], seed=seeds[0])),
        "collapse": {"collapsed": verdict.collapsed, "kind": verdict.kind, "message": verdict.message},
    }
    if captions is not None:
        figures["retrieval"] = retrieval(embeddings.vectors, captions.vectors, instances)
    if embeddings.labels is None or embeddings.classes is None:
        return figures
    chosen = _drawn(np.flatnonzero(embeddings.labels >= 0), MAX_ROWS)
    if len(np.unique(embeddings.labels[chosen])) < 2:
        return figures | {"note": "fewer than two classes are labelled, so there is nothing to tell apart"}
    baselines = {
        "raw input": modality_of(instances).baseline(instances, rows[chosen]),
        "untrained encoder": untrained(encoder, instances, rows[chosen], seed=seeds[0]),
    }
    asked = None if tested is None or np.isin(chosen, tested).all() else np.isin(chosen, tested)
    if asked is not None and not asked.any():
        return figures | {"note": "all labels have taught the method, so none is left to judge it"}
    if asked is not None and train_rows is not None:
        raise UnlabeledError(
            "the method has learnt from labels, so it is judged by those that were held out; leave out train_rows"
        )
    if train_rows is not None and train_rows >= len(chosen):
        raise UnlabeledError(f"{train_rows} labels to learn from leave none of {len(chosen)} to test on")
    test_size = TEST_SIZE if train_rows is None else 1 - train_rows / len(chosen)
    labels = embeddings.labels[chosen]
    groups = modality_of(instances).groups(instances)
    groups = None if groups is None else groups[rows[chosen]]
    if groups is not None and not _can_be_split(labels, groups):
        return figures | {
            "note": "every class comes from one video or one image only, so nothing can be tested on another one"
        }
    judged = evaluate(
        embeddings.vectors[chosen],
        labels,
        baselines=baselines,
        seeds=seeds,
        probes=probes,
        settings=settings,
        test_size=test_size,
        groups=groups,
        test_rows=asked,
        progress=progress,
    )
    used = {name: dict(given) for name, given in (settings or {}).items()}
    return figures | {"evaluation": judged.to_dict() | {"settings": used}, "classes": embeddings.classes}


def _can_be_split(labels: NDArray[np.int64], groups: NDArray[np.int64]) -> bool:
    """Tell whether some class has rows of two groups."""
    return any(len(np.unique(groups[labels == label])) > 1 for label in np.unique(labels))


def _label_free(vectors: NDArray[np.float32]) -> dict[str, float]:
    """Measure vectors without labels; one vector alone has nothing to differ from."""
    if len(vectors) < 2:
        return {"effective_rank": float(effective_rank(vectors)), "directions": 0.0, "uniformity": 0.0}
    return {
        "effective_rank": float(effective_rank(vectors)),
        "directions": float(collapse_verdict(vectors).directions),
        "uniformity": float(uniformity(vectors)),
    }


def _drawn(rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Draw at most so many of some rows, always the same."""
    return rows if len(rows) <= most else np.sort(np.random.default_rng(0).choice(rows, most, replace=False))


def untrained(encoder: Encoder, instances: Instances, rows: NDArray[np.int64], seed: int = 0) -> NDArray[np.float32]:
    """Embed with the same architecture as it is before any learning."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        fresh = from_description(encoder.describe(), encoder.preprocessing)
    return embed(fresh, Subset(instances, rows))
