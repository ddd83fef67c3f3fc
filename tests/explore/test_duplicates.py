import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unlabeled.explore import near_duplicates


@given(seed=st.integers(0, 2**32), n=st.integers(2, 40), threshold=st.floats(0.5, 0.99))
@settings(deadline=None)
def test_every_pair_is_found_when_each_row_meets_all_others(seed, n, threshold):
    vectors = np.random.default_rng(seed).normal(size=(n, 3)).astype(np.float32)
    unit = vectors.astype(float) / np.linalg.norm(vectors.astype(float), axis=1, keepdims=True)
    cosines = unit @ unit.T
    pairs, similarities = near_duplicates(vectors, threshold, k=n)
    found = {(int(i), int(j)) for i, j in pairs}
    for i in range(n):
        for j in range(i + 1, n):
            if abs(cosines[i, j] - threshold) > 1e-6:  # float32 may fall on either side of the threshold
                assert ((i, j) in found) == (cosines[i, j] > threshold)
    np.testing.assert_allclose(similarities, [cosines[i, j] for i, j in pairs], atol=1e-6)
    assert (np.diff(similarities) <= 0).all()
    assert len(found) == len(pairs)


def test_copies_of_one_row_are_bounded_and_stay_connected():
    vectors = np.random.default_rng(0).normal(size=(300, 6))
    vectors[100:] = vectors[0]
    pairs, similarities = near_duplicates(vectors, 0.9999)
    assert len(pairs) <= 300 * 10
    assert similarities == pytest.approx(1)
    copies = {0, *range(100, 300)}
    reached = {0}
    while len(reached) < len(grown := reached | {b for p in pairs.tolist() for b in p if set(p) & reached}):
        reached = grown
    assert reached == copies


def test_nothing_alike():
    pairs, similarities = near_duplicates(np.eye(4))
    assert pairs.shape == (0, 2)
    assert similarities.shape == (0,)
    assert near_duplicates([[1.0, 2.0]])[0].shape == (0, 2)
