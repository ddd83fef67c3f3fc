"""Gaussian mixtures on a memory-mapped file: what they hold in memory."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest


@pytest.mark.slow
def test_a_mapped_file_larger_than_the_memory_it_takes(tmp_path):
    program = """
        import resource, sys, warnings
        import numpy as np
        from unlabeled import GaussianMixture
        warnings.simplefilter("ignore")
        rows = np.lib.format.open_memmap(sys.argv[1], "w+", np.float32, (1_500_000, 64))
        rng = np.random.default_rng(0)
        for start in range(0, len(rows), 100_000):
            rows[start:start + 100_000] = rng.standard_normal((100_000, 64), dtype=np.float32)
        rows.flush(); del rows
        small = rng.standard_normal((1000, 64)).astype(np.float32)
        model = GaussianMixture(8, covariance="diagonal", max_iter=1, weights_init=np.full(8, 1 / 8),
                                means_init=small[:8], precisions_init=np.ones((8, 64)))
        model.fit(small)
        with open("/proc/self/clear_refs", "w") as peak:
            peak.write("5")
        model.fit(sys.argv[1])
        status = open("/proc/self/status").read()
        print(int(status.split("VmHWM:")[1].split()[0]) / 1024)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(tmp_path / "rows.npy")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert float(done.stdout) < 800  # MiB, of which the imports take about 250; the file has 366
