import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from unlabeled.data import blocks as module
from unlabeled.data.blocks import FEWEST_ROWS, Blocks, mean_and_variance
from unlabeled.errors import UnlabeledError


@pytest.fixture
def rows():
    return np.random.default_rng(0).standard_normal((2000, 5))


def joined(blocks):
    return np.concatenate([block.rows for block in blocks])


SMALL = 5 * 8 * 300  # bytes of 300 rows


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 700), min_size=1, max_size=8), st.integers(FEWEST_ROWS, 900))
def test_a_stream_is_cut_where_an_array_is(sizes, size):
    if sum(sizes) == 0:
        sizes = [1]
    array = np.arange(sum(sizes) * 2, dtype=np.float64).reshape(-1, 2)
    pieces = np.split(array, np.cumsum(sizes)[:-1])
    whole, stream = Blocks(array, block_bytes=size * 16), Blocks(lambda: iter(pieces), block_bytes=size * 16)
    assert stream.shape == whole.shape
    assert len(stream) == len(whole)
    for one, other in zip(whole, stream, strict=True):
        assert (one.start, one.stop) == (other.start, other.stop)
        assert np.array_equal(one.rows, other.rows)
    assert np.array_equal(joined(whole), array)


def test_a_mapped_file_its_path_and_the_array_are_the_same(rows, tmp_path):
    np.save(tmp_path / "rows.npy", rows)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    for source in (tmp_path / "rows.npy", str(tmp_path / "rows.npy"), mapped, mapped[:]):
        blocks = Blocks(source, block_bytes=SMALL)
        assert len(blocks) == 7
        assert np.array_equal(joined(blocks), rows)
        assert np.array_equal(blocks.take([1999, 3]), rows[[1999, 3]])


def test_a_view_of_a_mapped_file_is_read_at_its_place(rows, tmp_path):
    np.save(tmp_path / "rows.npy", rows)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    for view, truth in ((mapped[7:], rows[7:]), (mapped[::2], rows[::2]), (mapped[:, 1:3], rows[:, 1:3])):
        assert np.array_equal(joined(Blocks(view, block_bytes=SMALL)), truth)


def test_sparse_rows_come_as_csr(rows):
    rows[np.abs(rows) < 1] = 0
    for kind in (sp.csr_matrix, sp.csc_matrix, sp.coo_array):
        blocks = Blocks(kind(rows), block_bytes=2000)
        assert blocks.sparse
        assert len(blocks) > 3
        assert np.array_equal(np.concatenate([block.rows.toarray() for block in blocks]), rows)
        assert np.array_equal(blocks.take([5, 1]), rows[[5, 1]])
        assert np.array_equal(blocks.take([5, 1], dense=False).toarray(), rows[[5, 1]])


@pytest.mark.parametrize(
    ("dtype", "out"), [("f4", "f4"), ("f8", "f8"), ("f2", "f8"), ("i4", "f8"), ("u1", "f8"), ("?", "f8")]
)
def test_numbers_become_real_ones(dtype, out):
    blocks = Blocks(np.ones((3, 2), dtype))
    assert blocks.dtype == np.dtype(out)
    assert next(iter(blocks)).rows.dtype == np.dtype(out)


def test_rows_in_another_order_of_memory_come_in_c_order(rows):
    for block in Blocks(np.asfortranarray(rows)):
        assert block.rows.flags.c_contiguous


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("make", [np.asarray, sp.csr_matrix, lambda x: lambda: iter(np.split(x, 4))])
def test_what_is_not_finite_is_refused_by_its_row(rows, value, make):
    rows[1234, 3] = value
    says = "NaN" if np.isnan(value) else "infinity"
    with pytest.raises(UnlabeledError, match=f"{says} in row 1234, column 3"):
        Blocks(make(rows), block_bytes=SMALL)


def test_large_finite_numbers_are_let_in():
    Blocks(np.full((1000, 3), np.finfo(np.float32).max, np.float32))  # their sum is infinite


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (np.zeros(3), r"reshape\(-1, 1\)"),
        (np.zeros((2, 2, 2)), r"\(2, 2, 2\)"),
        (np.zeros((0, 4)), "no numbers"),
        (np.zeros((4, 0)), "no numbers"),
        (np.array([["a"]]), "real numbers"),
        (np.zeros((2, 2), complex), "real numbers"),
        (iter([np.zeros((2, 2))]), "only once"),
        (lambda: iter([]), "no numbers"),
        (lambda: iter([np.zeros((2, 2)), np.zeros((2, 3))]), "2 columns up to row 2, and 3"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused(source, says):
    with pytest.raises(UnlabeledError, match=says):
        Blocks(source)


def test_a_stream_that_changes_is_refused():
    lengths = iter([5, 4])
    blocks = Blocks(lambda: iter([np.zeros((next(lengths), 2))]))
    with pytest.raises(UnlabeledError, match="5 rows when it was first read and 4 now"):
        list(blocks)


def test_a_stream_may_fill_the_same_memory_again():
    def stream():
        memory = np.empty((10, 2))
        for number in range(100):
            memory[:] = number
            yield memory

    assert np.array_equal(joined(Blocks(stream)), np.repeat(np.arange(100.0), 10)[:, None] * [1, 1])


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("offset", [0, 1e6])
def test_mean_and_variance_are_those_of_the_whole(rows, sparse, offset):
    rows += offset
    mean, variance = mean_and_variance(Blocks(sp.csr_matrix(rows) if sparse else rows, block_bytes=SMALL))
    np.testing.assert_allclose(mean, rows.mean(axis=0), rtol=1e-13, atol=1e-15)
    # Sparse rows are not centred first: squares of 1e6 in float64 leave 1e12 · 1e-16 · a few.
    np.testing.assert_allclose(variance, rows.var(axis=0), rtol=1e-9, atol=1e-3 if sparse and offset else 1e-12)


def test_blocks_do_not_depend_on_values_but_on_shape_and_type(rows):
    assert Blocks(rows).rows_per_block == Blocks(rows * 2).rows_per_block
    assert Blocks(np.zeros((10, 10**6))).rows_per_block == FEWEST_ROWS
    assert Blocks(np.zeros((10, 2))).rows_per_block == module.BLOCK_BYTES // 16


def test_sparse_entries_of_one_place_are_added_up(rows):
    parts = sp.csr_matrix(rows)
    twice = sp.csr_matrix(
        (np.repeat(parts.data / 2, 2), np.repeat(parts.indices, 2), 2 * parts.indptr), shape=parts.shape
    )
    assert twice.nnz == 2 * parts.nnz
    for mine, theirs in zip(mean_and_variance(Blocks(twice)), mean_and_variance(Blocks(rows)), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-9)
    assert twice.nnz == 2 * parts.nnz  # what was given is as it was
    assert joined_sparse(Blocks(twice)).nnz == parts.nnz


def joined_sparse(blocks):
    return sp.vstack([block.rows for block in blocks])


def test_the_variance_of_sparse_rows_far_from_zero():
    rows = np.random.default_rng(0).standard_normal((50, 3)) + 1e8
    rows[3, 1] = 0.0
    mean, variance = mean_and_variance(Blocks(sp.csr_matrix(rows)))
    np.testing.assert_allclose(mean, rows.mean(axis=0), rtol=1e-15)
    np.testing.assert_allclose(variance, rows.var(axis=0), rtol=1e-7)  # numbers at 1e8 are multiples of 1.5e-8
