"""Uniformity: how evenly the vectors cover the sphere."""

from __future__ import annotations

from numpy.typing import ArrayLike

from unlabeled.evaluation.inputs import sample


def uniformity(vectors: ArrayLike, max_rows: int = 5000) -> float:
    r"""Log of the vectors' mean Gaussian potential at unit length; no labels needed.

    .. math:: \log \mathrm{E}_{i \neq j} \exp(-2 \lVert \bar z_i - \bar z_j \rVert^2)

    Parameters
    ----------
    vectors : array, shape (n, d)
        The representation, at least two rows.
    max_rows : int, default=5000
        At most this many rows, drawn at random with a fixed seed, are used.

    Returns
    -------
    float
        Between −8 and 0 (all in one place); evenly spread in many dimensions it tends to −4. Lower is better if
        `alignment` is low too.

    Raises
    ------
    UnlabeledError
        If the vectors are not a table of finite numbers, or there is only one.

    References
    ----------
    .. [1] Wang, Isola. Understanding Contrastive Representation Learning through Alignment and Uniformity on the
       Hypersphere. ICML 2020. https://arxiv.org/abs/2005.10242

    Examples
    --------
    >>> round(uniformity([[1.0, 0.0], [-1.0, 0.0]]), 4)
    -8.0
    """
    from unlabeled.losses import health  # which brings torch

    return health.uniformity(sample(vectors, max_rows), rows=max_rows).item()
