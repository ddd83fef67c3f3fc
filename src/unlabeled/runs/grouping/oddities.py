"""Oddities of a run: instances unlike all others, and instances so alike that one may be a copy of the other."""

from __future__ import annotations

from typing import Any

import numpy as np

from unlabeled.explore import near_duplicates, outliers
from unlabeled.explore.nearest_others import nearest_others
from unlabeled.runs.embeddings import Embeddings

SHOWN = 12
NEARER = 10
"""How many times nearer than a nearest neighbour usually is a near-duplicate must be."""
ROUNDING = 1e-6
MAX_ROWS = 50_000
"""Instances that are compared, drawn at random; the work grows with their square and takes seconds at this number."""


def oddities(embeddings: Embeddings) -> dict[str, Any]:
    """Find the outliers and the near-duplicates among the instances of a run.

    Outliers are far from their ten nearest neighbours, as `unlabeled.explore.outliers` ranks them. Near-duplicates are
    ten times nearer to each other than an instance is to its nearest neighbour in the median, by the cosine of their
    vectors less the mean of all. A cosine that means a copy in every representation there is not: what all vectors
    share, or a low rank, brings any two of them near to 1.

    Parameters
    ----------
    embeddings : Embeddings

    Returns
    -------
    dict
        In JSON's types: ``outliers``, the most outlying first, and ``near_duplicates``, with how many pairs there are
        and the nearest of them.
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

    names = [embeddings.ids[row] for row in rows]
    return {
        "outliers": [
            {"id": names[row], "distance": distance}
            for row, distance in zip(far.tolist(), distances.tolist(), strict=True)
        ],
        "near_duplicates": {
            "compared": len(rows),
            "threshold": threshold,
            "pairs": len(pairs),
            "nearest": [
                {"ids": [names[one], names[other]], "cosine": cosine}
                for (one, other), cosine in zip(pairs[:SHOWN].tolist(), cosines[:SHOWN].tolist(), strict=True)
            ],
        },
    }
