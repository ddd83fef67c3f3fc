"""Vectors of a few instances while a method learns, for its curve over the budget."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from unlabeled.data import Instances
from unlabeled.data.batch import Batch
from unlabeled.data.instances import Subset
from unlabeled.encoders import Network, embed
from unlabeled.runs.comparing.clock import clock
from unlabeled.training.bases.self_supervised import SelfSupervised

POINTS, ROWS = 4, 1000
"""Points of a curve, evenly spaced and without the end; instances that are embedded at each."""


class Watch:
    """Embeds the same instances at some steps of a training, which goes on as if nobody had looked.

    Parameters
    ----------
    instances : Instances
    rows : ndarray of int, shape (r,)
        Those that are embedded.
    precision : {"float32", "bf16"}, default "float32"
        Of the arithmetic.

    Attributes
    ----------
    rows : ndarray of int, shape (r,)
    steps : list of int
        When they were embedded.
    vectors : list of ndarray of float32, shape (r, dim)
    seconds : float
        How long that took, which is no learning.
    """

    def __init__(
        self, instances: Instances, rows: NDArray[np.int64], precision: Literal["float32", "bf16"] = "float32"
    ) -> None:
        self.rows, self.precision = rows, precision
        self.seconds = 0.0
        self.steps: list[int] = []
        self.vectors: list[NDArray[np.float32]] = []
        self._few = Subset(instances, rows)

    def attach(self, method: SelfSupervised, steps: int) -> None:
        """Look at a method at `POINTS` steps of its next fit, which has so many."""
        due = {round(steps * point / (POINTS + 1)) for point in range(1, POINTS + 1)} - {0, steps}
        after_step, done = method.after_step, 0

        def watched(net: Network, batch: Batch, share: float) -> None:
            nonlocal done
            after_step(net, batch, share)
            done += 1
            if done in due:
                self._look(net, done)

        method.after_step = watched  # type: ignore[assignment, method-assign]  # of this object alone

    def _look(self, net: Network, step: int) -> None:
        device = next(net.parameters()).device
        begun = clock(device)  # what training left to be computed is not the look's
        modes = [(module, module.training) for module in net.modules()]
        state = torch.get_rng_state()
        self.vectors.append(embed(net.encoder, self._few, device=device, precision=self.precision))
        torch.set_rng_state(state)
        for module, training in modes:
            module.training = training
        self.steps.append(step)
        self.seconds += clock(device) - begun

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Give what is kept of it."""
        if not self.vectors:
            return {}
        vectors = np.stack(self.vectors)
        return {"curve_steps": np.array(self.steps), "curve_vectors": vectors, "curve_rows": self.rows}
