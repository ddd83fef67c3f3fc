"""Passes through a network in training mode that leave no trace in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def statistics_kept(module: nn.Module) -> Iterator[None]:
    """Put the buffers back as they were: a pass inside normalises by its batch, but moves no running statistics.

    Examples
    --------
    >>> norm = nn.BatchNorm1d(1)
    >>> with statistics_kept(norm):
    ...     _ = norm(torch.randn(8, 1) + 5)
    >>> norm.running_mean.item(), norm.num_batches_tracked.item()
    (0.0, 0)
    """
    before = [(buffer, buffer.clone()) for buffer in module.buffers()]
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, old in before:
                buffer.copy_(old)
