"""From many small clusters to few large ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from unlabeled.errors import UnlabeledError


def merge_clusters(model: Any, n: int, sizes: ArrayLike | None = None) -> NDArray[np.int32]:
    r"""Merge the clusters of a fitted k-means into `n` groups by Ward's rule.

    With as many clusters as there are groups, k-means may start with two centres in one group and none in another, and
    never recovers. With many clusters every group gets some; merged afterwards, those of one group find each other. One
    fit so gives any smaller number of groups, each within the next. The two groups are merged whose merging raises the
    inertia least,

    .. math:: \frac{n_a n_b}{n_a + n_b} \lVert c_a - c_b \rVert^2,

    until `n` are left.

    Parameters
    ----------
    model : KMeans or MiniBatchKMeans
        Fitted.
    n : int
        Groups to make.
    sizes : array of shape (k,), optional
        Weight of each cluster; by default its rows in `labels_`.

    Returns
    -------
    ndarray of int32, shape (k,)
        The group of each cluster; 0 is the largest. ``groups[model.labels_]`` are the groups of the rows, and
        ``groups[model.predict(X)]`` those of new ones.

    Raises
    ------
    UnlabeledError
        If `n` is not between 1 and the number of clusters.

    Notes
    -----
    Each of the k − n merges looks at all pairs: k³ comparisons, about ten seconds for 2000 clusters.

    References
    ----------
    .. [1] Ward, Hierarchical Grouping to Optimize an Objective Function, JASA 1963.

    Examples
    --------
    >>> from unlabeled import KMeans
    >>> rows = np.array([[0.0], [1.0], [10.0], [11.0], [20.0]])
    >>> model = KMeans(5, init=rows).fit(rows)
    >>> merge_clusters(model, 3).tolist()
    [0, 0, 1, 1, 2]
    """
    check_is_fitted(model)
    centres = np.array(model.cluster_centers_, dtype=np.float64)
    k = len(centres)
    if not 1 <= n <= k:
        raise UnlabeledError(f"n must be between 1 and the {k} clusters there are, got {n!r}")
    given = np.bincount(model.labels_, minlength=k) if sizes is None else np.asarray(sizes)
    weights = given.astype(np.float64)
    if weights.shape != (k,) or not np.isfinite(weights).all() or (weights < 0).any():
        raise UnlabeledError(f"sizes must hold a weight of at least 0 for each of the {k} clusters")
    group = np.arange(k)
    squares = ((centres[:, None] - centres) ** 2).sum(axis=2) if k < 100 else _squares(centres)
    costs = _harmonic(weights[:, None], weights) * squares
    np.fill_diagonal(costs, np.inf)
    for _ in range(k - n):
        a, b = sorted(divmod(int(costs.argmin()), k))
        whole = weights[a] + weights[b]
        share = weights[b] / whole if whole else 0.5
        centres[a] += share * (centres[b] - centres[a])
        weights[a] = whole
        group[group == b] = a
        costs[b, :] = costs[:, b] = np.inf
        alive = np.isfinite(costs[a])
        row = _harmonic(whole, weights[alive]) * ((centres[alive] - centres[a]) ** 2).sum(axis=1)
        costs[a, alive] = costs[alive, a] = row
    left = np.unique(group)
    order = left[np.argsort(-weights[left], kind="stable")]
    place = np.empty(k, np.int32)
    place[order] = np.arange(n)
    merged: NDArray[np.int32] = place[group]
    return merged


def _harmonic(a: Any, b: Any) -> Any:
    """Give ab / (a + b); 0 where both are."""
    whole = a + b
    return a * b / np.where(whole > 0, whole, 1)


def _squares(centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give all squared distances without a temporary of k × k × d numbers."""
    from scipy.spatial.distance import cdist

    return cdist(centres, centres, "sqeuclidean")
