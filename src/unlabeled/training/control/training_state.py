"""A training run on disk: whole after every save, and enough to go on to the same weights."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from unlabeled.encoders.checkpoint import load_tensors, load_weights, save_tensors
from unlabeled.errors import UnlabeledError

FILE = "checkpoint.safetensors"


@dataclass
class State:
    """Where a run stands. Everything random follows from the seed and the step, so no generator needs saving."""

    seed: int
    identity: dict[str, Any]
    step: int = 0
    history: list[dict[str, float]] = field(default_factory=list)


def save_checkpoint(
    folder: Path, state: State, net: nn.Module, optimizer: torch.optim.Optimizer, extra: dict[str, Tensor]
) -> None:
    """Write network, optimiser, state and the method's `extra` tensors as one file, in one step."""
    slots = optimizer.state_dict()["state"]
    tensors = {f"network.{key}": value for key, value in net.state_dict().items()}
    tensors |= {f"optimizer.{i}.{key}": torch.as_tensor(v) for i, slot in slots.items() for key, v in slot.items()}
    tensors |= {f"method.{key}": value for key, value in extra.items()}
    # The state rides along as bytes, so that numbers and state can never be of two different steps.
    words = json.dumps(vars(state)).encode()
    tensors["state"] = torch.frombuffer(bytearray(words), dtype=torch.uint8)
    save_tensors(tensors, folder / FILE)


@torch.no_grad()
def load_checkpoint(
    folder: Path, state: State, net: nn.Module, optimizer: torch.optim.Optimizer, extra: dict[str, Tensor]
) -> None:
    """Bring a run to where the checkpoint in `folder` stands; the method's `extra` tensors are changed in place.

    Raises
    ------
    UnlabeledError
        If there is none, or it is of another recipe or other data.
    """
    if not (folder / FILE).exists():
        raise UnlabeledError(f"{folder} holds no checkpoint to resume from; start afresh without resume")
    tensors = load_tensors(folder / FILE)
    saved = State(**json.loads(bytes(tensors["state"].tolist())))
    changed = [key for key in state.identity if saved.identity.get(key) != state.identity[key]]
    if "epochs" in changed and saved.identity["epochs"] < state.identity["epochs"]:
        changed.remove("epochs")  # training goes on for longer, along the longer schedule
    if changed:
        was, now = saved.identity.get(changed[0]), state.identity[changed[0]]
        raise UnlabeledError(
            f"the checkpoint in {folder} is of another run: {changed[0]} was {was!r} and is now {now!r}. "
            "Resume with the same settings and data, or start afresh without resume"
        )
    load_weights(net, _under("network.", tensors), folder / FILE)
    for key, value in _under("method.", tensors).items():
        extra[key].copy_(value)
    slots: dict[int, dict[str, Tensor]] = {}
    for key, value in _under("optimizer.", tensors).items():
        number, _, name = key.partition(".")
        slots.setdefault(int(number), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": slots})
    for parameter, slot in optimizer.state.items():
        for name, value in slot.items():
            if value.shape == parameter.shape:
                # Fused optimisers walk through memory, so their averages must be laid out as the weights are.
                slot[name] = torch.empty_like(parameter).copy_(value)
    state.seed, state.step, state.history = saved.seed, saved.step, saved.history


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
