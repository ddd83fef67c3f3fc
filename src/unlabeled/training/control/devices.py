"""Where and how exactly a fit computes: device, precision and processes, through Lightning Fabric."""

from __future__ import annotations

import logging
import os
import warnings
from typing import Any, Literal

import torch

from unlabeled.errors import UnlabeledError, unknown_name

Precision = Literal["auto", "bf16", "float32"]


def choose_device(device: str | torch.device) -> torch.device:
    """Give the device that ``"auto"`` means here: a GPU if there is one, otherwise the CPU.

    Raises
    ------
    UnlabeledError
        If the name is no device, or that device is not here.
    """
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError) as error:
        raise UnlabeledError(f"device {device!r} cannot be used here: {str(error).splitlines()[0]}") from error
    return chosen


def device_here(device: str | torch.device) -> str | torch.device:
    """Give the device that a saved model names if there is such a one here, otherwise ``"auto"``."""
    try:
        choose_device(device)
    except UnlabeledError:
        return "auto"
    return device


def has_bf16(device: torch.device) -> bool:
    """Tell whether `device` computes in bfloat16 in hardware."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def make_fabric(device: str | torch.device, precision: str) -> Any:
    """Make the Fabric that places modules, computes in the precision asked for, and joins processes.

    Started by torchrun, the processes it started train together; otherwise there is one process and one device.
    """
    with warnings.catch_warnings():
        # Fabric's import touches its own deprecated paths; nothing a user could act on.
        warnings.simplefilter("ignore")
        from lightning_fabric import Fabric

    chosen = choose_device(device)
    if precision not in ("auto", "bf16", "float32"):
        raise unknown_name("precision", precision, ["auto", "bf16", "float32"])
    bf16 = precision == "bf16" or (precision == "auto" and has_bf16(chosen))
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    many = processes > 1
    fabric = Fabric(
        accelerator=chosen.type,
        devices=local if many or chosen.type == "cpu" else [chosen.index or 0],
        num_nodes=processes // local,
        strategy="ddp" if many else "auto",
        precision="bf16-mixed" if bf16 else "32-true",
    )
    fabric.launch()
    return fabric
