"""The time, once a device has done what it was given."""

from __future__ import annotations

import time

import torch


def clock(device: torch.device) -> float:
    """Wait for the device and give the seconds of a clock: Python goes on while a GPU still computes."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
    return time.monotonic()
