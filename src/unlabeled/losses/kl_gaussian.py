"""How far a Gaussian is from the standard one, for encoders that give a distribution."""

from __future__ import annotations

from torch import Tensor

from unlabeled.losses.blockwise.embedding_checks import Reduction, check_pair, reduce


def kl_gaussian(mean: Tensor, log_variance: Tensor, *, reduction: Reduction = "mean") -> Tensor:
    r"""Kullback-Leibler divergence of a diagonal Gaussian from the standard one.

    .. math:: L_i = \mathrm{KL}\big(N(\mu_i, \sigma_i^2) \,\Vert\, N(0, 1)\big)
              = \tfrac12 \sum_k \big(\mu_{ik}^2 + \sigma_{ik}^2 - 1 - \log \sigma_{ik}^2\big)

    Summed over the latent dimensions and, by default, averaged over the batch.

    Parameters
    ----------
    mean : Tensor, shape (n, d)
        μ.
    log_variance : Tensor, shape (n, d)
        log σ², which may be any number, so that a network can give it.
    reduction : {"mean", "sum", "none"}, default="mean"
        "none" gives one divergence a row.

    Returns
    -------
    Tensor
        A scalar, or shape (n,) if not reduced; 0 for the standard Gaussian, else above. A log variance over 88, whose
        exponential float32 cannot hold, gives infinity. NaN gives NaN.

    Raises
    ------
    UnlabeledError
        If the shapes differ or the batch is empty.

    References
    ----------
    .. [1] Kingma, Welling. Auto-Encoding Variational Bayes. ICLR 2014. Appendix B. https://arxiv.org/abs/1312.6114

    Examples
    --------
    >>> import torch
    >>> kl_gaussian(torch.tensor([[1.0, 2.0]]), torch.zeros(1, 2)).item()
    2.5
    """
    check_pair(mean, log_variance)
    # e^x − 1 as one function is exact where the variance is near 1.
    return reduce((mean.square() + log_variance.expm1() - log_variance).sum(dim=1) / 2, reduction)
