"""K-means and the diagonal mixture on a mapped file several times larger than what they may hold in memory."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import numpy as np
import pytest

ROWS, COLUMNS, PIECE = 10_000_000, 64, 250_000
FITS = {
    "k-means": """
        model = KMeans(64, init=start, n_init=1, max_iter=3)
    """,
    "mixture": """
        model = GaussianMixture(8, covariance="diagonal", max_iter=1, weights_init=np.full(8, 1 / 8),
                                means_init=start[:8], precisions_init=np.ones((8, 64)))
    """,
}


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """A file of 2.6 GB: groups around 64 places, written piece by piece."""
    path = tmp_path_factory.mktemp("memory") / "rows.npy"
    mapped = np.lib.format.open_memmap(path, "w+", np.float32, (ROWS, COLUMNS))
    rng = np.random.default_rng(0)
    piece = rng.standard_normal((PIECE, COLUMNS), dtype=np.float32)
    piece += 4 * rng.standard_normal((64, COLUMNS), dtype=np.float32)[rng.integers(64, size=PIECE)]
    for start in range(0, ROWS, PIECE):
        mapped[start : start + PIECE] = np.roll(piece, start // PIECE, axis=0)
    mapped.flush()
    del mapped
    yield path
    path.unlink()


@pytest.mark.slow
@pytest.mark.parametrize("name", FITS)
def test_ten_million_mapped_rows_take_less_than_a_gigabyte(name, rows):
    program = """
        import sys, warnings
        import numpy as np
        from unlabeled import GaussianMixture, KMeans
        warnings.simplefilter("ignore")
        start = np.array(np.load(sys.argv[1], mmap_mode="r")[:64])
    """
    measure = """
        with open("/proc/self/clear_refs", "w") as peak:
            peak.write("5")
        model.fit(sys.argv[1])
        assert model.n_features_in_ == 64
        status = open("/proc/self/status").read()
        print(int(status.split("VmHWM:")[1].split()[0]) / 1024)
    """
    done = subprocess.run(
        [sys.executable, "-c", "".join(map(textwrap.dedent, (program, FITS[name], measure))), str(rows)],
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    print(f"peak {done.stdout.strip()} MiB")
    assert float(done.stdout) < 1000
