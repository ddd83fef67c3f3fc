"""The lifted structured loss: every positive pair against all negatives of both its rows."""

from __future__ import annotations

import torch
from torch import Tensor

from unlabeled.losses.blockwise.batch_sums import batch_sums, centred
from unlabeled.losses.blockwise.embedding_checks import Reduction, check_embeddings, check_plain
from unlabeled.losses.blockwise.pairwise_reduction import SUM_SQUARED_HINGE, Term, single
from unlabeled.losses.blockwise.scores import EUCLIDEAN
from unlabeled.losses.metric.pair_masks import check_labels, count_alike, reduce_counted
from unlabeled.processes import gather

NOTHING = -1e30  # stands for log 0


def lifted_structured(z: Tensor, labels: Tensor, margin: float = 1.0, *, reduction: Reduction = "mean") -> Tensor:
    r"""Have every positive pair nearer than all negatives of its two rows, by a margin.

    With D the Euclidean distances, P the positive pairs, N(i) the rows of other classes than row i's, and m the margin,

    .. math:: J_{ij} = D_{ij} + \log\Big(\sum_{k \in N(i)} e^{m - D_{ik}} + \sum_{k \in N(j)} e^{m - D_{jk}}\Big),
              \qquad L = \frac{1}{2 |P|} \sum_{(i, j) \in P} \max(0, J_{ij})^2

    which is the smooth form, the one the paper trains with; the logarithm stands for the nearest negative's m − D.
    Memory grows with n, not n² (see `unlabeled.losses.blockwise.pairwise_reduction`), and everything is computed in at
    least float32.

    Parameters
    ----------
    z : Tensor, shape (n, d)
        Embeddings, used as they are.
    labels : Tensor, shape (n,)
        Integers. −1 is unlabelled: such a row is in no pair.
    margin : float, default=1.0
        m, in the unit of the distances.
    reduction : {"mean", "sum", "none"}, default="mean"
        "mean" is over positive pairs, each (i, j) and (j, i); "none" gives the sum over those of each row, and "sum"
        that over all.

    Returns
    -------
    Tensor
        A scalar, or shape (n,) if not reduced. Without positive pairs, or without negatives, it is 0. NaN gives NaN,
        and so do distances too large for the type.

    Raises
    ------
    UnlabeledError
        If the batch is empty or the labels are not one integer a row.

    Notes
    -----
    In a process group the batch is that of all processes, as for `nt_xent`.

    References
    ----------
    .. [1] Oh Song, Xiang, Jegelka, Savarese. Deep Metric Learning via Lifted Structured Feature Embedding. CVPR 2016.
       https://arxiv.org/abs/1511.06452

    Examples
    --------
    >>> z, labels = torch.tensor([[0.0], [1.0], [5.0]]), torch.tensor([0, 0, 1])
    >>> J = 1 + torch.logsumexp(torch.tensor([1.0 - 5.0, 1.0 - 4.0]), 0)
    >>> J  # the negative is far away: nothing to push
    tensor(-1.6867)
    >>> lifted_structured(z, labels).item()
    0.0
    >>> torch.isclose(lifted_structured(z, labels, margin=3.0), (J + 2) ** 2 / 2).item()
    True
    """
    check_embeddings(z)
    check_plain(margin, "margin")
    check_labels(labels, len(z))
    z = centred(single(z))
    everyone, both = gather(z), (labels, gather(labels))
    (negatives,) = batch_sums((Term(among="different"),), z, everyone, both, score=EUCLIDEAN)
    # Finite also without negatives: the log of a sum of two nothings has no derivative.
    z = torch.cat([z, (margin + negatives).clamp_min(NOTHING)[:, None]], dim=1)
    (squares,) = batch_sums((Term(SUM_SQUARED_HINGE, "same"),), z, gather(z), both, score=_Violation())
    positives, _ = count_alike(labels)
    return reduce_counted(squares / 2, positives, reduction)


class _Violation:
    """J of two rows, each an embedding and, in the last column, the log-sum over its negatives."""

    def __call__(self, a: Tensor, c: Tensor) -> Tensor:
        return torch.logaddexp(a[:, -1:], c[:, -1]) - EUCLIDEAN(a[:, :-1], c[:, :-1])

    def gradient(self, a: Tensor, c: Tensor, scores: Tensor, weights: Tensor) -> Tensor:
        x, y = a[:, :-1], c[:, :-1]
        to_x = -EUCLIDEAN.gradient(x, y, EUCLIDEAN(x, y), weights)
        to_log_sum = (weights * torch.sigmoid(a[:, -1:] - c[:, -1])).sum(dim=1, keepdim=True)
        return torch.cat([to_x, to_log_sum], dim=1)
