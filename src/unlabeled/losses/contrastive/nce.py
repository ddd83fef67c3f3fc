"""Noise-contrastive estimation: tell data from noise, one binary question at a time."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from unlabeled.errors import UnlabeledError
from unlabeled.losses.blockwise.embedding_checks import Reduction, check_pair, positive_scalar, reduce
from unlabeled.losses.blockwise.pairwise_reduction import SUM_SOFTPLUS, Term, pair_sums, single
from unlabeled.losses.contrastive.info_nce import check_negatives, each_with_its_own


def nce(
    x: Tensor,
    c: Tensor,
    noise: Tensor,
    *,
    log_p: float | Tensor,
    log_p_noise: float | Tensor | None = None,
    log_z: float | Tensor = 0.0,
    temperature: float | Tensor = 1.0,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Tell each row's true context from k contexts drawn as noise.

    The model's log-probability of a context is its score minus log Z, and q is the distribution the noise is drawn
    from. Were one context in k + 1 true, the log-odds that c is the true one would be

    .. math:: h(x, c) = \frac{x \cdot c}{\tau} - \log Z - \log\big(k \, q(c)\big)

    and the loss is the cross-entropy of that guess, for the true context and each of the noise:

    .. math:: L_i = -\log \sigma\big(h(x_i, c_i)\big) - \sum_{j=1}^{k} \log \sigma\big(-h(x_i, \tilde c_{ij})\big)

    Unlike a softmax it needs no sum over all contexts: Z is a number to learn, or to fix, and the larger k the nearer
    the gradient comes to that of maximum likelihood. `info_nce` asks instead which of the k + 1 is the true one, and Z
    and k cancel.

    Parameters
    ----------
    x : Tensor, shape (n, d)
        Embeddings, used as they are; normalise them first for cosines.
    c : Tensor, shape (n, d)
        Embeddings of their true contexts.
    noise : Tensor, shape (k, d) or (n, k, d)
        Embeddings of k contexts drawn from q, for all rows together or for each row. Shared noise is compared with the
        rows tile by tile. In a process group it is used as it is. Without any noise the loss is 0.
    log_p : float or Tensor, shape (n,)
        log q(cᵢ). A float is a uniform q: minus the log of the number of contexts.
    log_p_noise : float or Tensor, shape (k,) or (n, k), optional
        log q of the noise. May be left out where `log_p` is a float.
    log_z : float or scalar Tensor, default=0.0
        log Z. A parameter is learnt; 0 asks the model to normalise itself.
    temperature : float or scalar Tensor, default=1.0
        τ. A parameter is learnt.
    reduction : {"mean", "sum", "none"}, default="mean"
        "none" gives one loss a row.

    Returns
    -------
    Tensor
        A scalar, or shape (n,) if not reduced. Zero embeddings with Z = 1 and q = 1 / k give (k + 1) ln 2. NaN gives
        NaN, and so do dot products too large for the type.

    Raises
    ------
    UnlabeledError
        If shapes do not fit, the batch is empty, the temperature is not above zero, or the noise's q is missing.

    References
    ----------
    .. [1] Gutmann, Hyvärinen. Noise-Contrastive Estimation: A New Estimation Principle for Unnormalized Statistical
       Models. AISTATS 2010.
    .. [2] Mnih, Kavukcuoglu. Learning Word Embeddings Efficiently with Noise-Contrastive Estimation. NeurIPS 2013.

    Examples
    --------
    >>> x, c, noise = torch.zeros(4, 3), torch.zeros(4, 3), torch.zeros(7, 3)
    >>> loss = nce(x, c, noise, log_p=-math.log(7))
    >>> bool(torch.isclose(loss, 8 * torch.tensor(2.0).log()))
    True
    """
    check_pair(x, c)
    check_negatives(noise, c)
    temperature = positive_scalar(temperature, "temperature", x)
    if log_p_noise is None:
        if isinstance(log_p, Tensor):
            raise UnlabeledError("log_p differs from context to context, so log_p_noise is needed too")
        log_p_noise = log_p
    x, c, noise = single(x) / temperature, single(c), single(noise)
    k = noise.shape[-2]
    if k == 0:
        return reduce((x * c).sum(dim=1) * 0, reduction)
    true = (x * c).sum(dim=1) - _offset(log_p, "log_p", x.shape[:1], log_z, k, x)
    offset = _offset(log_p_noise, "log_p_noise", noise.shape[:-1], log_z, k, x)
    if noise.ndim == 3:
        as_true = functional.softplus(each_with_its_own(x, noise) - offset).sum(dim=1)
    else:
        # The offset of each noise is one more coordinate, which meets a 1.
        noise = torch.cat([noise, -offset[:, None]], dim=1)
        (as_true,) = pair_sums((Term(SUM_SOFTPLUS),), functional.pad(x, (0, 1), value=1.0), noise)
    # −log σ(h) = softplus(−h)
    return reduce(functional.softplus(-true) + as_true, reduction)


def _offset(log_p: float | Tensor, name: str, shape: torch.Size, log_z: float | Tensor, k: int, like: Tensor) -> Tensor:
    """Give log Z + log(k q) for contexts of this shape."""
    if isinstance(log_p, Tensor) and log_p.shape != shape:
        raise UnlabeledError(f"{name} must have shape {tuple(shape)}, one for each, not {tuple(log_p.shape)}")
    if isinstance(log_z, Tensor) and log_z.numel() != 1:
        raise UnlabeledError(f"log_z must be one number, not a tensor of shape {tuple(log_z.shape)}")
    offset = torch.as_tensor(log_p).to(like) + math.log(k) + torch.as_tensor(log_z).to(like).reshape(())
    return offset.expand(shape)
