"""Triplet losses: an anchor is nearer to its positive than to its negatives."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.losses.blockwise.distances import Distance, check_margin, distances
from unlabeled.losses.blockwise.embedding_checks import Reduction, check_pair, positive_scalar, reduce
from unlabeled.losses.metric.pair_masks import count_alike, loss_by_rows, reduce_counted

Negatives = Literal["sum", "hardest"]
Form = Literal["softplus", "softmax"]


def triplet(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    margin: float = 0.2,
    distance: Distance = "euclidean",
    negatives: Negatives = "sum",
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Bring the anchor nearer to its positive than to each negative, by a margin.

    .. math:: L_i = \sum_n \max(0, D(a_i, p_i) - D(a_i, n) + m)
              \qquad \text{or, hardest,} \qquad L_i = \max\big(0, \max_n (D(a_i, p_i) - D(a_i, n)) + m\big)

    Parameters
    ----------
    anchor, positive : Tensor, shape (n, d)
        Embeddings that belong together, row by row.
    negative : Tensor, shape (n, d) or (n, k, d)
        One or several embeddings a row that do not belong to the anchor.
    margin : float, default=0.2
        m, in units of the distance. 0 only asks for the right order, which embeddings that are all the same satisfy.
    distance : {"euclidean", "squared", "cosine", "inner_product"}, default="euclidean"
        D; see `unlabeled.losses.distances`.
    negatives : {"sum", "hardest"}, default="sum"
        What several negatives come to.
    reduction : {"mean", "sum", "none"}, default="mean"
        "none" gives one loss an anchor. The mean is over all of them, also those whose loss is 0.

    Returns
    -------
    Tensor
        A scalar, or shape (n,) if not reduced. 0 from the margin on, and no gradient there. Without any triplet, as
        where a miner found none, the mean is 0. NaN gives NaN.

    Raises
    ------
    UnlabeledError
        If shapes do not fit, the margin is negative, or a name is unknown.

    See Also
    --------
    unlabeled.losses.metric.miners : Choose triplets from a labelled batch.
    batch_triplet : All triplets of a labelled batch.
    smooth_triplet : Without a corner at the margin.

    References
    ----------
    .. [1] Weinberger, Saul. Distance Metric Learning for Large Margin Nearest Neighbor Classification. JMLR 2009.
    .. [2] Schroff, Kalenichenko, Philbin. FaceNet: A Unified Embedding for Face Recognition and Clustering. CVPR 2015.
       https://arxiv.org/abs/1503.03832

    Examples
    --------
    >>> a, p, n = torch.tensor([[0.0]]), torch.tensor([[1.0]]), torch.tensor([[[1.5], [3.0], [0.5]]])
    >>> triplet(a, p, n, margin=1.0).item(), triplet(a, p, n, margin=1.0, negatives="hardest").item()
    (2.0, 1.5)
    """
    check_margin(margin)
    _check_choice("negatives", negatives, ("sum", "hardest"))
    violation = _gaps(anchor, positive, negative, distance) + margin
    hinged = violation.relu()
    return reduce(hinged.sum(dim=1) if negatives == "sum" else hinged.amax(dim=1), reduction)


