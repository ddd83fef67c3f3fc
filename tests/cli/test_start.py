"""What a command loads before it does anything: text, tables and vectors need neither torch nor a database."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest

TEXTS = ["frog toad newt pond", "pond frog newt", "toad pond frog", "king queen throne", "crown king queen"] * 4

RUN = """
import sys
from unlabeled.cli.main import main
sys.argv = ["unlabeled", *sys.argv[1:]]
try:
    main()
finally:
    print(*sys.modules, file=sys.stderr)
"""


@pytest.fixture
def desk(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "x.npy", np.repeat(np.eye(3), 20, axis=0) * 9 + rng.normal(0, 0.3, (60, 3)))
    rows = [f"{i},{rng.normal(20, 1):.2f},{'AB'[i % 2]}" for i in range(50)]
    (tmp_path / "readings.csv").write_text("\n".join(["id,temperature,station", *rows]))
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS))
    monkeypatch.chdir(tmp_path)


def run(*words):
    done = subprocess.run([sys.executable, "-c", RUN, *words], capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize(
    "words",
    [
        ["cluster", "readings.csv", "-k", "2"],
        ["cluster", "texts.txt", "-k", "2"],
        ["outliers", "x.npy", "--method", "neighbours"],
        ["topics", "texts.txt", "-k", "2", "--max-df", "1"],
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_it_does_its_work_without_torch_and_lancedb(words, desk):
    status, loaded = run(*words)
    assert status == 0
    assert not {"torch", "lancedb", "lightning_fabric", "timm"} & loaded


@pytest.mark.parametrize(
    "words",
    [
        ["cluster", "x.npy", "-k", "two"],
        ["outliers", "nowhere.csv"],
        ["topics", "nowhere"],
        ["segment", "readings.csv", "-k", "six"],
    ],
    ids=lambda words: words[0],
)
def test_what_cannot_be_meant_is_refused_before_anything_heavy_is_loaded(words, desk):
    status, loaded = run(*words)
    assert status == 2
    assert not {"torch", "lancedb", "sklearn", "pyarrow", "matplotlib", "numba", "pandas"} & loaded


@pytest.mark.slow
def test_a_refusal_takes_about_a_second(desk):
    def seconds():
        start = time.perf_counter()
        run("cluster", "x.npy", "-k", "two")
        return time.perf_counter() - start

    assert min(seconds() for _ in range(3)) < 1.5


def test_a_warning_is_one_line_without_the_place_in_the_code(desk, tmp_path):
    (tmp_path / "short.csv").write_text("\n".join(["great \x1b[31m phone", *TEXTS]))
    words = ["topics", "short.csv", "-k", "2", "--max-df", "1"]
    done = subprocess.run([sys.executable, "-c", RUN, *words], capture_output=True, text=True, timeout=120, check=False)
    (line,) = (line for line in done.stderr.splitlines() if "is taken for the name" in line)
    assert line.startswith("Warning: the first row of short.csv, 'great \\x1b[31m phone',")
    assert done.returncode == 0
