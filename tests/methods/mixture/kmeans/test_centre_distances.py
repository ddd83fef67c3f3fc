"""Distances to centres, beside plain differences in float64."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from unlabeled.methods.mixture.k_means import KMeans
from unlabeled.methods.mixture.kmeans.centre_distances import distances_to_centres


def by_differences(rows, centres):
    return np.sqrt(((rows.astype(np.float64)[:, None] - centres.astype(np.float64)) ** 2).sum(axis=-1))


@pytest.mark.parametrize("offset", [0, 1e4, 1e8, -1e12])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_digits_are_lost_far_from_zero(offset, dtype):
    rows = (np.random.default_rng(0).normal(size=(200, 3)) + offset).astype(dtype)
    centres = rows[:7]
    found = distances_to_centres(rows, centres)
    # Above the share at which pairs are subtracted, products of float64 keep at least nine digits.
    np.testing.assert_allclose(found, by_differences(rows, centres), rtol=1e-8, atol=0)
    assert (found.diagonal() == 0).all()


def test_no_digits_are_lost_where_groups_lie_far_apart():
    random = np.random.default_rng(1)
    rows = np.concatenate([random.normal(size=(50, 2)) + place for place in (0, 1e8, 1e9)])
    centres = rows[::10]
    np.testing.assert_allclose(distances_to_centres(rows, centres), by_differences(rows, centres), rtol=1e-8, atol=0)


def test_sparse_rows_are_measured_like_dense_ones():
    rows = sp.random(60, 9, density=0.3, format="csr", random_state=0)
    rows.data += 1e7
    centres = rows.toarray()[::6]
    np.testing.assert_allclose(
        distances_to_centres(rows, centres), by_differences(rows.toarray(), centres), rtol=1e-8, atol=0
    )


def test_the_nearest_centre_of_transform_is_that_of_predict():
    random = np.random.default_rng(0)
    rows = np.concatenate([random.normal(place, 0.5, (200, 3)) for place in (0, 4, 9)]) + 1e8
    model = KMeans(10, random_state=0).fit(rows)
    np.testing.assert_array_equal(model.transform(rows).argmin(axis=1), model.predict(rows))
    np.testing.assert_allclose(model.transform(rows), by_differences(rows, model.cluster_centers_), rtol=1e-6)
