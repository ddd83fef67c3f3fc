"""Several processes that torchrun starts make one run: the first owns the folder and speaks, the others only help."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from unlabeled.runs import Run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def photos(digits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for number, pixels in enumerate(digits[0][:80]):
        Image.fromarray(pixels).save(folder / f"{number:03d}.png")
    return folder


class Torchrun:
    """Two processes of the command line, as a user starts them; what each of them prints goes to files."""

    def __init__(self, logs, *words):
        self.logs = logs
        command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--log-dir", logs]
        command += ["--redirects", "3", "-m", "unlabeled.cli.main", "learn", *words]
        self.process = subprocess.Popen(
            [sys.executable, *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def end(self):
        """Wait, and give the exit status of torchrun and the words of the first and the second process."""
        try:
            self.process.communicate(timeout=240)
        finally:
            self.process.kill()
        said = []
        for rank in ("0", "1"):
            files = self.logs.glob(f"*/attempt_0/{rank}/std*.log")
            said.append("".join(path.read_text() for path in sorted(files, key=lambda path: path.name)))
        return self.process.returncode, *said


def words(out, *more):
    return ["--out", out, "--method", "autoencoder", "--batch-size", 16, *more]


def test_two_processes_make_one_run(photos, tmp_path):
    out = tmp_path / "run"
    status, first, second = Torchrun(tmp_path / "logs", photos, *words(out, "--epochs", 2)).end()
    assert (status, second) == (0, ""), first + second
    assert "80 images of 8×8 pixels" in first
    assert f"The run is in {out}" in first
    run = Run(out)
    assert (len(run.embeddings), run.about["training"]["steps"]) == (80, 10)
    assert (out / "report.html").exists()


def test_interrupted_and_resumed_they_learn_what_they_learn_in_one_go(photos, tmp_path):
    out, whole = tmp_path / "run", tmp_path / "whole"
    started = Torchrun(tmp_path / "one", photos, *words(out, "--epochs", 80))
    checkpoint, deadline = out / "checkpoint" / "checkpoint.safetensors", time.monotonic() + 120
    while not checkpoint.exists():
        assert started.process.poll() is None, started.end()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    started.process.send_signal(signal.SIGINT)
    status, first, second = started.end()
    assert status != 0
    assert "stopped after step" in first
    assert f"--out {out} --resume" in first
    assert second == ""
    status, first, second = Torchrun(tmp_path / "two", "--out", out, "--resume").end()
    assert (status, second) == (0, ""), first
    status, first, _ = Torchrun(tmp_path / "three", photos, *words(whole, "--epochs", 80)).end()
    assert status == 0, first
    assert np.array_equal(Run(out).embeddings.vectors, Run(whole).embeddings.vectors)


@pytest.mark.parametrize(
    ("batch", "says"), [(16, "is not a run; choose another folder"), (33, "cannot be shared equally by 2 processes")]
)
def test_an_error_is_told_once_and_ends_all(batch, says, photos, tmp_path):
    """The first error only the first process can find, the second all of them find in the midst of `fit`."""
    out = tmp_path / "run"
    if batch == 16:
        out.mkdir()
        (out / "thesis.txt").write_text("mine")
    status, first, second = Torchrun(tmp_path / "logs", photos, "--out", out, "--batch-size", batch).end()
    assert status != 0
    assert first.count("Error: ") == 1
    assert says in first
    assert "Traceback" not in first
    assert second == ""
