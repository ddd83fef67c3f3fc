"""The most memory that this process has held at once: since some moment, where the system tells, or ever."""

from __future__ import annotations

import math
import sys
from contextlib import suppress
from pathlib import Path

FORGET, STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


def forget_peak() -> bool:
    """Let the peak be measured from now on; False where the system cannot, so that it is that of the process so far."""
    try:
        FORGET.write_text("5")
    except OSError:  # no Linux, or a container that does not allow it
        return False
    return True


def peak_mib() -> float:
    """Give the peak in MiB, NaN where the system does not tell."""
    with suppress(OSError, StopIteration):
        lines = STATUS.read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) / 1024
    try:
        import resource
    except ImportError:  # Windows
        return math.nan
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in KiB, on macOS in bytes
    return peak / (1024**2 if sys.platform == "darwin" else 1024)
