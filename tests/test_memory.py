"""How much memory is free, and what is refused for want of it."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from unlabeled import PLSA, GaussianMixture, KMeans, LatentDirichletAllocation, memory
from unlabeled.errors import UnlabeledError
from unlabeled.memory import check_memory, free_memory


@pytest.fixture
def little(monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda: 3000)


def test_the_free_memory_is_that_of_this_machine():
    free = free_memory()
    assert free is not None
    assert 1 << 20 < free < 1 << 50


def test_without_meminfo_the_system_is_asked(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "none")
    assert free_memory() > 1 << 20
    monkeypatch.setattr(memory.os, "sysconf", lambda name: (_ for _ in ()).throw(ValueError(name)))
    assert free_memory() is None
    check_memory(10**30, "anything", "nothing")  # nobody knows, so nobody refuses


def test_what_fits_is_let_through(little):
    check_memory(3000, "a table", "less")
    with pytest.raises(UnlabeledError, match=r"a table needs 0\.0 GB of memory, and 0\.0 GB are free; take less"):
        check_memory(3001, "a table", "take less")


def test_the_gigabytes_are_told(monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda: 8 * 10**9)
    with pytest.raises(UnlabeledError, match=r"needs 12,345\.7 GB of memory, and 8\.0 GB are free"):
        check_memory(12_345_678_900_000, "a table", "take less")


@pytest.mark.parametrize("method", [KMeans(2, n_init=1), GaussianMixture(2)], ids=lambda method: type(method).__name__)
@pytest.mark.parametrize(
    "rows",
    [np.arange(400).reshape(200, 2), np.asfortranarray(np.random.default_rng(0).normal(size=(200, 2)))],
    ids=["whole numbers", "columns first"],
)
def test_a_copy_that_does_not_fit_is_refused_with_advice(method, rows, little):
    with pytest.raises(UnlabeledError, match=r"a copy of X, 200 rows of 2 columns as float64, needs .* np\.save"):
        method.fit(rows)


def test_rows_that_need_no_copy_are_taken(little):
    rows = np.random.default_rng(0).normal(size=(200, 2))
    assert len(KMeans(2, n_init=1, random_state=0).fit(rows).labels_) == 200


def test_a_mapped_file_of_whole_numbers_is_read_block_by_block(little, tmp_path):
    np.save(tmp_path / "rows.npy", np.arange(400).reshape(200, 2))
    assert len(KMeans(2, n_init=1, random_state=0).fit(tmp_path / "rows.npy").labels_) == 200


def test_a_sparse_matrix_that_would_have_to_be_dense_is_refused_with_its_size():
    rows = sp.csr_matrix((1_000_000, 50_000), dtype=np.float32)
    with pytest.raises(UnlabeledError, match=r"GaussianMixture takes no sparse matrix.*needs 200 GB.*TruncatedSVD"):
        GaussianMixture(2).fit(rows)


@pytest.mark.parametrize("method", [PLSA, LatentDirichletAllocation])
@pytest.mark.parametrize("form", [np.asarray, sp.csr_matrix], ids=["dense", "sparse"])
def test_counts_that_do_not_fit_are_refused(method, form, little):
    counts = form(np.random.default_rng(0).poisson(1.0, (60, 20)).astype(float))
    with pytest.raises(UnlabeledError, match=r"entries that are not 0 needs .* leave out rare"):
        method(2).fit(counts)
