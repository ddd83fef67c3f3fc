"""Several processes that train as one: how many there are, sums and gathers that keep gradients, one end for all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

if dist.is_available() and not dist.is_initialized():
    # The functions of torch.distributed.nn keep the group that there is at import as a default argument. If
    # DistributedDataParallel is the first to import it, that is a group which then never ends: its threads outlive it,
    # and one that still drops a tensor while the interpreter ends aborts the process.
    import torch.distributed.nn


def world_size() -> int:
    """Count the processes training together; 1 when there is no process group."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Give this process's number among them, from 0."""
    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0


class _Gather(torch.autograd.Function):
    """All-gather forwards; backwards, each process receives the sum of all processes' gradients for its rows."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.rows = x.shape[0]
        parts = [torch.empty_like(x) for _ in range(world_size())]
        dist.all_gather(parts, x.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        # A reduce-scatter, written as all-reduce and slice because gloo has no reduce-scatter.
        return all_reduce_sum(gradients[0])[rank() * ctx.rows : (rank() + 1) * ctx.rows]


class _Sum(torch.autograd.Function):
    """All-reduce forwards and backwards: every process's loss depends on every process's addend.

    The backward pass is made of this function itself, so that it can be differentiated too: a penalty on a gradient,
    such as R1, sees the other processes' rows through normalisation by the joined batch.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        total = x.contiguous().clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return all_reduce_sum(gradients[0])


def gather(x: Tensor) -> Tensor:
    """Join the rows of all processes, in order of rank, keeping gradients.

    Parameters
    ----------
    x : Tensor, shape (n, ...)
        This process's rows; every process must bring the same number.

    Returns
    -------
    Tensor, shape (n · processes, ...)
        The same on every process. With one process it is `x` itself.
    """
    return x if world_size() == 1 else _Gather.apply(x)


def all_reduce_sum(x: Tensor) -> Tensor:
    """Add `x` over all processes, keeping gradients; with one process it is `x` itself."""
    return x if world_size() == 1 else _Sum.apply(x)


@contextmanager
def all_or_none(device: torch.device | str = "cpu") -> Iterator[None]:
    """Run a block that ends well in all processes or in none; each waits at its end for the last.

    Where the block fails, the first process that it failed in raises its error, and all others leave quietly. So an
    error is told once, and nobody waits for a process that is gone. With one process it is an ordinary block.

    Parameters
    ----------
    device : torch.device or str, default "cpu"
        Where the processes exchange; the block itself must exchange nothing.

    Raises
    ------
    SystemExit
        In the processes that leave.
    """
    if world_size() == 1:
        yield
        return
    failure = None
    try:
        yield
    except Exception as error:
        failure = error
    failed = gather(torch.tensor([float(failure is not None)], device=device)).nonzero()
    if len(failed) > 0:
        raise failure if failure is not None and rank() == int(failed[0]) else SystemExit(1)


def leave_process_group() -> None:
    """End the group: from here on each process is alone."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()
