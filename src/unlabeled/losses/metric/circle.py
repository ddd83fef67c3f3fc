"""Circle loss: the pairs that are furthest from where they should be count most."""

from __future__ import annotations

import torch
from torch import Tensor

from unlabeled.losses.blockwise.distances import check_margin
from unlabeled.losses.blockwise.embedding_checks import Reduction, positive_scalar
from unlabeled.losses.metric.pair_masks import count_alike, loss_by_rows, reduce_counted


def circle(
    z: Tensor, labels: Tensor, *, margin: float = 0.4, scale: float | Tensor = 80.0, reduction: Reduction = "mean"
) -> Tensor:
    r"""Raise the cosines of the same label to 1 and lower those of others to 0, each by how far it still has to go.

    .. math:: L_a = \log\Big(1 + \sum_n e^{\gamma \alpha_n (s_n - m)}
              \sum_p e^{-\gamma \alpha_p (s_p - 1 + m)}\Big), \quad \alpha_p = [1 + m - s_p]_+, \quad
              \alpha_n = [s_n + m]_+

    with s the cosines of anchor a and of the same label (p) and another (n). The weights α get no gradient. Where
    positives and negatives can be told apart is then a circle about s_p = 1, s_n = 0, and not a line.

    Parameters
    ----------
    z : Tensor, shape (n, d)
        Embeddings, of any length: they are normalised here.
    labels : Tensor of int, shape (n,)
        Labels; −1 means unlabelled, and in no pair.
    margin : float, default=0.4
        m, the radius of the circle and how much slack is left.
    scale : float or scalar Tensor, default=80.0
        γ, an inverse temperature. A parameter is learnt.
    reduction : {"mean", "sum", "none"}, default="mean"
        "none" gives one loss an anchor, 0 for one without a positive or without a negative, which the mean leaves out.

    Returns
    -------
    Tensor
        A scalar, or shape (n,) if not reduced; 0 if no anchor has both. NaN gives NaN.

    Raises
    ------
    UnlabeledError
        If the batch is empty, labels are not one integer a row, the margin is negative or the scale not above 0.

    Notes
    -----
    Memory and several processes are as in `unlabeled.losses.batch_contrastive`.

    References
    ----------
    .. [1] Sun et al. Circle Loss: A Unified Perspective of Pair Similarity Optimization. CVPR 2020.
       https://arxiv.org/abs/2002.10857

    Examples
    --------
    >>> z, labels = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 0, 1])
    >>> bool(circle(z, labels) < 1e-9)
    True
    """
    check_margin(margin)
    scale = positive_scalar(scale, "scale", z)

    def of_rows(D: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        s = 1 - D
        still = s.detach()
        to_raise = -scale * (1 + margin - still).relu() * (s - 1 + margin)
        to_lower = scale * (still + margin).relu() * (s - margin)
        exponent = _log_sum_exp(to_lower, negative) + _log_sum_exp(to_raise, positive)
        return torch.logaddexp(torch.zeros_like(exponent), exponent)

    losses = loss_by_rows(of_rows, z, labels, "cosine")
    positives, negatives = count_alike(labels)
    return reduce_counted(losses, (positives > 0) & (negatives > 0), reduction)


def _log_sum_exp(scores: Tensor, taken: Tensor) -> Tensor:
    # The least finite number in place of −inf: where none is taken, the gradient is then 0 and not NaN.
    return scores.masked_fill(~taken, torch.finfo(scores.dtype).min).logsumexp(dim=1)
