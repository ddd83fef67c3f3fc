"""What the training loop asks of a method, all in one place."""

from __future__ import annotations

import os
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from unlabeled.data.batch import Batch
from unlabeled.encoders.encoder import Encoder
from unlabeled.encoders.network import Network
from unlabeled.training.plan import Plan
from unlabeled.training.samplers import Sampler


class Method(Protocol):
    """A split, a network and a loss, and the settings of the loop.

    The loop calls `build` once, `sampler` once, and then for each batch `split` and `loss`, and after each step of the
    optimiser `after_step`. What `state` gives goes into the checkpoint beside the network.
    """

    principle: ClassVar[str]
    uses_labels: ClassVar[bool]
    may_collapse: ClassVar[bool]
    betas: ClassVar[tuple[float, float]]

    epochs: int
    batch_size: int
    optimizer: Any
    learning_rate: float
    weight_decay: float
    warmup: float
    clip_norm: float | None
    accumulate: int
    checkpoint: str | os.PathLike[str] | None
    checkpoint_every: int | None
    progress: bool | None

    def build(self, encoder: Encoder) -> Network:
        """Put what the method needs around the encoder."""
        ...

    def plan(self, rows: int, seed: int) -> Plan:
        """Give the plan of a training run over so many instances."""
        ...

    def sampler(self, plan: Plan, labels: NDArray[np.int64]) -> Sampler:
        """Say which instances meet in a batch."""
        ...

    def split(self, batch: Batch) -> tuple[Any, Any]:
        """Cut instances into a part shown and a part hidden, t → (x, y)."""
        ...

    def loss(self, net: Network, x: Any, y: Any) -> Tensor:
        """Say how far p(y | x) is from the truth."""
        ...

    def after_step(self, net: Network, batch: Batch, done: float) -> None:
        """Do what follows a step of the optimiser: move a teacher, renew a memory bank or a threshold."""
        ...

    def state(self, net: Network) -> dict[str, Tensor]:
        """Give the tensors, beside the network's own, that a resumed run needs; they are restored in place."""
        ...
