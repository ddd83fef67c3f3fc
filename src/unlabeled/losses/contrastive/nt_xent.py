"""Contrastive losses of one table: a row's positives attract it, all other rows of the batch repel."""

from __future__ import annotations

import torch
from torch import Tensor

from unlabeled.errors import UnlabeledError
from unlabeled.losses.blockwise.batch_sums import batch_sums
from unlabeled.losses.blockwise.embedding_checks import (
    Reduction,
    check_embeddings,
    check_pair,
    positive_scalar,
    reduce,
    unit,
)
from unlabeled.losses.blockwise.pairwise_reduction import Term
from unlabeled.losses.metric.pair_masks import check_labels, reduce_counted
from unlabeled.processes import gather, rank, world_size


def nt_xent(x: Tensor, y: Tensor, temperature: float | Tensor = 0.5, *, reduction: Reduction = "mean") -> Tensor:
    r"""Find each view's other view among all views of the batch: SimCLR's loss.

    With the 2N views z = (x, y) at unit length, and p(i) the other view of view i's instance,

    .. math:: L_i = -\log \frac{\exp(z_i \cdot z_{p(i)} / \tau)}{\sum_{j \neq i} \exp(z_i \cdot z_j / \tau)}

    and the loss is the mean over the 2N views. A view is never compared with itself; its positive stands in the
    denominator. Identical embeddings give ln(2N − 1). Memory grows with N, not N²: similarities are made tile by tile
    (see `unlabeled.losses.blockwise.pairwise_reduction`), in at least float32 also under autocast.

    Parameters
    ----------
    x, y : Tensor, shape (n, d)
        Embeddings of two views of n instances, row by row, of any length: they are normalised here. A zero row has
        cosine 0 with every other.
    temperature : float or scalar Tensor, default=0.5
        τ. The smaller, the more the nearest negatives count. A parameter is learnt.
    reduction : {"mean", "sum", "none"}, default="mean"
        "none" gives the loss of every view, those of `x` first.

    Returns
    -------
    Tensor
        A scalar, or shape (2n,) if not reduced. With one instance in all it is 0: only the positive is left. NaN and
        infinity in the embeddings give NaN, which is not checked here because it would make a GPU wait.

    Raises
    ------
    UnlabeledError
        If the shapes differ, the batch is empty, or the temperature is not above zero.

    Notes
    -----
    In a process group, this process's 2n views are compared with the views of all processes, so N = n · processes;
    every process must bring the same n. Each process returns the loss of its own views. The mean of these over the
    processes is the loss of one process that holds the joined batch, and since the views are gathered with
    gradients, so is the gradient, once it is averaged over processes as `DistributedDataParallel` does.

    References
    ----------
    .. [1] Chen, Kornblith, Norouzi, Hinton. A Simple Framework for Contrastive Learning of Visual Representations.
       ICML 2020. https://arxiv.org/abs/2002.05709

    Examples
    --------
    >>> same = torch.ones(8, 4)
    >>> bool(torch.isclose(nt_xent(same, same), torch.tensor(15.0).log()))
    True
    """
    check_pair(x, y)
    temperature = positive_scalar(temperature, "temperature", x)
    z = unit(torch.cat([x, y])) / temperature**0.5  # so that dot products are cosines over the temperature
    (everyone,) = batch_sums((Term(),), z, gather(z))
    first, second = z.chunk(2)
    positive = (first * second).sum(dim=1)
    return reduce(everyone - positive.repeat(2), reduction)


