"""Inner product search by a Euclidean store, held against the products themselves."""

import numpy as np
import pytest

from unlabeled.errors import UnlabeledError
from unlabeled.search import ExactStore
from unlabeled.search.inner_product import map_items, map_queries


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_the_nearest_after_the_mapping_have_the_largest_inner_products(metric):
    rng = np.random.default_rng(0)
    items = rng.normal(size=(300, 8)) * rng.uniform(0.1, 5, size=(300, 1))
    queries = rng.normal(size=(20, 8))
    ids = [str(i) for i in range(300)]
    store = ExactStore.build(ids, map_items(items), metric=metric)
    found = store.query(map_queries(queries), 10)
    products = queries @ items.T
    expected = np.argsort(-products, axis=1)[:, :10]
    assert np.array_equal(found.indices, expected)
    plain = ExactStore.build(ids, items, metric=metric).query(queries, 10).indices
    assert not np.array_equal(plain, expected)  # the lengths matter


def test_items_have_one_length_and_distances_are_those_of_the_equation():
    items, queries = np.random.default_rng(1).normal(size=(2, 30, 5))
    mapped, asked = map_items(items), map_queries(queries)
    largest = np.linalg.norm(items, axis=1).max()
    np.testing.assert_allclose(np.linalg.norm(mapped, axis=1), largest, rtol=1e-6)
    squares = np.square(mapped[:, None] - asked[None]).sum(2)
    expected = largest**2 + np.square(queries).sum(1) - 2 * items @ queries.T
    np.testing.assert_allclose(squares, expected, rtol=1e-4)


@pytest.mark.parametrize("longest", [4.9, 5 * (1 - 1e-5), 0.0])
def test_an_item_that_is_longer_than_the_longest_is_refused(longest):
    with pytest.raises(UnlabeledError, match=r"row 1 of the items has length 5, which is more than longest="):
        map_items([[0.0, 0.0], [3.0, 4.0]], longest)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_length_of_the_longest_may_be_rounded(dtype):
    items = np.random.default_rng(2).normal(size=(300, 400)).astype(dtype)
    for item in items:
        for longest in (np.linalg.norm(item), np.float32(np.linalg.norm(item)), np.sqrt(np.cumsum(item**2)[-1])):
            # The added number is the root of a difference of squares, each of them rounded d + 2 times.
            assert map_items(item[None], longest)[0, -1] <= np.sqrt(2 * 402 * 2.0**-24) * longest
