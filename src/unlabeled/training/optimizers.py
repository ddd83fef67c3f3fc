"""Optimisers by name, each with weight decay on matrices only; and LARS."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

import torch
from torch import Tensor, nn

from unlabeled.errors import unknown_name

OptimizerName = Literal["adamw", "sgd", "lars"]


class LARS(torch.optim.Optimizer):
    """SGD with momentum whose step is scaled, matrix by matrix, to the size of the weights.

    g ← ∇ + λw;  v ← μv + η · t · ‖w‖/‖g‖ · g;  w ← w − v, with the trust ratio on weight matrices only.

    Parameters
    ----------
    params : iterable
        Parameters or groups.
    lr : float
        Learning rate η.
    momentum : float, default 0.9
        μ.
    weight_decay : float, default 0
        λ; a group with λ = 0 (biases, norms) is stepped without the ratio.
    trust : float, default 0.001
        t, the size of a step relative to the weights at a learning rate of 1.

    References
    ----------
    .. [1] You, Gitman & Ginsburg, Large Batch Training of Convolutional Networks, 2017.
    """

    def __init__(
        self, params: Any, lr: float, momentum: float = 0.9, weight_decay: float = 0.0, trust: float = 0.001
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "trust": trust})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]  # torch's has overloads
        """Take one step."""
        loss = closure() if closure is not None else None
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._move(weight, group)
        return loss

    def _move(self, weight: Tensor, group: dict[str, Any]) -> None:
        gradient = weight.grad
        assert gradient is not None
        if weight.dim() > 1:
            gradient = gradient + group["weight_decay"] * weight
            size, slope = weight.norm(), gradient.norm()
            # A matrix of zeros, or one without gradient, has no ratio; it takes the plain step.
            ratio = torch.where((size > 0) & (slope > 0), group["trust"] * size / slope, 1.0)
            gradient = gradient * ratio
        state = self.state[weight]
        if "velocity" not in state:
            state["velocity"] = torch.zeros_like(weight)
        state["velocity"].mul_(group["momentum"]).add_(gradient, alpha=group["lr"])
        weight.sub_(state["velocity"])


def make_optimizer(
    name: str,
    module: nn.Module,
    learning_rate: float,
    weight_decay: float,
    betas: tuple[float, float] = (0.9, 0.999),
) -> torch.optim.Optimizer:
    """Make an optimiser over the parameters of `module` that learn.

    Weight decay applies to matrices and kernels; biases and normalisation have none. `betas` are AdamW's.
    """
    learning = [p for p in module.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in learning if p.dim() > 1], "weight_decay": weight_decay},
        {"params": [p for p in learning if p.dim() <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    makers: dict[str, Callable[[Iterable[Any]], torch.optim.Optimizer]] = {
        "adamw": lambda g: torch.optim.AdamW(g, lr=learning_rate, betas=betas, fused=True),
        "sgd": lambda g: torch.optim.SGD(g, lr=learning_rate, momentum=0.9, nesterov=True),
        "lars": lambda g: LARS(g, lr=learning_rate),
    }
    if name not in makers:
        raise unknown_name("optimizer", name, makers)
    return makers[name](groups)


def set_linear_rate(optimizer: torch.optim.Optimizer, step: int, steps: int) -> None:
    """Set the learning rates of a step: up over the first tenth of the steps, then down to zero, both linearly.

    Each group of parameters names the highest in ``group["peak"]``.
    """
    share = min((step + 1) / max(1, steps // 10), (steps - step) / max(1, steps - steps // 10))
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * share
