"""Contrastive losses: two views of one instance attract, all others repel."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from unlabeled.errors import UnlabeledError
from unlabeled.losses.embeddings import Reduction, check_pair, reduce, unit
from unlabeled.losses.tiles import log_sum_exp, log_sum_exp_of_others
from unlabeled.processes import gather, rank, world_size


def nt_xent(x: Tensor, y: Tensor, temperature: float = 0.5, *, reduction: Reduction = "mean") -> Tensor:
    r"""Find each view's other view among all views of the batch: SimCLR's loss.

    With the 2N views z = (x, y) at unit length, and p(i) the other view of view i's instance,

    .. math:: L_i = -\log \frac{\exp(z_i \cdot z_{p(i)} / \tau)}{\sum_{j \neq i} \exp(z_i \cdot z_j / \tau)}

    and the loss is the mean over the 2N views. A view is never compared with itself; its positive stands in the
    denominator. Identical embeddings give ln(2N − 1). Memory grows with N, not N²: similarities are made tile by tile
    (see `unlabeled.losses.tiles`), in at least float32 also under autocast.

    Parameters
    ----------
    x, y : Tensor, shape (n, d)
        Embeddings of two views of n instances, row by row, of any length: they are normalised here. A zero row has
        cosine 0 with every other.
    temperature : float, default=0.5
        τ. The smaller, the more the nearest negatives count.
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
    if not 0 < temperature < math.inf:
        raise UnlabeledError(f"temperature must be a positive number, not {temperature}")
    z = unit(torch.cat([x, y])) / math.sqrt(temperature)  # so that dot products are cosines over the temperature
    alone = world_size() == 1
    everyone = log_sum_exp_of_others(z) if alone else log_sum_exp(z, gather(z), own=rank() * len(z))
    first, second = z.chunk(2)
    positive = (first * second).sum(dim=1)
    return reduce(everyone - positive.repeat(2), reduction)
