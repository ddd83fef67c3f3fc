"""Batch normalisation whose statistics are those of all processes' batches joined."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from unlabeled.processes import all_reduce_sum


class SynchronisedBatchNorm(_BatchNorm):
    """Batch normalisation over the joined batch of all processes, on any device.

    PyTorch's own works on accelerators only; this one works wherever the processes can add numbers up. Each process
    must bring the same number of rows.
    """

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() < 2:
            raise ValueError(f"expected at least 2 dimensions, got {input.dim()}")

    def forward(self, input: Tensor) -> Tensor:
        """Normalise by the joint mean and variance when training, by the running ones otherwise."""
        if not self.training:
            return super().forward(input)
        x = input if input.dtype == torch.float64 else input.float()
        across = [0, *range(2, x.dim())]
        shape = [1, -1] + [1] * (x.dim() - 2)
        count = all_reduce_sum(x.new_full((1,), x.numel() / x.shape[1]))
        mean = all_reduce_sum(x.sum(across)) / count
        centred = x - mean.view(shape)
        variance = all_reduce_sum(centred.square().sum(across)) / count
        if self.track_running_stats and self.running_mean is not None and self.running_var is not None:
            with torch.no_grad():
                seen: Any = self.num_batches_tracked  # set whenever statistics are tracked
                seen.add_(1)
                share = self.momentum if self.momentum is not None else 1 / float(seen)
                self.running_mean.lerp_(mean.detach(), share)
                self.running_var.lerp_(variance.detach() * count / (count - 1).clamp(min=1), share)
        normal = centred * (variance + self.eps).rsqrt().view(shape)
        if self.affine:
            normal = normal * self.weight.view(shape) + self.bias.view(shape)
        return normal.to(input.dtype)


def synchronised(module: nn.Module) -> nn.Module:
    """Replace every batch normalisation inside `module`, in place, by the synchronised one with the same state."""
    for name, child in module.named_children():
        if isinstance(child, _BatchNorm) and not isinstance(child, SynchronisedBatchNorm):
            replacement = SynchronisedBatchNorm(
                child.num_features, child.eps, child.momentum, child.affine, child.track_running_stats
            )
            state = child.state_dict()
            replacement.to(next((value for value in state.values() if value.is_floating_point()), torch.empty(0)))
            replacement.load_state_dict(state)
            replacement.train(child.training)
            for parameter, original in zip(replacement.parameters(), child.parameters(), strict=True):
                parameter.requires_grad_(original.requires_grad)
            setattr(module, name, replacement)
        else:
            synchronised(child)
    return module
