"""Oddities of a run: instances unlike all others, copies, and instances that look alike to the encoder."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.data import Instances
from unlabeled.explore import near_duplicates, outliers
from unlabeled.explore.nearest_others import nearest_others
from unlabeled.modalities import modality_of
from unlabeled.runs.embeddings import Embeddings

SHOWN = 12
NEARER = 10
"""How many times nearer than a nearest neighbour usually is a near-duplicate must be."""
ROUNDING = 1e-6
MAX_PAIRS = 500
"""Pairs whose content is compared, the nearest ones."""
MAX_ROWS = 50_000
"""Instances that are compared, drawn at random; the work grows with their square and takes seconds at this number."""


def oddities(embeddings: Embeddings, instances: Instances) -> dict[str, Any]:
    """Find the outliers, the near-duplicates and the look-alikes among the instances of a run.

    Outliers are far from their ten nearest neighbours, as `unlabeled.explore.outliers` ranks them. Look-alikes are ten
    times nearer to each other than an instance is to its nearest neighbour in the median, by the cosine of their
    vectors less the mean of all. A cosine that means a copy in every representation there is not: what all vectors
    share, or a low rank, brings any two of them near to 1. So their content is compared as well, as it is before any
    learning: near-duplicates are those look-alikes whose pixels, words or columns are ten times nearer to each other
    than those of instances drawn at random.

    Parameters
    ----------
    embeddings : Embeddings
    instances : Instances
        What was learnt from; the embeddings are those of its distinct ones, in order.

    Returns
    -------
    dict
        In JSON's types: ``outliers``, the most outlying first, and ``near_duplicates``, with how many ``pairs`` of
        near-duplicates and ``look_alikes`` beside them there are among the ``checked`` ones, and the nearest of both.
    """
    rows = np.arange(len(embeddings))
    if len(rows) > MAX_ROWS:
        rows = np.sort(np.random.default_rng(0).choice(rows, MAX_ROWS, replace=False))
    vectors = embeddings.vectors[rows]
    far, distances = outliers(vectors, top=SHOWN)
    centred = vectors - vectors.mean(axis=0)
    nearest = nearest_others(centred, k=1).distances
    threshold = 1 - max(float(np.median(nearest)) / NEARER, ROUNDING) if nearest.size else 1.0
    pairs, cosines = near_duplicates(centred, threshold)
    pairs, cosines = rows[pairs[:MAX_PAIRS]], cosines[:MAX_PAIRS]
    copies = _same_content(instances, modality_of(instances).distinct(instances)[pairs])
    order = np.argsort(~copies, kind="stable")[:SHOWN]

    return {
        "outliers": [
            {"id": embeddings.ids[rows[row]], "distance": distance}
            for row, distance in zip(far.tolist(), distances.tolist(), strict=True)
        ],
        "near_duplicates": {
            "compared": len(rows),
            "threshold": threshold,
            "checked": len(pairs),
            "pairs": int(copies.sum()),
            "look_alikes": int((~copies).sum()),
            "nearest": [
                {
                    "ids": [embeddings.ids[row] for row in pairs[pair]],
                    "cosine": float(cosines[pair]),
                    "copy": bool(copies[pair]),
                }
                for pair in order
            ],
        },
    }


def _same_content(instances: Instances, pairs: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell of which pairs the raw input is ten times nearer than that of instances drawn at random."""
    if not len(pairs):
        return np.zeros(0, dtype=bool)
    random = np.random.default_rng(0)
    few = random.choice(len(instances), min(2 * MAX_PAIRS, len(instances)), replace=False)
    needed, place = np.unique(np.concatenate([few, pairs.ravel()]), return_inverse=True)
    raw = modality_of(instances).baseline(instances, needed).astype(np.float64)
    drawn, (one, other) = place[: len(few)], place[len(few) :].reshape(-1, 2).T
    usual = np.linalg.norm(raw[drawn] - raw[np.roll(drawn, 1)], axis=1)
    return np.asarray(np.linalg.norm(raw[one] - raw[other], axis=1) <= np.median(usual) / NEARER)
