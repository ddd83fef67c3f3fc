"""Losses of two towers: each image finds its text, and each text its image."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from unlabeled.errors import UnlabeledError
from unlabeled.losses.blockwise.embedding_checks import Reduction, check_pair, positive_scalar, reduce, unit
from unlabeled.losses.blockwise.pairwise_reduction import SUM_SOFTPLUS, Term, pair_sums
from unlabeled.losses.bounded import bounded
from unlabeled.losses.contrastive.info_nce import find_partner
from unlabeled.processes import gather

LARGEST_SCALE = 100.0


def clip(images: Tensor, texts: Tensor, scale: float | Tensor = 1 / 0.07, *, reduction: Reduction = "mean") -> Tensor:
    r"""Find each image's text among all texts and each text's image among all images: CLIP's loss.

    With u and v the images' and texts' embeddings at unit length, and s the scale,

    .. math:: L_i = -\frac12 \log \frac{\exp(s \, u_i \cdot v_i)}{\sum_j \exp(s \, u_i \cdot v_j)}
              - \frac12 \log \frac{\exp(s \, u_i \cdot v_i)}{\sum_j \exp(s \, u_j \cdot v_i)}

    Identical embeddings give ln n. Memory grows with n, not n²: similarities are made tile by tile, once for both
    directions.

    Parameters
    ----------
    images, texts : Tensor, shape (n, d)
        Embeddings of n pairs, row by row, of any length.
    scale : float or scalar Tensor, default=1 / 0.07
        s, one over the temperature. To learn it as CLIP does, hold its logarithm in a parameter and pass ``log.exp()``.
        More than 100 counts as 100. The gradient that would raise it further stops there; one that lowers it passes.
    reduction : {"mean", "sum", "none"}, default="mean"
        "none" gives one loss a pair.

    Returns
    -------
    Tensor
        A scalar, or shape (n,) if not reduced. One pair alone gives 0. NaN gives NaN.

    Raises
    ------
    UnlabeledError
        If the shapes differ, the batch is empty, or the scale is no scalar, or a float that is not above zero.

    Notes
    -----
    In a process group, this process's pairs are compared with those of all processes; every process must bring the
    same n. The mean of the losses over the processes is that of the joined batch, and so are the averaged gradients.

    References
    ----------
    .. [1] Radford et al. Learning Transferable Visual Models From Natural Language Supervision. ICML 2021.
       https://arxiv.org/abs/2103.00020

    Examples
    --------
    >>> same = torch.ones(8, 4)
    >>> bool(torch.isclose(clip(same, same), torch.tensor(8.0).log()))
    True
    >>> log_scale = torch.nn.Parameter(torch.tensor(1 / 0.07).log())
    >>> clip(torch.randn(8, 4), torch.randn(8, 4), log_scale.exp()).backward()
    """
    check_pair(images, texts)
    images, texts = unit(images), unit(texts)
    return reduce(find_partner(images * ceiled_scale(scale, images), texts, both_ways=True), reduction)


def siglip(
    images: Tensor,
    texts: Tensor,
    scale: float | Tensor = 10.0,
    bias: float | Tensor = -10.0,
    *,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Tell for every image and every text whether they belong together: SigLIP's pairwise sigmoid loss.

    With u and v the images' and texts' embeddings at unit length, t the scale and b the bias,

    .. math:: L_i = -\sum_j \log \sigma\big(y_{ij} (t \, u_i \cdot v_j + b)\big), \qquad
              y_{ij} = 1 \text{ if } i = j, \text{ else } -1

    No row is normalised over the others, as it is in `clip`. Memory grows with n, not n².

    Parameters
    ----------
    images, texts : Tensor, shape (n, d)
        Embeddings of n pairs, row by row, of any length.
    scale : float or scalar Tensor, default=10.0
        t. To learn it as SigLIP does, hold its logarithm in a parameter and pass ``log.exp()``.
    bias : float or scalar Tensor, default=-10.0
        b. It starts low because only one pair in n is a match.
    reduction : {"mean", "sum", "none"}, default="mean"
        "none" gives one loss an image.

    Returns
    -------
    Tensor
        A scalar, or shape (n,) if not reduced. Identical embeddings with t = b = 0 give n ln 2. NaN gives NaN.

    Raises
    ------
    UnlabeledError
        If the shapes differ, the batch is empty, scale or bias is no scalar, or the scale a float not above zero.

    Notes
    -----
    In a process group, this process's images are compared with the texts of all processes, as in `clip`.

    References
    ----------
    .. [1] Zhai, Mustafa, Kolesnikov, Beyer. Sigmoid Loss for Language Image Pre-Training. ICCV 2023.
       https://arxiv.org/abs/2303.15343

    Examples
    --------
    >>> same = torch.ones(8, 4)
    >>> bool(torch.isclose(siglip(same, same), 8 * torch.tensor(2.0).log()))
    True
    """
    check_pair(images, texts)
    images, texts = unit(images), unit(texts)
    bias = _scalar(bias, "bias", images)
    images = images * _scalar(scale, "scale", images)
    match = (images * texts).sum(dim=1) + bias
    # −log σ(x) = softplus(x) − x, so each pair is taken as no match first. The bias is one more coordinate.
    images = torch.cat([images, bias.expand(len(images), 1)], dim=1)
    (as_none,) = pair_sums((Term(SUM_SOFTPLUS),), images, gather(functional.pad(texts, (0, 1), value=1.0)))
    return reduce(as_none - match, reduction)


def ceiled_scale(scale: float | Tensor, like: Tensor) -> Tensor:
    """Give a scale of at most 100, whose gradient passes above that only if it leads back down."""
    return bounded(_scalar(scale, "scale", like), most=LARGEST_SCALE)


def _scalar(value: float | Tensor, name: str, like: Tensor) -> Tensor:
    if name == "scale":
        value = positive_scalar(value, name, like)
    if not isinstance(value, Tensor):
        return like.new_tensor(value)
    if value.numel() != 1:
        raise UnlabeledError(f"{name} must be one number, not a tensor of shape {tuple(value.shape)}")
    return value.reshape(()).to(like)
