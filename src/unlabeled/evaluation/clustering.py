"""Clustering: do groups found without labels agree with the classes?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from unlabeled.data.arrays import as_array
from unlabeled.evaluation.inputs import check_labels, check_some_labelled, check_vectors
from unlabeled.setting_checks import check_whole_number


@dataclass(frozen=True)
class ClusteringResult:
    """How far clusters and classes agree."""

    nmi: float
    """Normalised mutual information, from 0 (independent) to 1 (the same grouping)."""
    ari: float
    """Adjusted Rand index: 1 for the same grouping, 0 on average for a random one."""
    accuracy: float
    """Share of rows in their class's cluster, under the best matching of clusters to classes, one to one."""
    n: int
    """Labelled rows that were compared."""
    n_clusters: int
    """Clusters among them."""
    n_classes: int
    """Classes among them."""


def agreement(clusters: ArrayLike, labels: ArrayLike) -> ClusteringResult:
    """Compare a grouping with the classes.

    Parameters
    ----------
    clusters : array of int, shape (n,)
        The cluster of each row; −1 (noise, in some algorithms) counts as a cluster of its own.
    labels : array of int or str, shape (n,)
        Classes; rows with −1, or without a name, are ignored.

    Returns
    -------
    ClusteringResult

    Raises
    ------
    UnlabeledError
        If the two are not labels of equal number, or no row is labelled.

    Examples
    --------
    >>> agreement([1, 1, 0, 0], [0, 0, 1, 1]).accuracy
    1.0
    """
    from scipy.optimize import linear_sum_assignment
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
    from sklearn.metrics.cluster import contingency_matrix

    groups = check_labels(clusters, len(as_array(clusters)), "clusters")
    classes = check_labels(labels, len(groups))
    check_some_labelled(classes)
    groups, classes = groups[classes >= 0], classes[classes >= 0]
    table = contingency_matrix(classes, groups)
    matched = table[linear_sum_assignment(table, maximize=True)].sum()
    return ClusteringResult(
        nmi=float(normalized_mutual_info_score(classes, groups)),
        ari=float(adjusted_rand_score(classes, groups)),
        accuracy=float(matched / len(classes)),
        n=len(classes),
        n_clusters=table.shape[1],
        n_classes=table.shape[0],
    )


def clustering(
    vectors: ArrayLike, labels: ArrayLike, n_clusters: int | None = None, random_state: int = 0
) -> ClusteringResult:
    """Cluster the labelled rows by k-means, without their labels, and compare the clusters with the classes.

    Parameters
    ----------
    vectors : array, shape (n, d)
        The representation.
    labels : array of int or str, shape (n,)
        Classes; rows with −1, or without a name, are ignored.
    n_clusters : int, optional
        By default as many as there are classes, and never more than there are different rows.
    random_state : int, default=0
        Seed of the five starts of k-means, of which the best by its own measure counts.

    Returns
    -------
    ClusteringResult

    Raises
    ------
    UnlabeledError
        If shapes do not fit, a vector is not finite, no row is labelled, or `n_clusters` is below 1.

    Examples
    --------
    >>> clustering([[0.0], [0.1], [9.0], [9.1]], [0, 0, 1, 1]).nmi
    1.0
    """
    from sklearn.cluster import KMeans

    table = check_vectors(vectors)
    classes = check_labels(labels, len(table))
    check_some_labelled(classes)
    table, classes = table[classes >= 0], classes[classes >= 0]
    if n_clusters is not None:
        check_whole_number("n_clusters", n_clusters)
    wanted = n_clusters if n_clusters is not None else len(np.unique(classes))
    possible = min(wanted, len(np.unique(table, axis=0)))
    clusters = KMeans(possible, n_init=5, random_state=random_state).fit_predict(table)
    return agreement(clusters, classes)
