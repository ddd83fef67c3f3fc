from __future__ import annotations

import builtins
import math
from pathlib import Path

import numpy as np
import pytest

from unlabeled.runs.comparing import peak_memory
from unlabeled.runs.comparing.peak_memory import forget_peak, peak_mib


def test_the_peak_is_that_since_it_was_forgotten():
    if not forget_peak():
        pytest.skip("this system cannot forget the peak")
    before = peak_mib()
    large = np.ones(2**25)  # 256 MiB, given back to the system when it goes
    assert peak_mib() > before + 200
    del large
    assert peak_mib() > before + 200  # a peak stays
    assert forget_peak()
    assert peak_mib() < before + 100


def test_without_proc_it_is_that_of_the_process_and_without_resource_unknown(monkeypatch):
    pytest.importorskip("resource")
    monkeypatch.setattr(peak_memory, "FORGET", Path("/nowhere/clear_refs"))
    monkeypatch.setattr(peak_memory, "STATUS", Path("/nowhere/status"))
    assert not forget_peak()
    assert peak_mib() > 50  # PyTorch alone takes more
    import_ = builtins.__import__

    def as_on_windows(name, *rest):
        if name == "resource":
            raise ImportError(name)
        return import_(name, *rest)

    monkeypatch.setattr(builtins, "__import__", as_on_windows)
    assert math.isnan(peak_mib())
