"""Maps by UMAP, for which the package umap-learn must be installed."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unlabeled.errors import UnlabeledError, require
from unlabeled.explore.maps.map import checked_for_map
from unlabeled.explore.principal_plane import principal_plane
from unlabeled.kernels.blas_threads import openmp_threads_kept
from unlabeled.search.metric import unit_rows


def umap_map(
    vectors: ArrayLike, neighbours: int = 15, random_state: int = 0, metric: str = "cosine", min_dist: float = 0.1
) -> NDArray[np.float32]:
    """Lay vectors out in the plane by UMAP.

    Minimises the cross-entropy of two fuzzy graphs of neighbours, one of the vectors and one of the points.

    Parameters
    ----------
    vectors : array-like, shape (n, d)
    neighbours : int, default 15
        Neighbours to which each row is joined; all others if there are fewer.
    random_state : int, default 0
        The same seed gives the same map on one machine; UMAP then uses one thread.
    metric : {"cosine", "euclidean"}
        The distance between vectors.
    min_dist : float, default 0.1
        How near points may come to each other on the map.

    Returns
    -------
    ndarray of float32, shape (n, 2)
        Positions, centred. Of fewer than four rows the principal plane.

    Raises
    ------
    UnlabeledError
        If umap-learn is not installed, the vectors hold NaN, or a setting is out of range.

    References
    ----------
    L. McInnes, J. Healy and J. Melville, "UMAP: Uniform Manifold Approximation and Projection for Dimension Reduction",
    arXiv 1802.03426, 2018.
    """
    array = checked_for_map(vectors, metric)
    if neighbours < 2:
        raise UnlabeledError(f"UMAP needs at least 2 neighbours, not {neighbours}")
    umap = require("umap", "umap")
    if metric == "cosine":
        array = unit_rows(array)
    if len(array) < 4:
        return principal_plane(array)
    model = umap.UMAP(
        n_neighbors=min(neighbours, len(array) - 1), min_dist=min_dist, random_state=random_state, n_jobs=1
    )
    with openmp_threads_kept():
        points: NDArray[np.float64] = np.asarray(model.fit_transform(array), dtype=np.float64)
    points -= points.mean(axis=0)
    return points.astype(np.float32)
