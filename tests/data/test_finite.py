import numpy as np
import pytest
import scipy.sparse as sp

from unlabeled.data import fingerprint
from unlabeled.data.finite import NotFinite, first_not_finite


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("sparse", [False, True])
def test_the_first_place_is_named_and_all_are_counted(dtype, value, sparse):
    if sparse and dtype == np.float16:
        pytest.skip("SciPy has no sparse float16")
    rows = np.zeros((6, 4), dtype)
    rows[0, 1] = 1
    rows[3, 2] = value
    rows[3, 3] = rows[5, 0] = np.nan
    given = sp.csr_matrix(rows) if sparse else rows
    assert first_not_finite(given) == NotFinite(3, 2, "NaN" if np.isnan(value) else "infinity", 3)


def test_large_numbers_whose_sum_overflows_are_finite():
    assert first_not_finite(np.full((9, 9), np.finfo(np.float32).max, np.float32)) is None
    assert first_not_finite(np.arange(6).reshape(2, 3)) is None


def test_parts_are_read_in_turn(monkeypatch):
    monkeypatch.setattr(fingerprint, "_CHUNK_BYTES", 8)
    rows = np.zeros((7, 1))
    rows[5:] = np.inf
    assert first_not_finite(rows) == NotFinite(5, 0, "infinity", 2)
