"""The order in which GloVe visits the nonzeros: every one once, and threads never meet."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from unlabeled.methods.words.counting import tiling
from unlabeled.methods.words.counting.tiling import Tiling


def matrix(words: int, density: float, seed: int = 0) -> csr_array:
    X = csr_array(random_array((words, words), density=density, rng=np.random.default_rng(seed)))
    X.data = np.ceil(X.data * 50)
    X.sort_indices()
    return X


@pytest.fixture
def small_tiles(monkeypatch):
    monkeypatch.setattr(tiling, "ENOUGH", 40)
    monkeypatch.setattr(tiling, "STRIP", 1 << 11)


@pytest.mark.parametrize(("words", "density"), [(2, 1.0), (40, 0.3), (300, 0.05), (150, 0.9)])
def test_an_epoch_visits_every_nonzero_once(words, density, small_tiles):
    X = matrix(words, density)
    tiles = Tiling.of(X, 64, 20.0, 0.75, 0, 2)
    visited = []
    for rectangles in tiles.rounds(0, 3):
        for begins, ends in rectangles:
            for begin, end in zip(begins, ends, strict=True):
                visited.extend(range(begin, end))
    assert sorted(visited) == list(range(X.nnz))
    found = {
        (i, j): (log_x, f) for (i, j), (log_x, f) in zip(tiles.places.tolist(), tiles.targets.tolist(), strict=True)
    }
    rows, columns = X.nonzero()
    assert len(found) == X.nnz
    for i, j, x in zip(rows.tolist(), columns.tolist(), X[rows, columns].tolist(), strict=True):
        assert found[i, j] == pytest.approx((np.log(x), min(1, (x / 20) ** 0.75)), rel=1e-6)


def test_the_rectangles_of_a_round_share_neither_rows_nor_columns(small_tiles):
    tiles = Tiling.of(matrix(300, 0.3), 64, 20.0, 0.75, 0, 2)
    assert tiles.groups > 4
    for rectangles in tiles.rounds(0, 0):
        assert len(rectangles) == tiles.groups
        rows, columns = [], []
        for begins, ends in rectangles:
            places = np.concatenate([tiles.places[b:e] for b, e in zip(begins, ends, strict=True)])
            rows.append(set(places[:, 0].tolist()))
            columns.append(set(places[:, 1].tolist()))
        assert sum(map(len, rows)) == len(set().union(*rows))
        assert sum(map(len, columns)) == len(set().union(*columns))


def test_the_order_changes_with_the_epoch_and_the_seed(small_tiles):
    tiles = Tiling.of(matrix(300, 0.3), 64, 20.0, 0.75, 0, 1)

    def order(seed, epoch):
        return [[b.tolist() for b, _ in rectangles] for rectangles in tiles.rounds(seed, epoch)]

    assert order(0, 1) == order(0, 1)
    assert order(0, 1) != order(0, 2)
    assert order(0, 1) != order(1, 1)
    other = Tiling.of(matrix(300, 0.3), 64, 20.0, 0.75, 1, 1)
    assert not np.array_equal(other.places, tiles.places)
