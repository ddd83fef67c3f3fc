"""Miners: choose triplets from a labelled batch, without a gradient, a block of anchors at a time.

Each gives the places of anchors, positives and negatives; the loss is then taken of the rows there:

>>> from unlabeled.losses import miners, triplet
>>> z, labels = torch.randn(8, 4, requires_grad=True), torch.tensor([0, 0, 1, 1, 2, 2, 3, 3])
>>> a, p, n = miners.hardest(z, labels)
>>> triplet(z[a], z[p], z[n]).backward()

A row with label −1 is unlabelled and in no triplet. An anchor without a positive, or without a negative, gives none,
so there may be none at all. In a process group, mine from `unlabeled.processes.gather` of embeddings and labels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from unlabeled.losses.blockwise.distances import Comparison, Distance
from unlabeled.losses.blockwise.embedding_checks import check_embeddings, check_positive
from unlabeled.losses.metric.pair_masks import blocks, check_labels, pair_masks

__all__ = ["Triplets", "distance_weighted", "easy_positive", "hardest", "random", "semi_hard"]


class Triplets(NamedTuple):
    """Places of anchors, positives and negatives in a batch: three int64 tensors of one length, anchors ascending."""

    anchors: Tensor
    positives: Tensor
    negatives: Tensor


@torch.no_grad()
def hardest(z: Tensor, labels: Tensor, *, distance: Distance = "euclidean") -> Triplets:
    """Take each anchor's farthest positive and nearest negative ("batch hard").

    Parameters
    ----------
    z : Tensor, shape (n, d)
        Embeddings.
    labels : Tensor of int, shape (n,)
        Their labels, −1 where unknown.
    distance : {"euclidean", "squared", "cosine", "inner_product"}, default="euclidean"
        What far and near mean; see `unlabeled.losses.distance_matrix`, also for the precision.

    Returns
    -------
    Triplets
        One an anchor.

    Raises
    ------
    UnlabeledError
        If the batch is empty, labels are not one integer a row, or the distance is unknown.

    References
    ----------
    .. [1] Hermans, Beyer, Leibe. In Defense of the Triplet Loss for Person Re-Identification. 2017.
       https://arxiv.org/abs/1703.07737

    Examples
    --------
    >>> z = torch.tensor([[0.0], [1.0], [3.0], [4.0], [9.0]])
    >>> hardest(z, torch.tensor([0, 0, 0, 1, 1]))
    Triplets(anchors=tensor([0, 1, 2, 3, 4]), positives=tensor([2, 2, 0, 4, 3]), negatives=tensor([3, 3, 3, 2, 2]))
    """
    return _one_each(z, labels, distance, lambda D, positive: torch.where(positive, D, -torch.inf).argmax(dim=1))


@torch.no_grad()
def easy_positive(z: Tensor, labels: Tensor, *, distance: Distance = "euclidean") -> Triplets:
    """Take each anchor's nearest positive and nearest negative.

    Instances of one class need not all come together then, only each to its neighbour: a class may stay in several
    groups.

    Parameters
    ----------
    z : Tensor, shape (n, d)
        Embeddings.
    labels : Tensor of int, shape (n,)
        Their labels, −1 where unknown.
    distance : {"euclidean", "squared", "cosine", "inner_product"}, default="euclidean"
        What near means, as in `hardest`.

    Returns
    -------
    Triplets
        One an anchor.

    Raises
    ------
    UnlabeledError
        As for `hardest`.

    References
    ----------
    .. [1] Xuan, Stylianou, Pless. Improved Embeddings with Easy Positive Triplet Mining. WACV 2020.
       https://arxiv.org/abs/1904.04370

    Examples
    --------
    >>> z = torch.tensor([[0.0], [1.0], [3.0], [4.0], [9.0]])
    >>> easy_positive(z, torch.tensor([0, 0, 0, 1, 1])).positives
    tensor([1, 0, 1, 4, 3])
    """
    return _one_each(z, labels, distance, lambda D, positive: torch.where(positive, D, torch.inf).argmin(dim=1))


@torch.no_grad()
def semi_hard(z: Tensor, labels: Tensor, *, margin: float = math.inf, distance: Distance = "euclidean") -> Triplets:
    """Take, for each anchor and positive, the nearest of the negatives that are farther than the positive.

    Parameters
    ----------
    z : Tensor, shape (n, d)
        Embeddings.
    labels : Tensor of int, shape (n,)
        Their labels, −1 where unknown.
    margin : float, default=inf
        The negative must be less than this farther than the positive: with the loss's margin, only triplets that cost
        something are taken.
    distance : {"euclidean", "squared", "cosine", "inner_product"}, default="euclidean"
        What near means, as in `hardest`.

    Returns
    -------
    Triplets
        One for each anchor and positive, except where no negative is in the range.

    Raises
    ------
    UnlabeledError
        As for `hardest`, or if the margin is not above zero.

    References
    ----------
    .. [1] Schroff, Kalenichenko, Philbin. FaceNet: A Unified Embedding for Face Recognition and Clustering. CVPR 2015.
       https://arxiv.org/abs/1503.03832

    Examples
    --------
    >>> z = torch.tensor([[0.0], [2.0], [1.0], [3.0], [9.0]])
    >>> semi_hard(z, torch.tensor([0, 0, 1, 1, 1]), margin=1.5)
    Triplets(anchors=tensor([0, 3, 4, 4]), positives=tensor([1, 2, 2, 3]), negatives=tensor([3, 0, 0, 1]))
    """
    if margin != math.inf:
        check_positive(margin, "margin")
    found = []
    for start, D, positive, negative in _blocks(z, labels, distance):
        ordered, order = D.masked_fill(~negative, torch.inf).sort(dim=1)
        beyond = torch.searchsorted(ordered, D, right=True).clamp(max=len(z) - 1)
        next_farther = ordered.gather(1, beyond)
        taken = positive & (next_farther > D) & (next_farther < torch.inf) & (next_farther - D < margin)
        found.append(_pairs(start, taken, order.gather(1, beyond)[taken]))
    return _joined(found)


@torch.no_grad()
def random(z: Tensor, labels: Tensor, *, generator: torch.Generator | None = None) -> Triplets:
    """Draw a negative for each anchor and positive, all negatives being as likely.

    Parameters
    ----------
    z : Tensor, shape (n, d)
        Embeddings; only their number matters.
    labels : Tensor of int, shape (n,)
        Their labels, −1 where unknown.
    generator : torch.Generator, optional
        Source of the draws, on the CPU; by default PyTorch's own. The draws are the same on every device.

    Returns
    -------
    Triplets
        One for each anchor and positive.

    Raises
    ------
    UnlabeledError
        If the batch is empty or labels are not one integer a row.

    Examples
    --------
    >>> a, p, n = random(torch.randn(4, 2), torch.tensor([0, 0, 1, -1]))
    >>> a.tolist(), p.tolist(), n.tolist()
    ([0, 1], [1, 0], [2, 2])
    """
    check_embeddings(z)
    check_labels(labels, len(z))
    found = []
    for rows in blocks(z, len(z)):
        positive, negative = pair_masks(labels[rows], labels, rows.start)
        found.append(_drawn(rows.start, positive, negative.float(), generator))
    return _joined(found)


@torch.no_grad()
def distance_weighted(
    z: Tensor,
    labels: Tensor,
    *,
    nearest: float = 0.5,
    farthest: float = 1.4,
    generator: torch.Generator | None = None,
) -> Triplets:
    r"""Draw a negative for each anchor and positive, such that all distances are about as likely.

    On a sphere in many dimensions nearly all pairs are √2 apart, so negatives drawn evenly are too. Here a negative at
    distance D is drawn with probability in proportion to 1 / q(D), where q is how often that distance occurs between
    points spread evenly on the sphere:

    .. math:: q(D) \propto D^{d-2} \Big(1 - \frac{D^2}{4}\Big)^{(d-3)/2}

    Parameters
    ----------
    z : Tensor, shape (n, d)
        Embeddings, of any length: they are normalised here.
    labels : Tensor of int, shape (n,)
        Their labels, −1 where unknown.
    nearest : float, default=0.5
        Distances below count as this one, so that no negative is drawn again and again.
    farthest : float, default=1.4
        Negatives beyond are not drawn: they cost nothing already.
    generator : torch.Generator, optional
        Source of the draws, as in `random`.

    Returns
    -------
    Triplets
        One for each anchor and positive, except where all negatives are beyond the farthest.

    Raises
    ------
    UnlabeledError
        If the batch is empty, labels are not one integer a row, or `nearest` is not above zero.

    References
    ----------
    .. [1] Wu, Manmatha, Smola, Krähenbühl. Sampling Matters in Deep Embedding Learning. ICCV 2017.
       https://arxiv.org/abs/1706.07567

    Examples
    --------
    >>> z = torch.nn.functional.normalize(torch.randn(40, 8), dim=1)
    >>> a, p, n = distance_weighted(z, torch.arange(40) // 4)
    >>> bool(((z[a] - z[n]).norm(dim=1) < 1.4).all())
    True
    """
    check_positive(nearest, "nearest")
    d = z.shape[-1]
    found = []
    for start, cosine, positive, negative in _blocks(z, labels, "cosine"):
        squared = 2 * cosine.clamp(0, 2)
        D2 = squared.clamp(nearest**2, 4 - 1e-6)  # q is 0 or infinite at 0 and at 2
        log_q = (d - 2) / 2 * D2.log() + (d - 3) / 2 * (1 - D2 / 4).log()
        log_weight = (-log_q).masked_fill(~negative | (squared >= farthest**2), -torch.inf)
        best = log_weight.amax(dim=1, keepdim=True)
        weight = (log_weight - best.masked_fill(best == -torch.inf, 0)).exp()
        found.append(_drawn(start, positive, weight, generator))
    return _joined(found)


def _blocks(z: Tensor, labels: Tensor, distance: Distance) -> Iterator[tuple[int, Tensor, Tensor, Tensor]]:
    """Yield, for each block of anchors, where it starts, its distances to all rows, and the masks of its pairs."""
    check_embeddings(z)
    check_labels(labels, len(z))
    comparison = Comparison(z, z, distance)
    for rows in blocks(z, len(z)):
        yield rows.start, comparison.rows(rows), *pair_masks(labels[rows], labels, rows.start)


def _one_each(z: Tensor, labels: Tensor, distance: Distance, choose: Callable[[Tensor, Tensor], Tensor]) -> Triplets:
    """Choose a positive for each anchor, and the nearest negative, where there are both.

    In the order of their labels, all that have the label of an anchor in a block stand in one band of columns: what
    lies outside it is negative, and no mask need be made for it.
    """
    check_embeddings(z)
    check_labels(labels, len(z))
    order = labels.argsort(stable=True)[int((labels < 0).sum()) :]
    if len(order) == 0:
        return Triplets(order, order, order)
    z, known = z[order], labels[order]
    comparison = Comparison(z, z, distance)
    first, end = torch.searchsorted(known, known), torch.searchsorted(known, known, right=True)
    chosen, nearest = [], []
    for b in blocks(z, len(z)):
        D = comparison.order(b)
        start = int(first[b.start])
        band = slice(start, int(end[b.stop - 1]))
        same = known[b, None] == known[band]
        positive = same.clone()
        positive.diagonal(b.start - start).fill_(False)
        chosen.append(start + choose(D[:, band], positive))
        D[:, band].masked_fill_(same, torch.inf)
        nearest.append(D.argmin(dim=1))
    both = ((end - first > 1) & (end - first < len(order))).nonzero().squeeze(1)
    anchors, ascending = order[both].sort()
    kept = both[ascending]
    return Triplets(anchors, order[torch.cat(chosen)[kept]], order[torch.cat(nearest)[kept]])


def _pairs(start: int, taken: Tensor, negatives: Tensor) -> Triplets:
    rows, columns = taken.nonzero(as_tuple=True)
    return Triplets(start + rows, columns, negatives)


def _drawn(start: int, positive: Tensor, weight: Tensor, generator: torch.Generator | None) -> Triplets:
    """Draw a negative for each positive of each anchor, with probability in proportion to the anchor's weights."""
    cumulated = weight.cumsum(dim=1)
    whole = cumulated[:, -1:]
    taken = positive & (whole > 0)
    # One number a triplet, in their order: what is drawn depends neither on the device nor on the blocks.
    u = torch.rand(int(taken.sum()), generator=generator).to(weight)
    place = taken.cumsum(dim=1) - 1
    numbers = torch.zeros_like(weight[:, : max(1, int(taken.sum(dim=1).max()))])
    rows, _ = taken.nonzero(as_tuple=True)
    numbers[rows, place[taken]] = u.clamp(max=1 - torch.finfo(weight.dtype).eps)  # rounding must not reach the whole
    drawn = torch.searchsorted(cumulated, numbers * whole, right=True).clamp(max=weight.shape[1] - 1)
    return _pairs(start, taken, drawn[rows, place[taken]])


def _joined(found: list[Triplets]) -> Triplets:
    return Triplets(*(torch.cat(parts) for parts in zip(*found, strict=True)))
