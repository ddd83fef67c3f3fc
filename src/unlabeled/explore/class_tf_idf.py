"""Names of clusters: the words that are frequent in one cluster and rare in the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray


def class_tf_idf(counts: sp.csr_matrix, labels: NDArray[np.int64]) -> NDArray[np.float64]:
    r"""Weigh words by cluster, as BERTopic does: each cluster counts as one long document.

    .. math:: W_{w,c} = \frac{n_{w,c}}{\sum_v n_{v,c}} \log\Big(1 + \frac{A}{n_w}\Big)

    n_{w,c} is how often the word w is in cluster c, n_w how often it is in all clusters, and A the mean number of words
    of a cluster.

    Parameters
    ----------
    counts : CSR matrix, shape (documents, words)
        How often each word is in each document.
    labels : ndarray of int64, shape (documents,)
        Cluster of each document, from 0 up; documents with −1 are left out.

    Returns
    -------
    ndarray of float64, shape (clusters, words)
        Zeros for a cluster without words.

    References
    ----------
    .. [1] Grootendorst, BERTopic: Neural Topic Modeling with a Class-based TF-IDF Procedure, 2022.

    Examples
    --------
    >>> counts = sp.csr_matrix([[2, 1, 0], [0, 1, 2]])
    >>> class_tf_idf(counts, np.array([0, 1])).round(3).tolist()
    [[0.611, 0.305, 0.0], [0.0, 0.305, 0.611]]
    """
    clusters, rows = int(labels.max(initial=-1)) + 1, np.flatnonzero(labels >= 0)
    member = sp.csr_matrix((np.ones(len(rows)), (labels[rows], rows)), shape=(clusters, len(labels)))
    of_cluster = np.asarray((member @ counts).toarray(), dtype=np.float64)
    of_all = of_cluster.sum(axis=0)
    mean = of_cluster.sum() / max(clusters, 1)
    frequency = of_cluster / np.maximum(of_cluster.sum(axis=1, keepdims=True), 1)
    return np.asarray(frequency * np.log1p(mean / np.maximum(of_all, 1)))


def typical_words(
    counts: sp.csr_matrix, words: Sequence[str], labels: NDArray[np.int64], n: int = 10
) -> list[list[str]]:
    """Give the words of each cluster with the largest weights, see `class_tf_idf`.

    Parameters
    ----------
    counts : CSR matrix, shape (documents, words)
    words : sequence of str
        Of the columns.
    labels : ndarray of int64, shape (documents,)
    n : int, default 10
        Words of a cluster at most.

    Examples
    --------
    >>> counts = sp.csr_matrix([[2, 1, 0], [3, 1, 0], [0, 1, 2]])
    >>> typical_words(counts, ["frog", "pond", "king"], np.array([0, 0, 1]), n=1)
    [['frog'], ['king']]
    """
    found = []
    for weights in class_tf_idf(counts, labels):
        best = np.argsort(-weights, kind="stable")[:n]
        found.append([str(words[word]) for word in best if weights[word] > 0])
    return found
