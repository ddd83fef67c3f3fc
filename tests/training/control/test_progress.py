"""What a log shows of a run; on a terminal Rich draws the same figures."""

from __future__ import annotations

import pytest

from unlabeled.training.control import progress
from unlabeled.training.control.progress import ProgressBar


def test_a_log_gets_the_last_line_and_one_now_and_then(capsys: pytest.CaptureFixture[str]):
    with ProgressBar("Method", 2000, show=True, unit="words") as bar:
        bar.advance(500)
        bar.show({"step": 1000, "loss": 1.5, "learning_rate": 0.025}, 1e6)
        bar.show({"step": 2000, "loss": 0.5, "effective_rank": 3}, 2e6)
    shown = capsys.readouterr().err
    assert shown == "Method: 2,000 of 2,000 words  loss 0.5  2,000,000 words/s  effective rank 3.0\n"


def test_between_figures_a_log_repeats_the_latest(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(progress, "APART", -1)
    clock = iter([0.0, 0.0, 10.0, 10.0, 20.0, 20.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock, 20.0))
    with ProgressBar("Method", 500, show=True) as bar:
        monkeypatch.setattr(bar, "_begun", 0.0)
        bar.show({"step": 1, "loss": 1.5}, 7)
        bar.advance(2)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("Method: step 1 of 500  loss 1.5  7/s")
    assert lines[1] == "Method: step 2 of 500  loss 1.5  7/s  1:23:00 left"


def test_the_time_left_is_at_the_pace_of_this_run_and_not_of_the_one_resumed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(progress, "APART", -1)
    bar = ProgressBar("Method", 1000, done=900, show=True, unit="words")
    monkeypatch.setattr(bar, "_begun", progress.time.monotonic() - 60)
    bar.advance(950)
    assert capsys.readouterr().err == "Method: 950 of 1,000 words  0:01:00 left\n"


@pytest.mark.parametrize("show", [None, False])
def test_nothing_is_shown_unasked_where_there_is_no_terminal(show: bool | None, capsys: pytest.CaptureFixture[str]):
    with ProgressBar("Method", 10, show=show) as bar:
        bar.show({"step": 10, "loss": 1.5}, 7)
    assert capsys.readouterr().err == ""
