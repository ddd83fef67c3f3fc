"""From counts of words near each other to probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_array


def conditional_probabilities(X: Any) -> csr_array:
    r"""Turn counts of neighbours into the probability that a word near i is j.

    .. math:: P_{ij} = \frac{X_{ij}}{X_i}, \qquad X_i = \sum_j X_{ij}

    Parameters
    ----------
    X : sparse matrix or array, shape (words, words)
        Co-occurrence counts.

    Returns
    -------
    scipy.sparse.csr_array of float64, shape (words, words)
        Its rows sum to 1, but for the row of a word that has no neighbours, which stays zero.

    Examples
    --------
    >>> conditional_probabilities(np.array([[0, 3], [1, 1]])).toarray().tolist()
    [[0.0, 1.0], [0.5, 0.5]]
    """
    X = csr_array(X)
    totals = np.asarray(X.sum(axis=1), dtype=np.float64).ravel()
    return csr_array((X.data / np.repeat(totals, np.diff(X.indptr)), X.indices, X.indptr), shape=X.shape)
