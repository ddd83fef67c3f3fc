"""Alignment: how near two views of one instance lie."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unlabeled.errors import UnlabeledError
from unlabeled.evaluation.inputs import sample


def alignment(x: ArrayLike, y: ArrayLike, max_rows: int = 20_000) -> float:
    r"""Mean squared distance between the vectors of two views of an instance, at unit length; no labels needed.

    .. math:: \mathrm{E}_i \lVert \bar x_i - \bar y_i \rVert^2

    Parameters
    ----------
    x, y : array, shape (n, d)
        Vectors of two views of the same instances, row by row.
    max_rows : int, default=20000
        At most this many rows, drawn at random with a fixed seed, are used.

    Returns
    -------
    float
        Between 0 (views coincide) and 4. Lower is better if `uniformity` is low too.

    Raises
    ------
    UnlabeledError
        If the shapes differ, or either is not a table of finite numbers.

    References
    ----------
    .. [1] Wang, Isola. Understanding Contrastive Representation Learning through Alignment and Uniformity on the
       Hypersphere. ICML 2020. https://arxiv.org/abs/2005.10242

    Examples
    --------
    >>> alignment([[1.0, 0.0]], [[0.0, 5.0]])
    2.0
    """
    from unlabeled.losses import health  # which brings torch

    if np.shape(x) != np.shape(y):
        raise UnlabeledError(
            f"row i of both must belong to one instance, but shapes differ: {np.shape(x)}, {np.shape(y)}"
        )
    first, second = sample(x, max_rows, "the first views"), sample(y, max_rows, "the second views")
    return health.alignment(first, second, rows=max_rows).item()
