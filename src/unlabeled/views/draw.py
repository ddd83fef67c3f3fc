"""Random draws for a batch: one row an instance, the same on every device and for any number of processes.

Everything is drawn on the CPU, so that a seed gives the same views on every device, and for the joint batch of all
processes, of which each process keeps its own rows: k processes with the same seed see the views that one process would
see on the joined batch. Every process must bring the same number of rows.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from unlabeled.processes import rank, world_size


def uniform(shape: tuple[int, ...], low: float, high: float, generator: Generator | None = None) -> Tensor:
    """Draw from the uniform distribution on [low, high).

    Parameters
    ----------
    shape : tuple of int
        Shape of the result; the first entry counts this process's rows.
    low, high : float
        Bounds.
    generator : torch.Generator, optional
        A generator on the CPU; torch's default one if None.

    Returns
    -------
    Tensor, float64
        On the CPU.
    """
    # Double precision, so that positions in large images are exact, and so that torch's default dtype plays no part.
    joint = torch.rand(_joint(shape), generator=generator, dtype=torch.float64)
    return low + (high - low) * _own(joint)


def normal(shape: tuple[int, ...], generator: Generator | None = None) -> Tensor:
    """Draw from the standard normal distribution; float32, otherwise as `uniform`."""
    return _own(torch.randn(_joint(shape), generator=generator, dtype=torch.float32))


def bernoulli(rows: int, p: float, generator: Generator | None = None) -> Tensor:
    """Draw a boolean a row, true with probability `p`; shape (rows,)."""
    return uniform((rows,), 0.0, 1.0, generator) < p


def choice(shape: tuple[int, ...], options: int, generator: Generator | None = None) -> Tensor:
    """Draw whole numbers from 0 to `options` - 1, each as likely as the others; int64."""
    return uniform(shape, 0.0, options, generator).long()


def weighted_choice(weights: Tensor, generator: Generator | None = None) -> Tensor:
    """Draw a place of each row of weights, shape (n, k), with a probability proportional to its weight; int64."""
    ends = weights.cpu().double().cumsum(1)
    drawn = uniform((len(weights),), 0.0, 1.0, generator) * ends[:, -1]
    places: Tensor = torch.searchsorted(ends, drawn[:, None], right=True)[:, 0]
    return places.clamp(max=weights.shape[1] - 1)


def _joint(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (world_size() * shape[0], *shape[1:])


def _own(joint: Tensor) -> Tensor:
    return joint.chunk(world_size())[rank()] if len(joint) else joint
