"""Effective rank: how many directions the vectors use."""

from __future__ import annotations

from numpy.typing import ArrayLike

from unlabeled.evaluation.inputs import sample


def effective_rank(vectors: ArrayLike, max_rows: int = 5000) -> float:
    r"""Count the directions that the vectors use (RankMe); no labels needed.

    .. math:: \exp\Big(-\sum_k p_k \log p_k\Big), \qquad p_k = \sigma_k / \textstyle\sum_l \sigma_l

    with σ the singular values of the vectors as they are, neither centred nor normalised.

    Parameters
    ----------
    vectors : array, shape (n, d)
        The representation.
    max_rows : int, default=5000
        At most this many rows, drawn at random with a fixed seed, are used.

    Returns
    -------
    float
        Between 1 (all rows on one line) and min(n, d); 0 if all vectors are zero.

    Raises
    ------
    UnlabeledError
        If the vectors are not a table of finite numbers.

    References
    ----------
    .. [1] Garrido, Balestriero, Najman, LeCun. RankMe: Assessing the Downstream Performance of Pretrained
       Self-Supervised Representations by Their Rank. ICML 2023. https://arxiv.org/abs/2210.02885

    Examples
    --------
    >>> round(effective_rank([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0], [0.0, 2.0]]), 4)
    2.0
    """
    from unlabeled.losses import health  # which brings torch

    return health.effective_rank(sample(vectors, max_rows), rows=max_rows).item()