def smooth_triplet(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    temperature: float | Tensor = 1.0,
    distance: Distance = "euclidean",
    form: Form = "softplus",
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Bring the anchor nearer to its positive than to its negatives, without a margin and without a corner.

    .. math:: L_i = \sum_n \tau \log\big(1 + e^{(D_p - D_n)/\tau}\big)
              \qquad \text{or, softmax,} \qquad
              L_i = -\tau \log \frac{e^{-D_p/\tau}}{e^{-D_p/\tau} + \sum_n e^{-D_n/\tau}}

    With one negative the two are the same. As τ → 0 the first tends to the sum of hinges and the second to the hardest
    hinge, both with margin 0. The softmax form over τ, with the cosine or inner product, is InfoNCE.

    Parameters
    ----------
    anchor, positive : Tensor, shape (n, d)
        Embeddings that belong together, row by row.
    negative : Tensor, shape (n, d) or (n, k, d)
        One or several embeddings a row that do not belong to the anchor.
    temperature : float or scalar Tensor, default=1.0
        τ, in units of the distance: how far beyond the right order a triplet still counts. A parameter is learnt.
    distance : {"euclidean", "squared", "cosine", "inner_product"}, default="euclidean"
        D; see `unlabeled.losses.distances`.
    form : {"softplus", "softmax"}, default="softplus"
        Whether each negative counts by itself, or all in one softmax.
    reduction : {"mean", "sum", "none"}, default="mean"
        "none" gives one loss an anchor.

    Returns
    -------
    Tensor
        A scalar, or shape (n,) if not reduced; above 0. Embeddings that are all the same give τ k log 2, or
        τ log(1 + k), with k negatives; 0 without any triplet. NaN gives NaN.

    Raises
    ------
    UnlabeledError
        If shapes do not fit, the temperature is not above zero, or a name is unknown.

    References
    ----------
    .. [1] Hermans, Beyer, Leibe. In Defense of the Triplet Loss for Person Re-Identification. 2017.
       https://arxiv.org/abs/1703.07737
    .. [2] Sohn. Improved Deep Metric Learning with Multi-class N-pair Loss Objective. NeurIPS 2016.

    Examples
    --------
    >>> same = torch.ones(1, 3)
    >>> smooth_triplet(same, same, same)  # log 2
    tensor(0.6931)
    """
    temperature = positive_scalar(temperature, "temperature", anchor)
    _check_choice("form", form, ("softplus", "softmax"))
    gaps = _gaps(anchor, positive, negative, distance) / temperature
    nothing = torch.zeros_like(gaps[:, :1])
    if form == "softplus":
        losses = torch.logaddexp(nothing, gaps).sum(dim=1)
    else:
        losses = torch.cat([nothing, gaps], dim=1).logsumexp(dim=1)
    return reduce(temperature * losses, reduction)


def batch_triplet(
    z: Tensor,
    labels: Tensor,
    *,
    margin: float = 0.2,
    distance: Distance = "euclidean",
    negatives: Negatives = "sum",
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Take the triplet loss over all triplets of a batch: same label as the anchor, and another label.

    .. math:: L_a = \frac{1}{|P_a|} \sum_{p \in P_a} \sum_{n \in N_a} \max(0, D(z_a, z_p) - D(z_a, z_n) + m)

    or with the nearest negative alone, if `negatives` is "hardest". For the farthest positive and the nearest negative
    ("batch hard"), give `triplet` what `unlabeled.losses.metric.miners.hardest` finds.

    Parameters
    ----------
    z : Tensor, shape (n, d)
        Embeddings.
    labels : Tensor of int, shape (n,)
        Labels; −1 means unlabelled, and in no triplet.
    margin : float, default=0.2
        m, in units of the distance.
    distance : {"euclidean", "squared", "cosine", "inner_product"}, default="euclidean"
        D, computed by `unlabeled.losses.distance_matrix`, whose precision see.
    negatives : {"sum", "hardest"}, default="sum"
        Over all negatives of the anchor, or the nearest alone.
    reduction : {"mean", "sum", "none"}, default="mean"
        "none" gives one loss an anchor, 0 for one without a positive or without a negative, which the mean leaves out.

    Returns
    -------
    Tensor
        A scalar, or shape (n,) if not reduced; 0 without any triplet. NaN gives NaN.

    Raises
    ------
    UnlabeledError
        If the batch is empty, labels are not one whole number a row, the margin is negative, or a name is unknown.

    Notes
    -----
    The n³ triplets are never listed. An anchor's negatives are sorted once, and with t = D(a, p) + m a positive's sum
    is k t minus the sum of the k distances below t: n² log n steps in all. Memory grows with n, as in
    `batch_contrastive`; so does what is said there of several processes.

    Examples
    --------
    >>> z, labels = torch.tensor([[0.0], [1.0], [1.5]]), torch.tensor([0, 0, 1])
    >>> batch_triplet(z, labels, margin=1.0, reduction="none")  # 1 − 1.5 + 1 and 1 − 0.5 + 1
    tensor([0.5000, 1.5000, 0.0000])
    """
    check_margin(margin)
    _check_choice("negatives", negatives, ("sum", "hardest"))

    def of_rows(D: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        below = D + margin
        if negatives == "hardest":
            hinged = (below - D.masked_fill(~negative, torch.inf).amin(dim=1, keepdim=True)).relu()
        else:
            hinged = _sum_of_hinges(below, D, negative)
        return torch.where(positive, hinged, 0).sum(dim=1) / positive.sum(dim=1).clamp(min=1)

    losses = loss_by_rows(of_rows, z, labels, distance)
    positives, others = count_alike(labels)
    return reduce_counted(losses, (positives > 0) & (others > 0), reduction)


def _sum_of_hinges(t: Tensor, D: Tensor, negative: Tensor) -> Tensor:
    """Sum max(0, t − D) over each row's negatives, for every entry of t."""
    ordered = D.masked_fill(~negative, torch.inf).sort(dim=1).values
    reached = torch.searchsorted(ordered.detach(), t.detach())
    summed = torch.where(ordered.isinf(), 0, ordered).cumsum(dim=1)
    summed = torch.cat([torch.zeros_like(summed[:, :1]), summed], dim=1)
    return reached * t - summed.gather(1, reached)


def _gaps(anchor: Tensor, positive: Tensor, negative: Tensor, distance: Distance) -> Tensor:
    """Check a set of triplets, and give D(a, p) − D(a, n) for each negative of each anchor: shape (n, k)."""
    check_pair(anchor, positive, empty=True)
    if negative.ndim == 2:
        negative = negative[:, None]
    n, d = anchor.shape
    if negative.ndim != 3 or negative.shape[::2] != (n, d) or negative.shape[1] == 0:
        raise UnlabeledError(
            f"negatives must have shape ({n}, {d}) or ({n}, k, {d}), as the anchors have, not {tuple(negative.shape)}"
        )
    return distances(anchor, positive, distance)[:, None] - distances(anchor[:, None], negative, distance)


def _check_choice(name: str, chosen: str, known: tuple[str, ...]) -> None:
    if chosen not in known:
        raise unknown_name(name, chosen, known)
