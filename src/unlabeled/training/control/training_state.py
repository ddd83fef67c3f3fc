"""A training run on disk: whole after every save, and enough to go on to the same weights."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from unlabeled.encoders.checkpoint import load_tensors, load_weights, save_tensors
from unlabeled.training.control.run_state import FILE, State, checkpoint_in


def save_checkpoint(
    folder: Path, state: State, net: nn.Module, optimizer: torch.optim.Optimizer, extra: dict[str, Tensor]
) -> None:
    """Write network, optimiser, state and the method's `extra` tensors as one file, in one step."""
    slots = optimizer.state_dict()["state"]
    tensors = {f"network.{key}": value for key, value in net.state_dict().items()}
    tensors |= {f"optimizer.{i}.{key}": torch.as_tensor(v) for i, slot in slots.items() for key, v in slot.items()}
    tensors |= {f"method.{key}": value for key, value in extra.items()}
    tensors["state"] = torch.frombuffer(bytearray(state.to_bytes()), dtype=torch.uint8)
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
    tensors = load_tensors(checkpoint_in(folder))
    state.resume(folder, bytes(tensors["state"].tolist()), longer=True)  # along the longer schedule
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


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
