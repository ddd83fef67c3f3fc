import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from unlabeled import GaussianOutliers
from unlabeled.errors import UnlabeledError
from unlabeled.explore import anomalies, nearest_normal, outliers


@pytest.fixture
def rows():
    """Two groups, one apart from both, and two together elsewhere."""
    rng = np.random.default_rng(0)
    groups = np.concatenate([rng.normal(0, 1, (150, 4)), rng.normal(8, 1, (50, 4))])
    return np.concatenate([groups, [[20, -5, 0, 0], [-9, 9, -9, 9], [-9.1, 9, -9, 9]]])


@pytest.mark.parametrize("method", ["mixture", "neighbours"])
def test_rows_apart_come_first(rows, method):
    found = anomalies(rows, contamination=0.015, method=method)
    assert sorted(found.rows[:3]) == [200, 201, 202]
    assert sorted(np.flatnonzero(found.outlying)) == sorted(found.rows[: found.outlying.sum()])
    assert 3 <= found.outlying.sum() <= 4
    assert (np.diff(found.scores[found.rows]) >= 0).all()


def test_a_group_of_like_outliers_does_not_become_normal(digits):
    # Thirty digits turned by a quarter among 1,797 upright ones: so many that a mixture of many components with
    # covariances of their own spares one for them, and then finds them likelier than most.
    images = digits[0][:, None].astype(np.float64) / 255
    turned = np.rot90(images[::60], axes=(2, 3))
    rows = np.concatenate([images, turned]).reshape(-1, 64)
    odd = np.arange(len(rows)) >= len(images)
    assert roc_auc_score(odd, -anomalies(rows).scores) > 0.97
    spared = GaussianOutliers(20, reg_covar=1e-4, random_state=0).fit(rows).score_samples(rows)
    assert roc_auc_score(odd, -spared) < 0.9


def test_the_threshold_is_a_quantile_and_the_order_does_not_depend_on_it(rows):
    few, many = (anomalies(rows, contamination=share) for share in (0.01, 0.2))
    assert (few.scores == many.scores).all()
    assert few.threshold == pytest.approx(np.quantile(few.scores, 0.01), rel=1e-5)
    assert many.outlying.mean() == pytest.approx(0.2, abs=0.01)


def test_neighbours_are_those_of_outliers(rows):
    order, distances = outliers(rows, top=5, k=3, metric="euclidean")
    found = anomalies(rows, method="neighbours", k=3)
    assert found.rows[:5].tolist() == order.tolist()
    np.testing.assert_allclose(-found.scores[order], distances, rtol=1e-5)  # float32, of rows moved to their mean


def test_scale_and_offset_do_not_matter(rows):
    first, moved = anomalies(rows), anomalies(1e3 * rows + 1e4)
    assert (first.outlying == moved.outlying).all()


def test_the_nearest_normal_row_is_that_of_a_plain_search(rows):
    outlying = np.zeros(len(rows), dtype=bool)
    outlying[[200, 201, 202, 7]] = True
    asked = np.array([200, 202, 7, 8])
    neighbours, distances = nearest_normal(rows, asked, outlying)
    for row, neighbour, distance in zip(asked, neighbours, distances, strict=True):
        normal = [other for other in range(len(rows)) if not outlying[other] and other != row]
        lengths = [np.linalg.norm(rows[row] - rows[other]) for other in normal]
        assert neighbour == normal[int(np.argmin(lengths))]
        assert distance == pytest.approx(min(lengths), rel=1e-4)


def test_a_row_that_alone_is_normal_has_no_neighbour():
    neighbours, distances = nearest_normal([[0.0], [5.0]], np.array([0, 1]), np.array([True, False]))
    assert neighbours.tolist() == [1, -1]
    assert distances[0] == 5
    assert np.isnan(distances[1])


def test_two_rows_are_enough():
    assert anomalies([[0.0], [1.0]]).scores.shape == (2,)


@pytest.mark.parametrize(
    ("rows", "options", "says"),
    [
        ([[1.0]], {}, "at least 2 rows"),
        ([[1.0], [1.0]], {}, "all rows are the same"),
        ([[1.0], [np.nan]], {}, "row 1 of the vectors holds NaN"),
        ([[1.0], [2.0]], {"contamination": 0}, "contamination"),
        ([[1.0], [2.0]], {"contamination": 0.6}, "contamination"),
        ([[1.0], [2.0]], {"k": 2}, "less than the 2 rows"),
        ([[1.0], [2.0]], {"k": 0}, "at least 1"),
        ([[1.0], [2.0]], {"method": "mixtures"}, "did you mean 'mixture'"),
    ],
)
def test_what_cannot_be_meant_is_refused(rows, options, says):
    with pytest.raises(UnlabeledError, match=says):
        anomalies(rows, **options)
