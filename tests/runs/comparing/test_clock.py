from __future__ import annotations

import torch

from unlabeled.runs.comparing.clock import clock


def test_the_clock_waits_for_a_device_that_computes_by_itself(monkeypatch):
    waited = []
    monkeypatch.setattr(torch.accelerator, "synchronize", waited.append)
    first = clock(torch.device("cpu"))
    assert waited == []
    assert clock(torch.device("cuda", 0)) >= first
    assert waited == [torch.device("cuda", 0)]
