"""The multi-similarity loss: positives and negatives weighted by how hard they are, each kind at its own sharpness."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from unlabeled.losses.blockwise.batch_sums import batch_sums
from unlabeled.losses.blockwise.embedding_checks import (
    Reduction,
    check_embeddings,
    check_plain,
    check_positive,
    reduce,
    unit,
)
from unlabeled.losses.blockwise.pairwise_reduction import Term
from unlabeled.losses.metric.pair_masks import check_labels
from unlabeled.processes import gather


def multi_similarity(
    z: Tensor,
    labels: Tensor,
    *,
    alpha: float = 2.0,
    beta: float = 50.0,
    base: float = 0.5,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Pull positives above a similarity and push negatives below it, hard ones most.

    With S the cosine similarities, P(i) the other rows of row i's class and N(i) the rows of other classes,

    .. math:: L_i = \frac1\alpha \log\Big(1 + \sum_{j \in P(i)} e^{-\alpha (S_{ij} - \lambda)}\Big)
              + \frac1\beta \log\Big(1 + \sum_{j \in N(i)} e^{\beta (S_{ij} - \lambda)}\Big)

    The paper leaves out pairs that are easy already; that is a matter of mining, and all pairs count here. Memory grows
    with n, not n² (see `unlabeled.losses.blockwise.pairwise_reduction`), and everything is computed in at least
    float32.

    Parameters
    ----------
    z : Tensor, shape (n, d)
        Embeddings of any length; they are normalised here.
    labels : Tensor, shape (n,)
        Integers. −1 is unlabelled: such a row is in no pair.
    alpha, beta : float, default=2.0 and 50.0
        α and β, how sharply hard positives and hard negatives stand out.
    base : float, default=0.5
        λ, the similarity that parts positives from negatives.
    reduction : {"mean", "sum", "none"}, default="mean"
        "none" gives the loss of every row.

    Returns
    -------
    Tensor
        A scalar, or shape (n,) if not reduced. The part without pairs is 0, and such rows count in the mean. NaN gives
        NaN.

    Raises
    ------
    UnlabeledError
        If the batch is empty, the labels are not one integer a row, or α or β is not above zero.

    Notes
    -----
    In a process group the batch is that of all processes, as for `nt_xent`.

    References
    ----------
    .. [1] Wang, Han, Huang, Dong, Scott. Multi-Similarity Loss with General Pair Weighting for Deep Metric Learning.
       CVPR 2019. https://arxiv.org/abs/1904.06627

    Examples
    --------
    >>> import math, torch
    >>> z = torch.tensor([[1.0, 0.0], [0.5, 0.75**0.5]])
    >>> round(multi_similarity(z, torch.tensor([4, 4])).item(), 4) == round(math.log(2) / 2, 4)
    True
    """
    check_embeddings(z)
    check_labels(labels, len(z))
    check_positive(alpha, "alpha")
    check_positive(beta, "beta")
    check_plain(base, "base")
    z = unit(z)
    terms = Term(among="same", scale=-alpha), Term(among="different", scale=beta)
    positive, negative = batch_sums(terms, z, gather(z), (labels, gather(labels)))
    # log(1 + Σ e^{s}) = softplus(log Σ e^{s}), and the base, the same in every term, comes out of the sum.
    losses = functional.softplus(positive + alpha * base) / alpha + functional.softplus(negative - beta * base) / beta
    return reduce(losses, reduction)