def dcl(x: Tensor, y: Tensor, temperature: float | Tensor = 0.1, *, reduction: Reduction = "mean") -> Tensor:
    r"""Find each view's other view among the views of other instances: the decoupled contrastive loss.

    With the views of `nt_xent`, and without the positive in the denominator,

    .. math:: L_i = -\frac{z_i \cdot z_{p(i)}}{\tau} + \log \sum_{j \neq i,\, j \neq p(i)} \exp(z_i \cdot z_j / \tau)

    The gradient of `nt_xent` shrinks as soon as the positive is near, most so in small batches. This one does not.

    Parameters
    ----------
    x, y : Tensor, shape (n, d)
        Embeddings of two views of n instances, row by row, of any length.
    temperature : float or scalar Tensor, default=0.1
        τ. A parameter is learnt.
    reduction : {"mean", "sum", "none"}, default="mean"
        "none" gives the loss of every view, those of `x` first.

    Returns
    -------
    Tensor
        A scalar, or shape (2n,) if not reduced; it may be below 0. NaN gives NaN.

    Raises
    ------
    UnlabeledError
        As for `nt_xent`, and if there is one instance in all, which has no negatives.

    Notes
    -----
    Several processes and memory are as for `nt_xent`.

    References
    ----------
    .. [1] Yeh, Hong, Hsu, Liu, Chen, LeCun. Decoupled Contrastive Learning. ECCV 2022.
       https://arxiv.org/abs/2110.06848

    Examples
    --------
    >>> same = torch.ones(8, 4)
    >>> bool(torch.isclose(dcl(same, same), torch.tensor(14.0).log()))
    True
    """
    check_pair(x, y)
    if len(x) * world_size() < 2:
        raise UnlabeledError("the decoupled loss compares an instance with others, but the batch has one")
    z = unit(torch.cat([x, y])) / positive_scalar(temperature, "temperature", x) ** 0.5
    instances = torch.arange(rank() * len(x), (rank() + 1) * len(x), device=x.device).repeat(2)
    (others,) = batch_sums((Term(among="different"),), z, gather(z), (instances, gather(instances)))
    first, second = z.chunk(2)
    return reduce(others - (first * second).sum(dim=1).repeat(2), reduction)


def sup_con(z: Tensor, labels: Tensor, temperature: float | Tensor = 0.1, *, reduction: Reduction = "mean") -> Tensor:
    r"""Find all rows of one's own class among all rows of the batch: the supervised contrastive loss.

    With the embeddings z at unit length and P(i) the other rows of row i's class,

    .. math:: L_i = -\frac{1}{|P(i)|} \sum_{p \in P(i)}
              \log \frac{\exp(z_i \cdot z_p / \tau)}{\sum_{j \neq i} \exp(z_i \cdot z_j / \tau)}

    The mean stands outside the logarithm, and all positives stand in the denominator. With one positive each it is
    `nt_xent`, with no constant between them. Memory grows with n, not n²: the positives' similarities add up to one
    with the sum of their class, and the others are made tile by tile.

    Parameters
    ----------
    z : Tensor, shape (n, d)
        Embeddings of any length; several views of an instance are rows with the same label.
    labels : Tensor, shape (n,)
        Integers. −1 is unlabelled: such a row has no positives, but repels all others.
    temperature : float or scalar Tensor, default=0.1
        τ. The smaller, the more the nearest negatives count. A parameter is learnt.
    reduction : {"mean", "sum", "none"}, default="mean"
        "none" gives the loss of every row.

    Returns
    -------
    Tensor
        A scalar, or shape (n,) if not reduced. A row without positives has loss 0 and is left out of the mean; where
        no row has any, the mean is 0. NaN gives NaN.

    Raises
    ------
    UnlabeledError
        If the batch is empty, the labels are not one integer a row, or the temperature is not above zero.

    Notes
    -----
    In a process group the batch is that of all processes, as for `nt_xent`.

    References
    ----------
    .. [1] Khosla et al. Supervised Contrastive Learning. NeurIPS 2020. https://arxiv.org/abs/2004.11362

    Examples
    --------
    >>> bool(torch.isclose(sup_con(torch.ones(5, 4), torch.tensor([0, 0, 1, 1, 2])), torch.tensor(4.0).log()))
    True
    """
    check_embeddings(z)
    check_labels(labels, len(z))
    z = unit(z) / positive_scalar(temperature, "temperature", z) ** 0.5
    everyone, classes = gather(z), _class_numbers(gather(labels))
    (denominator,) = batch_sums((Term(),), z, everyone)
    # A row's similarities with its class add up to its similarity with the sum of the class.
    sums = torch.zeros_like(everyone).index_add(0, classes, everyone)
    sizes = torch.zeros_like(classes).index_add(0, classes, torch.ones_like(classes))
    mine = classes[rank() * len(z) :][: len(z)]
    positives = (sizes[mine] - 1).masked_fill(labels < 0, 0)
    similarity = (z * (sums[mine] - z)).sum(dim=1) / positives.clamp_min(1)
    counted = positives > 0
    return reduce_counted(torch.where(counted, denominator - similarity, 0), counted, reduction)


def _class_numbers(labels: Tensor) -> Tensor:
    """Number the classes from 0 in the order of their labels.

    What `labels.unique(return_inverse=True)` does, but no GPU has to wait for how many classes there are.

    Examples
    --------
    >>> _class_numbers(torch.tensor([70, -1, 70, 3]))
    tensor([2, 0, 2, 1])
    """
    ordered, order = labels.sort()
    return torch.zeros_like(order).scatter(0, order, ordered.diff(prepend=ordered[:1]).ne(0).cumsum(0))
