"""The processors that this process may use."""

from __future__ import annotations

import os


def processor_count() -> int:
    """Count them: fewer than there are where ``taskset`` or a scheduler says so."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
