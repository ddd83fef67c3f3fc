"""The threshold of outliers, beside scikit-learn's conventions; the contract suite checks the rest."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.covariance import EmpiricalCovariance

from unlabeled import GaussianMixture, GaussianOutliers
from unlabeled.errors import UnlabeledError
from unlabeled.methods.mixture.gaussian_outliers import threshold


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(0, 1, (150, 3)), rng.normal(7, 1, (50, 3))])


@pytest.mark.parametrize("contamination", [0.01, 0.1, 0.5])
def test_the_stated_share_is_below_the_threshold(rows, contamination):
    model = GaussianOutliers(2, contamination=contamination, random_state=0).fit(rows)
    scores = model.score_samples(rows)
    assert model.offset_ == pytest.approx(np.quantile(scores, contamination))
    assert np.mean(model.predict(rows) == -1) == pytest.approx(contamination, abs=1 / len(rows))
    assert set(model.predict(rows)) == {-1, 1}
    np.testing.assert_allclose(model.decision_function(rows), scores - model.offset_)
    assert ((model.decision_function(rows) < 0) == (model.predict(rows) == -1)).all()


def test_it_is_the_mixture_with_a_threshold(rows):
    model = GaussianOutliers(2, random_state=3).fit(rows)
    mixture = GaussianMixture(2, random_state=3).fit(rows)
    np.testing.assert_array_equal(model.means_, mixture.means_)
    np.testing.assert_array_equal(model.score_samples(rows), mixture.score_samples(rows))


def test_with_one_component_the_order_is_that_of_mahalanobis_distances(rows):
    model = GaussianOutliers(1, reg_covar=0).fit(rows)
    distances = EmpiricalCovariance().fit(rows).mahalanobis(rows)
    assert np.argsort(model.score_samples(rows)).tolist() == np.argsort(-distances).tolist()


def test_rows_apart_are_outliers_and_new_ones_are_judged(rows):
    apart = np.array([[3.5, -9, 3.5], [20, 0, 0]])
    model = GaussianOutliers(2, contamination=0.01, random_state=0)
    assert (model.fit_predict(np.concatenate([rows, apart]))[-2:] == -1).all()
    assert model.predict([[0, 0, 0], [7, 7, 7], [0, 30, 0]]).tolist() == [1, 1, -1]


@pytest.mark.parametrize("contamination", [0, -0.1, 0.6, True, "auto", np.nan])
def test_a_share_that_cannot_be_meant_is_refused(rows, contamination):
    with pytest.raises(UnlabeledError, match="contamination must be a number"):
        GaussianOutliers(1, contamination=contamination).fit(rows)


@pytest.mark.parametrize("least_share", [-0.1, 0.5, "few"])
def test_a_least_share_that_cannot_be_meant_is_refused(rows, least_share):
    with pytest.raises(UnlabeledError, match="least_share must be"):
        GaussianOutliers(2, least_share=least_share).fit(rows)


def test_an_outlier_cannot_have_a_component_to_itself(rows):
    apart = np.concatenate([rows, [[60, 60, 60]]])
    alone, left_out = (GaussianOutliers(3, random_state=0, least_share=share).fit(apart) for share in (0, 0.1))
    assert alone.weights_.min() == pytest.approx(1 / 201)
    assert alone.score_samples(apart).argmin() != 200
    assert left_out.weights_.min() > 0.1
    assert left_out.score_samples(apart).argmin() == 200
    assert left_out.score_samples(apart)[200] < left_out.score_samples(apart)[:200].min() - 100


def test_leaving_out_is_fitting_to_the_others(rows):
    apart = np.concatenate([rows, [[60, 60, 60], [61, 60, 60]]])
    weights = np.r_[np.ones(200), 0, 0]
    model = GaussianOutliers(3, random_state=0, least_share=0.1).fit(apart)
    expected = GaussianMixture(3, random_state=0).fit(apart, sample_weight=weights)
    np.testing.assert_array_equal(model.means_, expected.means_)


def test_never_more_than_half_of_the_rows_are_left_out():
    rng = np.random.default_rng(0)
    crumbs = np.concatenate([rng.normal(30 * i, 1, (10, 2)) for i in range(6)])
    model = GaussianOutliers(6, random_state=0, least_share=0.4).fit(crumbs)
    assert np.isfinite(model.score_samples(crumbs)).all()


@pytest.mark.parametrize("share", [0.02, 0.05])
def test_rows_of_equal_density_at_the_threshold_are_outliers(share):
    X = np.concatenate([np.random.default_rng(0).normal(size=(950, 2)), np.full((50, 2), 9.0)])
    found = GaussianOutliers(1, contamination=share).fit_predict(X)
    assert np.flatnonzero(found == -1).tolist() == list(range(950, 1000))


def test_equal_rows_that_are_most_of_all_are_no_outliers():
    X = np.concatenate([np.full((90, 1), 1.0), np.linspace(0.9, 1.1, 10)[:, None]])
    assert (GaussianOutliers(1, contamination=0.3).fit_predict(X) == -1).sum() <= 50


def test_weights_count_in_the_threshold():
    X = np.random.default_rng(0).normal(size=(1000, 2))
    without = GaussianOutliers(1, contamination=0.05).fit(X)
    junk = np.concatenate([X, np.full((100, 2), 50.0)])
    weights = np.concatenate([np.ones(1000), np.zeros(100)])
    assert GaussianOutliers(1, contamination=0.05).fit(junk, sample_weight=weights).offset_ == without.offset_
    counts = np.random.default_rng(1).integers(1, 4, 1000)
    scores = np.random.default_rng(2).normal(size=1000)
    assert threshold(scores, 0.1, counts) == pytest.approx(threshold(np.repeat(scores, counts), 0.1))
    assert threshold(scores, 0.1, np.full(1000, 0.25)) == pytest.approx(np.quantile(scores, 0.1))
