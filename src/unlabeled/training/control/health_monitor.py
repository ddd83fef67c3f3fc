"""Health of a representation while it is learnt, without a single label."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from unlabeled.encoders.encoder import Encoder
from unlabeled.losses.health import alignment, collapse_kind, directions_in_use, effective_rank, spread, uniformity


class CollapseWarning(UserWarning):
    """The representation says almost the same of every instance."""


@dataclass
class HealthMonitor:
    """Looks at the same few instances again and again and says when their vectors collapse.

    Parameters
    ----------
    encoder : Encoder
        The network that makes the vectors.
    sample : Tensor
        Instances in canonical units, at most 512.
    view : callable, optional
        Makes a distorted copy; with it, alignment of two copies is measured too, and a complete collapse looked for.
    advice : str, default ""
        What to do about a collapse, as a sentence.
    learning_rate : float, default 0
        Of the training.
    patience : int, default 2
        Looks in a row that must find a collapse before it is announced; a single one may be an accident.
    """

    encoder: Encoder
    sample: Tensor
    view: Callable[[Tensor], Tensor] | None = None
    advice: str = ""
    learning_rate: float = 0.0
    patience: int = 2
    bad: int = 0
    announced: bool = False
    first: tuple[float, float] | None = None

    @torch.no_grad()
    def look(self, step: int) -> dict[str, float]:
        """Measure effective rank, uniformity and, with views, alignment; announce a collapse once, with advice."""
        encoder, training = self.encoder, self.encoder.training
        encoder.eval()
        if self.view is None:
            first = encoder(self.sample).float()
            figures = {}
        else:
            first, second = (encoder(self.view(self.sample)).float() for _ in range(2))
            figures = {"alignment": float(alignment(first, second))}
        encoder.train(training)
        if len(first) < 2:
            return {}  # one vector has nothing to differ from
        figures |= {
            "effective_rank": float(effective_rank(first)),
            "uniformity": float(uniformity(first)),
        }
        self._judge(first, step)
        return figures

    def _judge(self, vectors: Tensor, step: int) -> None:
        rows, dim = vectors.shape
        if rows < 4:
            return  # so few vectors cannot show a collapse
        scatter, directions = float(spread(vectors)), float(directions_in_use(vectors))
        self.first = self.first or (scatter, directions)
        # Without views nothing pulls vectors together, and an offset that all of them share does no harm.
        collapse = collapse_kind(scatter if self.view is not None else 1.0, directions, min(rows - 1, dim))
        # An untrained network may look alike on everything; a collapse is what training has lost.
        lost = scatter < self.first[0] / 2 if collapse == "complete" else directions < self.first[1] / 2
        self.bad = self.bad + 1 if collapse != "none" and lost else 0
        if self.bad >= self.patience and not self.announced:
            self.announced = True
            warnings.warn(
                f"{collapse} collapse of the representation by step {step}: {directions:.1f} of {min(rows - 1, dim)} "
                f"directions in use, spread {scatter:.3f} of 1. {self.advice}".rstrip(),
                CollapseWarning,
                stacklevel=2,
            )
