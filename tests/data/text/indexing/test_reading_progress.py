from __future__ import annotations

import pytest

from unlabeled.data.text.indexing import reading_progress as module
from unlabeled.data.text.indexing.reading_progress import reading


def shown(capsys: pytest.CaptureFixture[str], total: int, progress: bool | None) -> str:
    with reading(total, progress) as read:
        read(500_000)
        read(500_000)
    out, err = capsys.readouterr()
    assert out == ""
    return err


def test_a_log_gets_lines_if_asked_for(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(capsys, 1_000_000, None) == ""
    assert shown(capsys, 1_000_000, True) == ""  # too soon
    monkeypatch.setattr(module, "LINES_APART", -1)
    assert shown(capsys, 2_000_000, True) == "reading text: 0 of 2 MB\nreading text: 1 of 2 MB\n"
    assert shown(capsys, 2_000_000, False) == ""
    assert shown(capsys, 0, True) == ""


def test_a_terminal_gets_a_bar(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    assert "reading text" in shown(capsys, 1_000_000, None)
    assert "1.0/1.0 MB" in shown(capsys, 1_000_000, True)
    assert shown(capsys, 1_000_000, False) == ""


def test_a_callable_is_told_sums() -> None:
    seen: list[tuple[int, int]] = []
    with reading(10, lambda done, total: seen.append((done, total))) as read:
        read(3)
        read(4)
    assert seen == [(3, 10), (7, 10)]
