import numpy as np
import pytest

from unlabeled.errors import UnlabeledError
from unlabeled.explore import outliers


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_scores_are_mean_distances_to_the_nearest_others(metric):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(60, 5))
    expected = []
    for i in range(60):
        others = [
            np.linalg.norm(vectors[i] - v)
            if metric == "euclidean"
            else 1 - vectors[i] @ v / np.linalg.norm(vectors[i]) / np.linalg.norm(v)
            for j, v in enumerate(vectors)
            if j != i
        ]
        expected.append(np.mean(sorted(others)[:4]))
    rows, scores = outliers(vectors, top=60, k=4, metric=metric)
    assert rows.tolist() == np.argsort(-np.array(expected)).tolist()
    np.testing.assert_allclose(scores, np.sort(expected)[::-1], rtol=1e-5)


def test_the_ones_apart_come_first():
    vectors = np.random.default_rng(0).normal(size=(200, 8))
    vectors[:, 0] += 20
    vectors[[17, 90]] = -vectors[[17, 90]]  # the opposite direction, and two of them keep each other company
    rows, scores = outliers(vectors, top=2)
    assert sorted(rows) == [17, 90]
    assert scores.shape == (2,)


def test_small_inputs():
    rows, scores = outliers([[1.0, 0.0]], top=5)
    assert (rows.tolist(), scores.tolist()) == ([0], [0])
    assert len(outliers([[1.0, 0.0], [0.0, 1.0]], top=5)[0]) == 2


def test_bad_input():
    with pytest.raises(UnlabeledError, match="k must be a whole number of at least 1"):
        outliers([[1.0, 0.0], [0.0, 1.0]], k=0)
    with pytest.raises(UnlabeledError, match="unknown metric"):
        outliers([[1.0, 0.0]], metric="l2")


def test_distances_far_from_zero_are_those_near_it():
    near = np.random.default_rng(0).normal(size=(40, 3))
    rows, scores = outliers(near + 1e8, k=3, metric="euclidean")  # float32 knows multiples of 8 there
    expected = outliers(near + 1e8 - 1e8, k=3, metric="euclidean")
    assert rows.tolist() == expected[0].tolist()
    np.testing.assert_allclose(scores, expected[1], rtol=1e-5)
