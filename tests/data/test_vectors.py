from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from unlabeled.data import LabelTable, Vectors
from unlabeled.errors import UnlabeledError


def random_rows(n: int = 6, d: int = 4) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(0).normal(size=(n, d)).astype(np.float32)


def test_a_valid_array_is_not_copied() -> None:
    array = random_rows()
    vectors = Vectors(array)
    assert np.shares_memory(vectors.array, array)
    assert vectors.ids == ["0", "1", "2", "3", "4", "5"]
    assert (vectors.labels, vectors.classes, vectors.columns, vectors.kind) == (None, None, None, "vector")
    assert repr(vectors) == "Vectors(6 of 4 numbers from the array)"


@pytest.mark.parametrize("make", [np.asarray, torch.tensor, lambda a: a.tolist(), lambda a: [list(r) for r in a]])
def test_arrays_tensors_and_lists(make: Any) -> None:
    array = random_rows()
    vectors = Vectors(make(array))
    assert vectors.array.dtype in (np.float32, np.float64)  # Python's floats are double
    np.testing.assert_array_equal(vectors.array, array)


@pytest.mark.parametrize("kind", [np.float16, np.int64, np.uint8, bool])
def test_numbers_of_other_types_become_float32(kind: type) -> None:
    vectors = Vectors(np.array([[0, 1], [1, 0]], dtype=kind))
    assert vectors.array.tolist() == [[0.0, 1.0], [1.0, 0.0]]
    assert vectors.array.dtype == np.float32


@pytest.mark.parametrize("kind", [np.int32, np.int64, np.uint64])
def test_whole_numbers_are_wide_only_where_float32_does_not_hold_them(kind: type) -> None:
    limits, least = np.iinfo(kind), 0 if kind is np.uint64 else -(2**24)
    for values, expected in (
        ([least, 2**24], np.float32),
        ([0, 2**24 + 1], np.float64),
        ([0, limits.max], np.float64),
        ([limits.min, 0], np.float32 if kind is np.uint64 else np.float64),
    ):
        assert Vectors(np.array([values], dtype=kind)).array.dtype == expected, values


def test_whole_numbers_take_no_more_memory_than_what_they_become() -> None:
    array = np.ones((1000, 1000), dtype=np.int64)
    Vectors(array)  # what is imported at first use is no matter here
    tracemalloc.start()
    vectors = Vectors(array)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < vectors.array.nbytes + array.nbytes / 2  # a copy in float64 has as many bytes as the array


def test_gather_and_batches() -> None:
    array = random_rows(20)
    array.setflags(write=False)
    vectors = Vectors(array)
    batch = vectors.gather(torch.tensor([5, 0, 5])).values
    np.testing.assert_array_equal(batch, array[[5, 0, 5]])
    assert batch.dtype == torch.float32
    batch.zero_()
    np.testing.assert_array_equal(vectors.gather(torch.tensor([5])).values[0], array[5])
    order = torch.randperm(20, generator=torch.Generator().manual_seed(0))
    np.testing.assert_array_equal(torch.cat([batch.values for batch in vectors.batches(order.split(6))]), array[order])


def test_npy_is_mapped_and_not_copied(tmp_path: Path) -> None:
    array = random_rows()
    np.save(tmp_path / "x.npy", array)
    vectors = Vectors(tmp_path / "x.npy")
    assert isinstance(vectors.array, np.memmap) or isinstance(vectors.array.base, np.memmap)
    np.testing.assert_array_equal(vectors.gather(torch.tensor([1])).values, array[1:2])


def test_npz_with_labels(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=random_rows(3), y=np.array([2, -1, 9]))
    vectors = Vectors(str(tmp_path / "x.npz"))
    assert vectors.labels is not None
    assert vectors.labels.tolist() == [0, -1, 1]
    assert vectors.classes == ["2", "9"]


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_the_first_value_that_is_no_number_is_placed_and_all_are_counted(
    wrong: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unlabeled.data.fingerprint._CHUNK_BYTES", 2 * 4 * 4)
    array = random_rows()
    array[3, 2] = array[4, 0] = array[5, 1] = wrong
    with pytest.raises(UnlabeledError, match=rf"3 values that are not finite, the first {wrong} in row 3, column 2;"):
        Vectors(array)


def test_numbers_too_large_for_float32_stay_double() -> None:
    assert Vectors(np.array([[1e300, 0.0]])).array[0, 0] == 1e300


def test_numbers_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(UnlabeledError, match="1 value that is not finite"):
        Vectors(np.array([[np.inf, 0.0]]))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros(3), r"reshape\(-1, 1\)"),
        ([1.0, 2.0], r"reshape\(-1, 1\)"),
        (np.zeros((2, 2, 2)), "rows, features"),
        (np.zeros((0, 4)), "holds no numbers"),
        (np.zeros((4, 0)), "holds no numbers"),
        ([[1, 2], [3]], "of one length"),
        ([["a", "b"]], "real numbers"),
        (np.zeros((2, 2), complex), "real numbers"),
        (np.array([[{}]], dtype=object), "real numbers"),
        (3.0, "shape"),
    ],
)
def test_things_that_are_no_vectors(wrong: Any, message: str) -> None:
    with pytest.raises(UnlabeledError, match=message):
        Vectors(wrong)


def test_sparse_matrices_are_refused_with_advice() -> None:
    from scipy.sparse import csr_array

    with pytest.raises(UnlabeledError, match=r"\.toarray\(\)"):
        Vectors(csr_array(np.eye(3)))


def test_unknown_suffix(tmp_path: Path) -> None:
    (tmp_path / "x.json").touch()
    with pytest.raises(UnlabeledError, match=r"not \.json"):
        Vectors(tmp_path / "x.json")


def test_ids_and_labels_given() -> None:
    vectors = Vectors(random_rows(3), ids=["a", "b", "c"], labels=["x", "", "y"])
    assert vectors.ids == ["a", "b", "c"]
    assert vectors.labels is not None
    assert vectors.labels.tolist() == [0, -1, 1]
    matched = Vectors(random_rows(3), ids=["a", "b", "c"], labels=LabelTable("t", ["c"], ["z"], [1]))
    assert matched.labels is not None
    assert matched.labels.tolist() == [-1, -1, 0]
    with pytest.raises(UnlabeledError, match="2 ids for 3 vectors"):
        Vectors(random_rows(3), ids=["a", "b"])


def test_fingerprint_follows_numbers_and_ids(tmp_path: Path) -> None:
    array = random_rows()
    np.save(tmp_path / "x.npy", array)
    base = Vectors(array).fingerprint
    assert Vectors(array.copy()).fingerprint == base
    assert Vectors(tmp_path / "x.npy").fingerprint == base
    changed = array.copy()
    changed[5, 3] += 1
    others = [Vectors(changed), Vectors(array[::-1]), Vectors(array, ids=list("abcdef")), Vectors(array[:5])]
    assert len({base, *(v.fingerprint for v in others)}) == 5
