"""Losses of rows that each look for something among all candidates, a few rows at a time."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from unlabeled.losses.blockwise.pairwise_reduction import tile_entries
from unlabeled.losses.blockwise.precision import full_precision
from unlabeled.processes import rank


def mean_by_rows(x: Tensor, candidates: Tensor, losses: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Average the losses of rows, compared with the candidates a few rows at a time, in the backward pass again.

    Parameters
    ----------
    x : Tensor, shape (n, d)
        This process's rows.
    candidates : Tensor, shape (m, d)
        Of all processes.
    losses : callable
        Called with the dot products of some rows and the candidates, shape (k, m), and the numbers of these rows among
        those of all processes, shape (k,); gives the losses of the rows, shape (k,).

    Examples
    --------
    >>> float(mean_by_rows(torch.ones(3, 2), torch.ones(4, 2), lambda scores, numbers: scores.sum(1)))
    8.0
    """

    def part(rows: Tensor, numbers: Tensor) -> Tensor:
        with full_precision(rows):
            scores = rows @ candidates.T
        return losses(scores, numbers)

    first = rank() * len(x)
    numbers = torch.arange(first, first + len(x), device=x.device)
    size = max(1, tile_entries(x) // len(candidates))
    parts = [
        checkpoint(part, rows, which, use_reentrant=False)
        for rows, which in zip(x.split(size), numbers.split(size), strict=True)
    ]
    mean: Tensor = torch.cat(parts).mean()
    return mean
