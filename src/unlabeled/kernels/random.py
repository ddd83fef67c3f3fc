"""A small random generator for kernels: SplitMix64, which scrambles a counter.

A draw depends on the one before by an addition only, so a processor makes several at a time. Each block of the text has
a state of its own, which `seeded` makes from the run's seed and the block's number. What is drawn in a block then
depends on neither the other blocks nor the thread.

References
----------
.. [1] Steele, Lea & Flood, Fast splittable pseudorandom number generators, OOPSLA 2014.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.kernels.compiled import inlined

GOLDEN = 0x9E3779B97F4A7C15
MASK = (1 << 64) - 1

u = np.uint64


def split_mix(x: int) -> int:
    """Scramble 64 bits: neighbouring numbers give unrelated ones."""
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & MASK
    return x ^ (x >> 31)


def seeded(seed: int, stream: int) -> NDArray[np.uint64]:
    """Give the state that belongs to a seed and a stream, such as a block of the text."""
    start = split_mix(seed + GOLDEN & MASK) ^ split_mix(~stream & MASK)
    return np.array([split_mix(start)], np.uint64)


@inlined
def mixed(x: np.uint64) -> np.uint64:  # pragma: no cover - compiled
    """Scramble 64 bits, as `split_mix` does."""
    x = (x ^ (x >> u(30))) * u(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> u(27))) * u(0x94D049BB133111EB)
    return x ^ (x >> u(31))


@inlined
def draw(state: NDArray[np.uint64]) -> Any:  # pragma: no cover - compiled
    """Draw 64 bits and step the state."""
    state[0] += u(GOLDEN)
    return mixed(state[0])


@inlined
def below(state: NDArray[np.uint64], n: int) -> Any:  # pragma: no cover - compiled
    """Draw a whole number in 0..n−1; for n below 2³² none is likelier than another by more than n / 2³²."""
    return np.int64(((draw(state) >> u(32)) * u(n)) >> u(32))
