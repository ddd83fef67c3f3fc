import numpy as np
import pytest

from unlabeled.errors import UnlabeledError
from unlabeled.search.metric import checked_metric, checked_vectors, row_lengths, unit_rows


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int32, np.uint8, bool])
def test_any_real_type_becomes_float32(dtype):
    vectors = checked_vectors(np.array([[1, 0], [0, 1]], dtype))
    assert vectors.dtype == np.float32
    assert vectors.tolist() == [[1, 0], [0, 1]]


def test_float32_is_not_copied():
    vectors = np.ones((3, 2), np.float32)
    assert checked_vectors(vectors) is vectors


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([1.0, 2.0], r"two-dimensional.*shape \(2,\)"),
        ([["a", "b"]], "of numbers"),
        ([[1 + 2j]], "of numbers"),
        (np.empty((3, 0)), "dimension 0"),
        ([[1.0, 2.0], [np.nan, 0.0]], "row 1 .* NaN"),
        ([[1.0, 2.0], [1.0, 0.0], [-np.inf, 0.0]], "row 2 .* too large"),
        ([[1e300, 0.0]], "row 0 .* too large"),
        ([[1e18, 1e18]], "row 0 .* too large"),
    ],
)
def test_unusable_vectors_are_named(bad, message):
    with pytest.raises(UnlabeledError, match=message):
        checked_vectors(bad)


def test_both_dimensions_are_named():
    with pytest.raises(UnlabeledError, match=r"dimension 2\b.*dimension 3"):
        checked_vectors([[1, 2]], dim=3)


def test_an_unknown_metric_gets_a_suggestion():
    with pytest.raises(UnlabeledError, match="did you mean 'euclidean'"):
        checked_metric("euclidian")


def test_lengths_neither_overflow_nor_underflow():
    assert row_lengths(np.array([[3e30, 4e30], [3e-30, 4e-30]], np.float32)) == pytest.approx([5e30, 5e-30], rel=1e-6)


def test_unit_rows_have_length_one_whatever_their_scale():
    vectors = np.array([[3e-30, 4e-30], [3e17, 4e17], [0, 0]], np.float32)
    assert unit_rows(vectors) == pytest.approx(np.array([[0.6, 0.8], [0.6, 0.8], [0, 0]]), abs=1e-6)
