"""The teacher: a slow copy of a network, whose output is a target and never learns by gradient."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class Teacher(nn.Module):
    """An exponential moving average of a student network.

    After each optimiser step, θ_teacher ← m·θ_teacher + (1 − m)·θ_student. Buffers (the running statistics of batch
    normalisation) are copied as they are. It is a true copy, sharing no storage with the student.

    Parameters
    ----------
    *students : Module
        Modules applied one after the other, such as an encoder and its projector.
    """

    def __init__(self, *students: nn.Module) -> None:
        super().__init__()
        self.copy = copy.deepcopy(nn.Sequential(*students)).requires_grad_(False)

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """Apply the copy, without a graph."""
        target: Tensor = self.copy(x)
        return target

    @torch.no_grad()
    def follow(self, *students: nn.Module, momentum: float) -> None:
        """Move towards the students by the step 1 − momentum; buffers are copied."""
        student = nn.Sequential(*students)
        mine: list[Tensor] = list(self.copy.parameters())
        theirs = [p.detach() for p in student.parameters()]
        torch._foreach_lerp_(mine, theirs, 1 - momentum)
        for target, source in zip(self.copy.buffers(), student.buffers(), strict=True):
            target.copy_(source)
