from __future__ import annotations

import numpy as np
import pytest

from unlabeled.errors import UnlabeledError
from unlabeled.evaluation.label_free import neighbours
from unlabeled.evaluation.label_free.neighbours import nearest

rng = np.random.default_rng(0)
BANK = rng.normal(size=(30, 4)).astype(np.float32)
QUERIES = rng.normal(size=(11, 4)).astype(np.float32)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_neighbours_come_nearest_first_with_their_similarities(metric):
    (found,) = nearest(QUERIES, BANK, 30, metric)
    differences = QUERIES[:, None] - BANK[None]
    lengths = np.linalg.norm(QUERIES, axis=1)[:, None] * np.linalg.norm(BANK, axis=1)
    expected = QUERIES @ BANK.T / lengths if metric == "cosine" else -(differences**2).sum(2) / 2
    assert found.indices.tolist() == np.argsort(-expected, axis=1).tolist()
    np.testing.assert_allclose(found.similarities, -np.sort(-expected, axis=1), atol=1e-5)


def test_no_part_of_the_result_is_larger_than_the_bound(monkeypatch):
    monkeypatch.setattr(neighbours, "RESULT_BYTES", 12 * 3 * 4)
    parts = [found.queries for found in nearest(QUERIES, BANK, 3)]
    assert [(part.start, part.stop) for part in parts] == [(0, 4), (4, 8), (8, 11)]
    monkeypatch.setattr(neighbours, "RESULT_BYTES", 1)
    assert len(list(nearest(QUERIES, BANK, 3))) == 11


def test_a_query_that_is_in_the_bank_is_passed_over():
    own = np.array([7, 0, 29])
    (found,) = nearest(BANK[own], BANK, 29, own=own)
    for row, indices in zip(own, found.indices, strict=True):
        assert sorted(indices) == [j for j in range(30) if j != row]


def test_an_unknown_metric_is_refused():
    with pytest.raises(UnlabeledError, match="did you mean 'euclidean'"):
        list(nearest(QUERIES, BANK, 1, "euclidian"))
