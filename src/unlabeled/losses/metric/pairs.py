"""Contrastive loss of pairs: alike pull together, unlike push apart until they are a margin away."""

from __future__ import annotations

import torch
from torch import Tensor

from unlabeled.errors import UnlabeledError
from unlabeled.losses.blockwise.distances import Distance, check_distance, check_margin, distances
from unlabeled.losses.blockwise.embedding_checks import Reduction, check_pair, reduce
from unlabeled.losses.metric.pair_masks import count_alike, loss_by_rows, reduce_counted


def contrastive(
    x: Tensor,
    y: Tensor,
    alike: Tensor,
    *,
    margin: float = 1.0,
    distance: Distance = "euclidean",
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Pull pairs that are alike together, and push others apart until they are ε away.

    .. math:: L_i = \begin{cases} D(x_i, y_i)^2 & \text{alike} \\ \max(0, \varepsilon - D(x_i, y_i))^2 & \text{not}
              \end{cases}

    The margin is on D and the hinge is squared, so that a push fades out smoothly at ε.

    Parameters
    ----------
    x, y : Tensor, shape (n, d)
        Embeddings of n pairs, row by row.
    alike : Tensor of bool, shape (n,)
        Which pairs are alike.
    margin : float, default=1.0
        ε, in units of the distance; 0 pushes nothing.
    distance : {"euclidean", "squared", "cosine"}, default="euclidean"
        D; see `unlabeled.losses.distances`. The papers' is Euclidean. The inner product is not least for vectors
        that are alike, so nothing can be pulled to it.
    reduction : {"mean", "sum", "none"}, default="mean"
        "none" gives one loss a pair.

    Returns
    -------
    Tensor
        A scalar, or shape (n,) if not reduced. Unlike pairs at the same place get no Euclidean push, for want of a
        direction. Distances whose square float32 cannot hold give infinity. Without any pair the mean is 0. NaN gives
        NaN.

    Raises
    ------
    UnlabeledError
        If shapes differ, `alike` is not one truth value a pair, the margin is negative, or the distance is unknown
        or the inner product.

    See Also
    --------
    batch_contrastive : The same for all pairs of a labelled batch.

    References
    ----------
    .. [1] Chopra, Hadsell, LeCun. Learning a Similarity Metric Discriminatively, with Application to Face
       Verification. CVPR 2005.
    .. [2] Hadsell, Chopra, LeCun. Dimensionality Reduction by Learning an Invariant Mapping. CVPR 2006.

    Examples
    --------
    >>> x, y = torch.tensor([[0.0], [0.0], [0.0]]), torch.tensor([[3.0], [0.5], [2.0]])
    >>> contrastive(x, y, torch.tensor([True, False, False]), reduction="none")
    tensor([9.0000, 0.2500, 0.0000])
    """
    check_pair(x, y, empty=True)
    check_margin(margin)
    _check_least(distance)
    if alike.shape != (len(x),) or alike.dtype != torch.bool:
        raise UnlabeledError(
            f"alike must hold one truth value a pair, {len(x)} in all, "
            f"not {alike.dtype} of shape {tuple(alike.shape)}; compare labels with == to get it"
        )
    D = distances(x, y, distance)
    return reduce(torch.where(alike, _pull(D), _push(D, margin)), reduction)


def batch_contrastive(
    z: Tensor,
    labels: Tensor,
    *,
    margin: float = 1.0,
    distance: Distance = "euclidean",
    balanced: bool = False,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Take the contrastive loss over all pairs of a batch; those with the same label are alike.

    .. math:: L_i = \frac{1}{|A_i|} \sum_{j \in A_i}
              \begin{cases} D(z_i, z_j)^2 & y_i = y_j \\ \max(0, \varepsilon - D(z_i, z_j))^2 & y_i \neq y_j \end{cases}

    with A(i) all other labelled rows. The mean over the rows is the mean over all pairs.

    Parameters
    ----------
    z : Tensor, shape (n, d)
        Embeddings.
    labels : Tensor of int, shape (n,)
        Labels; −1 means unlabelled, and in no pair.
    margin : float, default=1.0
        ε, in units of the distance.
    distance : {"euclidean", "squared", "cosine"}, default="euclidean"
        D, computed by `unlabeled.losses.distance_matrix`, whose precision see.
    balanced : bool, default=False
        Take the mean over the alike and over the others separately, and add them up. In a batch of many classes few
        pairs are alike, and would count for little.
    reduction : {"mean", "sum", "none"}, default="mean"
        "none" gives one loss a row, 0 for one without a partner, which the mean leaves out.

    Returns
    -------
    Tensor
        A scalar, or shape (n,) if not reduced; 0 without any pair. NaN gives NaN.

    Raises
    ------
    UnlabeledError
        If the batch is empty, labels are not one whole number a row, the margin is negative, or the
        distance is unknown or the inner product.

    Notes
    -----
    Some rows are compared with all at a time and what they need is computed again in the backward pass: memory grows
    with n. In a process group rows are compared with those of all processes, as in
    `unlabeled.losses.nt_xent`.

    Examples
    --------
    >>> z = torch.tensor([[0.0], [2.0], [0.5]])
    >>> batch_contrastive(z, torch.tensor([0, 0, 1]))  # D² = 4; (1 − 0.5)² = 0.25; far enough: 0
    tensor(1.4167)
    """
    check_margin(margin)
    _check_least(distance)

    def of_rows(D: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        if balanced:
            pulls, pushes = torch.where(positive, _pull(D), 0), torch.where(negative, _push(D, margin), 0)
            return pulls.sum(dim=1) / positive.sum(dim=1).clamp(min=1) + pushes.sum(dim=1) / negative.sum(dim=1).clamp(
                min=1
            )
        terms = torch.where(positive, _pull(D), torch.where(negative, _push(D, margin), 0))
        return terms.sum(dim=1) / (positive | negative).sum(dim=1).clamp(min=1)

    losses = loss_by_rows(of_rows, z, labels, distance)
    positives, negatives = count_alike(labels)
    return reduce_counted(losses, positives + negatives > 0, reduction)


def _check_least(distance: str) -> None:
    """Refuse the distance that is not least, and 0, where two vectors are the same."""
    check_distance(distance)
    if distance == "inner_product":
        raise UnlabeledError(
            "pairs that are alike are pulled to the distance 0, which for the inner product means orthogonal; "
            "take 'cosine', 'euclidean' or 'squared'"
        )


def _pull(D: Tensor) -> Tensor:
    return D.square()


def _push(D: Tensor, margin: float) -> Tensor:
    return (margin - D).relu().square()
