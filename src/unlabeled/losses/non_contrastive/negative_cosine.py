"""Negative cosine: a prediction of one view turns towards the embedding of another, which gets no gradient."""

from __future__ import annotations

from torch import Tensor

from unlabeled.losses.blockwise.embedding_checks import Reduction, check_pair, reduce, unit


def byol(prediction: Tensor, target: Tensor, *, reduction: Reduction = "mean") -> Tensor:
    r"""Predict the teacher's embedding of the other view: BYOL's regression loss.

    .. math:: L_i = \left\lVert \bar q_i - \bar z_i \right\rVert^2 = 2 - 2 \cos(q_i, z_i)

    No gradient reaches the target. BYOL adds this loss for both directions, each view predicting the other.

    Parameters
    ----------
    prediction : Tensor, shape (n, d)
        q, the student's prediction, of any length.
    target : Tensor, shape (n, d)
        z, the teacher's embedding of the other view of the same instances; detached here.
    reduction : {"mean", "sum", "none"}, default="mean"
        "none" gives one loss a row.

    Returns
    -------
    Tensor
        Between 0 (same direction) and 4 (opposite); 2 where either row is zero. NaN gives NaN.

    Raises
    ------
    UnlabeledError
        If the shapes differ or the batch is empty.

    References
    ----------
    .. [1] Grill et al. Bootstrap Your Own Latent: A New Approach to Self-Supervised Learning. NeurIPS 2020.
       https://arxiv.org/abs/2006.07733

    Examples
    --------
    >>> import torch
    >>> byol(torch.tensor([[2.0, 0.0]]), torch.tensor([[-1.0, 0.0]])).item()
    4.0
    """
    check_pair(prediction, target)
    cosine = (unit(prediction) * unit(target.detach())).sum(dim=1)
    return reduce(2 - 2 * cosine, reduction)


def sim_siam(prediction: Tensor, target: Tensor, *, reduction: Reduction = "mean") -> Tensor:
    r"""Predict the same network's embedding of the other view: SimSiam's negative cosine.

    .. math:: L_i = -\cos(p_i, z_i)

    No gradient reaches the target. SimSiam takes the mean of this loss for both directions. It is `byol` / 2 − 1.

    Parameters
    ----------
    prediction : Tensor, shape (n, d)
        p, what the predictor makes of one view, of any length.
    target : Tensor, shape (n, d)
        z, the projection of the other view of the same instances; detached here.
    reduction : {"mean", "sum", "none"}, default="mean"
        "none" gives one loss a row.

    Returns
    -------
    Tensor
        Between −1 (same direction) and 1 (opposite); 0 where either row is zero. NaN gives NaN.

    Raises
    ------
    UnlabeledError
        If the shapes differ or the batch is empty.

    References
    ----------
    .. [1] Chen, He. Exploring Simple Siamese Representation Learning. CVPR 2021. https://arxiv.org/abs/2011.10566

    Examples
    --------
    >>> import torch
    >>> sim_siam(torch.tensor([[2.0, 0.0]]), torch.tensor([[-1.0, 0.0]])).item()
    1.0
    """
    check_pair(prediction, target)
    return reduce(-(unit(prediction) * unit(target.detach())).sum(dim=1), reduction)
