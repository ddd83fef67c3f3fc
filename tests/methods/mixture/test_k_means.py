from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import normalized_mutual_info_score

from unlabeled import KMeans, MiniBatchKMeans
from unlabeled.data.blocks import Blocks
from unlabeled.errors import UnlabeledError
from unlabeled.kernels.layout import width_of
from unlabeled.methods.mixture import expectation_maximisation
from unlabeled.methods.mixture.kmeans import k_means_start
from unlabeled.methods.mixture.kmeans.k_means_distances import Distances
from unlabeled.methods.mixture.kmeans.nearest_centres import Centres
from unlabeled.methods.mixture.threads import threads

EPS = {np.float32: 1.2e-7, np.float64: 2.3e-16}


def slow_step(rows, centres, weights):
    """One step of Lloyd's algorithm, written down as it is said."""
    rows, centres = rows.astype(np.float64), centres.astype(np.float64)
    labels, inertia = [], 0.0
    sums, counts = np.zeros(centres.shape), np.zeros(len(centres))
    for row, weight in zip(rows, weights, strict=True):
        distances = [float(((row - centre) ** 2).sum()) for centre in centres]
        nearest = int(np.argmin(distances))
        labels.append(nearest)
        inertia += weight * distances[nearest]
        sums[nearest] += weight * row
        counts[nearest] += weight
    return np.array(labels), inertia, sums, counts


@st.composite
def problems(draw):
    """Rows, centres and weights of any small size, near zero or far from it."""
    n, d = draw(st.integers(1, 300)), draw(st.integers(1, 40))
    k = draw(st.integers(1, min(n, 70)))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    offset = draw(st.sampled_from([0.0, 100.0]))
    rows = (rng.standard_normal((n, d)) * draw(st.sampled_from([0.01, 1.0, 50.0])) + offset).astype(dtype)
    weights = rng.uniform(0.1, 3, n) if draw(st.booleans()) else None
    return rows, k, weights


@settings(deadline=None, max_examples=60)
@given(problems(), st.booleans())
def test_a_step_is_the_slow_step(problem, sparse):
    rows, k, weights = problem
    dtype, centres = rows.dtype.type, rows[:k] * rows.dtype.type(1.01)
    mean = np.zeros(rows.shape[1]) if sparse else rows.mean(axis=0, dtype=np.float64).astype(dtype).astype(np.float64)
    laid = Centres((centres - mean).astype(dtype), mean, dtype, sparse)
    labels = np.full(len(rows), -1, np.int32)
    found = laid.assign(sp.csr_matrix(rows) if sparse else rows, labels, weights)
    ones = np.ones(len(rows)) if weights is None else weights
    truth, _, sums, counts = slow_step(rows, centres, ones)
    # Scores x·c − ‖c‖²/2 round at the size of the squares; where two centres are as near as that, either may win.
    size = max(float(((x.astype(np.float64) - mean) ** 2).sum(axis=1).max()) for x in (rows, centres))
    far = size * EPS[dtype] * (rows.shape[1] + 8) * 4
    distances = ((rows[:, None].astype(np.float64) - centres.astype(np.float64)) ** 2).sum(axis=2)
    chosen = distances[np.arange(len(rows)), labels]
    assert (chosen <= distances.min(axis=1) + far).all()
    assert found.changed == len(rows)
    assert abs(found.inertia - (chosen * ones).sum()) <= far * ones.sum()
    if (labels == truth).all():
        np.testing.assert_allclose(found.counts, counts, rtol=1e-6)
        scale = np.abs(sums).max() + np.abs(rows).max() * ones.sum()
        np.testing.assert_allclose(found.sums + counts[:, None] * mean, sums, atol=scale * EPS[dtype] * 20)


@settings(deadline=None, max_examples=40)
@given(problems(), st.integers(0, 1000))
def test_inertia_never_rises(problem, seed):
    rows, k, weights = problem
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = KMeans(k, init="random", n_init=1, tol=0, random_state=seed).fit(rows, sample_weight=weights)
    # Centres are rounded to the type of the rows, so each inertia may be off by as much as they are.
    slack = 8 * EPS[rows.dtype.type] * float((rows.astype(np.float64) ** 2).sum()) * (3 if weights is not None else 1)
    assert np.diff(model.history_).max(initial=0) <= slack
    assert model.inertia_ == model.history_[-1]
    assert len(model.history_) == model.n_iter_ + 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 100])
@pytest.mark.parametrize("n", [100, 119, 120, 121, 126, 245])
def test_every_edge_of_the_tiles(dtype, k, n):
    rng = np.random.default_rng(k * n)
    for d in (1, width_of(dtype) - 1, width_of(dtype), width_of(dtype) + 1):
        rows = rng.integers(-50, 50, (n, d)).astype(dtype)  # whole numbers: all sums are exact, and ties are ties
        centres = rows[rng.permutation(n)[:k]]
        labels = np.full(n, -1, np.int32)
        found = Centres(centres, np.zeros(d), dtype, False).assign(rows, labels)
        truth, inertia, sums, counts = slow_step(rows, centres, np.ones(n))
        assert np.array_equal(labels, truth)  # among centres at the same place the first
        assert found.inertia == inertia
        assert np.array_equal(found.sums, sums)
        assert np.array_equal(found.counts, counts)


def test_labels_that_stay_are_not_counted_as_changed():
    rows = np.random.default_rng(0).standard_normal((50, 3))
    labels = np.full(50, -1, np.int32)
    laid = Centres(rows[:4], np.zeros(3), np.float64, False)
    assert laid.assign(rows, labels).changed == 50
    assert laid.assign(rows, labels).changed == 0
    labels[:5] = (labels[:5] + 1) % 4
    assert laid.assign(rows, labels).changed == 5


def test_it_finds_what_is_there():
    rows, truth = make_blobs(600, centers=5, cluster_std=0.5, random_state=3)
    model = KMeans(5, random_state=0).fit(rows)
    assert normalized_mutual_info_score(truth, model.labels_) > 0.99
    assert np.array_equal(model.predict(rows), model.labels_)
    assert model.score(rows) == pytest.approx(-model.inertia_, rel=1e-12)


def test_it_groups_digits(digits):
    images, truth = digits
    model = KMeans(10, n_init=5, random_state=0).fit(images.reshape(len(images), -1).astype(np.float32))
    assert normalized_mutual_info_score(truth, model.labels_) > 0.7


def test_distances_are_euclidean():
    rows = np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32)
    model = KMeans(4, random_state=0).fit(rows)
    truth = np.linalg.norm(rows[:, None].astype(np.float64) - model.cluster_centers_, axis=2)
    np.testing.assert_allclose(model.transform(rows), truth, atol=1e-5)
    assert model.transform(rows).dtype == np.float32
    assert np.array_equal(model.transform(rows).argmin(axis=1), model.labels_)


def test_an_integer_weight_is_so_many_rows():
    rng = np.random.default_rng(0)
    rows, weights = rng.standard_normal((60, 4)), rng.integers(0, 4, 60)
    one = KMeans(5, init=rows[:5]).fit(rows, sample_weight=weights)
    many = KMeans(5, init=rows[:5], tol=0).fit(np.repeat(rows, weights, axis=0))
    np.testing.assert_allclose(one.cluster_centers_, many.cluster_centers_)
    assert one.inertia_ == pytest.approx(many.inertia_)


@pytest.mark.parametrize("sparse", [False, True])
def test_an_empty_cluster_gets_the_farthest_row(sparse):
    rows = np.array([[0.0, 0], [0, 1], [1, 0], [0, 9], [50, 0]])
    start = np.array([[0.0, 0], [1000, 1000], [2000, 2000]])
    model = KMeans(3, init=start).fit(sp.csr_matrix(rows) if sparse else rows)
    assert model.labels_.tolist() == [0, 0, 0, 2, 1]  # the farthest of all to the first empty cluster
    np.testing.assert_allclose(model.cluster_centers_, [[1 / 3, 1 / 3], [50, 0], [0, 9]])
    assert np.diff(model.history_).max() <= 0


def test_a_row_that_weighs_nothing_fills_no_cluster():
    rows = np.array([[0.0], [1.0], [5.0], [99.0]])
    model = KMeans(2, init=np.array([[0.0], [1000.0]])).fit(rows, sample_weight=[1, 1, 1, 0])
    assert model.labels_.tolist()[:3] == [0, 0, 1]
    np.testing.assert_allclose(model.cluster_centers_, [[0.5], [5.0]])


@pytest.mark.parametrize("init", ["k-means++", "random"])
def test_fewer_different_rows_than_clusters_is_a_warning(init):
    rows = np.repeat([[0.0, 0.0], [1.0, 1.0]], 10, axis=0)
    with pytest.warns(ConvergenceWarning, match=r"distinct clusters \(2\) found smaller than n_clusters \(4\)"):
        model = KMeans(4, init=init, random_state=0).fit(rows)
    assert model.inertia_ == 0
    assert np.isfinite(model.cluster_centers_).all()


def test_a_constant_column_changes_nothing():
    rows = np.random.default_rng(0).standard_normal((100, 3))
    with_it = np.column_stack([rows, np.full(100, 1e6)])
    one, other = (KMeans(4, init=x[:4]).fit(x) for x in (rows, with_it))
    assert np.array_equal(one.labels_, other.labels_)
    assert one.inertia_ == pytest.approx(other.inertia_)


def test_data_far_from_zero_are_clustered_in_float32_too():
    rows, truth = make_blobs(300, centers=4, cluster_std=0.1, center_box=(-3, 3), random_state=0)
    far = (rows + 4096).astype(np.float32)  # squares of 4096 leave float32 whole numbers only
    model = KMeans(4, random_state=0).fit(far)
    assert normalized_mutual_info_score(truth, model.labels_) > 0.99
    assert np.array_equal(model.predict(far), model.labels_)


# The squared distances, 0.5² · 3 a row, keep so many digits of the rows' own: float32 at 1e6 is a multiple of 1/16.
@pytest.mark.parametrize(("dtype", "offset"), [(np.float32, 1e4), (np.float32, 1e6), (np.float64, 1e8)])
@pytest.mark.parametrize("kind", [KMeans, MiniBatchKMeans])
def test_sparse_rows_far_from_zero_are_clustered_as_dense_ones(kind, dtype, offset):
    rng = np.random.default_rng(0)
    near = np.concatenate([rng.normal(place, 0.5, (100, 3)) for place in (0, 3, 6)])
    far = (near + offset).astype(dtype)
    sparse = sp.csr_matrix(far)
    dense, model = kind(3, random_state=0).fit(far), kind(3, random_state=0).fit(sparse)
    assert np.array_equal(model.labels_, dense.labels_)
    assert np.array_equal(model.predict(sparse), model.labels_)
    steps = far.astype(np.longdouble) - model.cluster_centers_[model.labels_]
    truth = float((steps**2).sum())
    # The inertia of a fit is that of the centres before they are rounded to the type of the rows: by at most 1/32 in
    # each of 900 coordinates at 1e6, which adds 900 · (1/32)² / 3 = 0.3 to an inertia of about 225.
    assert model.inertia_ == pytest.approx(truth, rel=2e-3)
    assert -model.score(sparse) == pytest.approx(truth, rel=1e-6)


def test_a_sparse_row_that_is_its_centre_is_at_distance_zero():
    rows = np.repeat([[1e8, 0.0, 0.1, 0.0], [1e8, 0.0, 0.0, 0.7]], 5, axis=0)
    model = KMeans(2, random_state=0).fit(sp.csr_matrix(rows))
    assert model.inertia_ == pytest.approx(0, abs=1e-28)  # the squares of the rounding of 0.1 and 0.7
    assert sorted(np.bincount(model.labels_)) == [5, 5]


def test_the_empty_cluster_of_sparse_rows_far_from_zero_gets_the_farthest():
    rows = np.array([[0.0, 0], [0, 1], [1, 0], [0, 9], [50, 0]]) + 1e8
    start = np.array([[0.0, 0], [1000, 1000], [2000, 2000]]) + 1e8
    assert KMeans(3, init=start).fit(sp.csr_matrix(rows)).labels_.tolist() == [0, 0, 0, 2, 1]


def test_one_cluster_is_the_mean():
    rows = np.random.default_rng(0).standard_normal((100, 3))
    model = KMeans(1).fit(rows)
    np.testing.assert_allclose(model.cluster_centers_, rows.mean(axis=0)[None])
    assert model.inertia_ == pytest.approx(((rows - rows.mean(axis=0)) ** 2).sum())


def test_as_many_clusters_as_rows():
    rows = np.random.default_rng(0).standard_normal((20, 3))
    model = KMeans(20, random_state=0).fit(rows)
    assert model.inertia_ == pytest.approx(0, abs=1e-20)
    assert sorted(model.labels_) == list(range(20))


def test_everything_bigger_than_memory_gives_the_same_bits(tmp_path):
    rows = np.random.default_rng(0).standard_normal((70_000, 8)).astype(np.float32)
    np.save(tmp_path / "rows.npy", rows)
    sources = [tmp_path / "rows.npy", np.load(tmp_path / "rows.npy", mmap_mode="r")]
    sources += [lambda: iter(np.array_split(rows, 13)), Blocks(rows)]
    settings = {"random_state": 0, "max_iter": 4}
    whole = KMeans(5, **settings).fit(rows)
    assert len(Blocks(rows)) > 1
    for source in sources:
        model = KMeans(5, **settings).fit(source)
        assert np.array_equal(model.cluster_centers_, whole.cluster_centers_)
        assert np.array_equal(model.labels_, whole.labels_)
        assert model.history_ == whole.history_
        assert np.array_equal(model.predict(source), whole.labels_)


def test_a_fit_leaves_its_input_alone():
    rows = np.random.default_rng(0).standard_normal((100, 3))
    start = rows[:3].copy()
    before = rows.copy(), start.copy()
    KMeans(3, init=start).fit(rows)
    assert np.array_equal(rows, before[0])
    assert np.array_equal(start, before[1])


# --- the start --------------------------------------------------------------------------------------------------------


def test_k_means_plus_plus_draws_in_proportion_to_squared_distances():
    # Rows at 0, 1 and 3. If the first draw is row 0, the next is row 1 or 2 with chances 1 : 9 (one trial a step).
    rows = Blocks(np.array([[0.0], [1.0], [3.0]]))
    seconds = []
    with threads(1) as pool, pytest.MonkeyPatch.context() as patch:
        patch.setattr(k_means_start, "trials_for", lambda k: 1)
        for seed in range(1200):
            first, second = k_means_start.k_means_plus_plus(rows, 2, None, np.random.RandomState(seed), pool)
            assert first != second
            if first == 0:
                seconds.append(second)
    # About 400 draws of a chance of 0.9: a standard error of 0.015, and four of them.
    assert abs(np.mean(np.array(seconds) == 2) - 0.9) < 0.06


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sparse", [False, True])
def test_what_candidates_would_leave(dtype, sparse):
    rng = np.random.default_rng(0)
    for n, d, count in [(1, 1, 1), (13, 5, 3), (600, 9, 20)]:
        rows = rng.standard_normal((n, d)).astype(dtype)
        weights = rng.uniform(size=n)
        candidates, first = rng.integers(0, n, count).tolist(), int(rng.integers(n))
        with threads(1) as pool:
            far = Distances(Blocks(sp.csr_matrix(rows) if sparse else rows), count, weights, pool)
            far.potentials([first])
            far.take(0)
            closest = far.of_rows(slice(0, n)).copy()
            sums = far.potentials(candidates)
            reached = np.stack([(far.take(c), far.of_rows(slice(0, n)).copy())[1] for c in range(count)])
        np.testing.assert_allclose(closest, ((rows - rows[first]) ** 2).sum(axis=1), atol=40 * EPS[dtype])
        truth = np.minimum(((rows[candidates][:, None] - rows) ** 2).sum(axis=2), closest)
        np.testing.assert_allclose(reached, truth, atol=40 * EPS[dtype])
        np.testing.assert_allclose(sums.sum(axis=0), truth @ weights, rtol=1e-5, atol=40 * EPS[dtype] * n)
        if not sparse:
            assert (reached[range(count), candidates] == 0).all()


def test_rows_without_weight_are_never_drawn():
    rows = Blocks(np.random.default_rng(0).standard_normal((50, 2)))
    weights = np.where(np.arange(50) < 10, 1.0, 0.0)
    for seed in range(20):
        random = np.random.RandomState(seed)
        with threads(1) as pool:
            assert k_means_start.k_means_plus_plus(rows, 6, weights, random, pool).max() < 10
        assert k_means_start.random_rows(50, 6, weights, random).max() < 10
    with pytest.raises(UnlabeledError, match="only 10 have a weight above 0"):
        k_means_start.random_rows(50, 11, weights, np.random.RandomState(0))


# --- bad input --------------------------------------------------------------------------------------------------------

ROWS = np.random.default_rng(0).standard_normal((10, 3))


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (np.where(np.arange(30).reshape(10, 3) == 16, np.nan, ROWS), "NaN in row 5, column 1"),
        (np.where(np.arange(30).reshape(10, 3) == 0, np.inf, ROWS), "infinity in row 0, column 0"),
        (np.zeros((0, 3)), "0 sample"),
        (np.zeros((3, 0)), "0 feature"),
        (ROWS[:4], "n_samples=4 should be >= n_clusters=5"),
        ("/nowhere/rows.npy", "nowhere"),
    ],
)
def test_bad_rows_are_refused_in_words(rows, says):
    with pytest.raises(ValueError, match=says):
        KMeans(5).fit(rows)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"n_clusters": 0}, "n_clusters must be a whole number of at least 1, got 0"),
        ({"n_clusters": 2.5}, "n_clusters"),
        ({"init": "kmeans++"}, r"did you mean 'k-means\+\+'"),
        ({"init": np.zeros((2, 3))}, r"init has shape \(2, 3\), but the centres' is \(8, 3\)"),
        ({"init": np.full((8, 3), np.nan)}, "init holds NaN"),
        ({"init": [[1.0, 2.0, 3.0], [4.0]]}, "init must be numbers, not"),
        ({"n_init": 0}, "n_init"),
        ({"max_iter": 0}, "max_iter"),
        ({"tol": -1.0}, "tol must be a number of at least 0"),
        ({"workers": 0}, "workers"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_in_words(settings, says):
    with pytest.raises(UnlabeledError, match=says):
        KMeans(**settings).fit(ROWS)


@pytest.mark.parametrize("weights", [[1, 2], np.full(10, -1.0), np.full(10, np.nan), np.zeros(10)])
def test_bad_weights_are_refused_in_words(weights):
    with pytest.raises(UnlabeledError, match="sample_weight"):
        KMeans(2).fit(ROWS, sample_weight=weights)


def test_another_number_of_columns_is_refused(tmp_path):
    model = KMeans(2, random_state=0).fit(ROWS)
    np.save(tmp_path / "wide.npy", np.zeros((4, 5)))
    for wide in (np.zeros((4, 5)), tmp_path / "wide.npy", lambda: iter([np.zeros((4, 5))])):
        with pytest.raises(ValueError, match="5 features, but KMeans is expecting 3"):
            model.predict(wide)


def test_squares_that_overflow_do_no_harm():
    rows = np.array([[1e30, 1], [-1e30, 2], [3, 4]], np.float32)
    with np.errstate(all="ignore"):
        labels = np.full(3, -1, np.int32)
        Centres(rows[:2], np.zeros(2), np.float32, False).assign(rows, labels)
    assert ((labels >= 0) & (labels < 2)).all()


def test_a_long_fit_shows_its_progress(capsys, monkeypatch):
    monkeypatch.setattr(expectation_maximisation, "PATIENCE", 0.0)
    KMeans(3, random_state=0, max_iter=1, progress=True).fit(ROWS)
    assert "KMeans: step 1 of 1" in capsys.readouterr().err
    KMeans(3, random_state=0, max_iter=1, progress=False).fit(ROWS)
    assert capsys.readouterr().err == ""


def test_a_callable_gives_the_start_and_one_of_another_shape_is_refused():
    rows = np.random.default_rng(0).normal(size=(30, 2))
    model = KMeans(3, init=lambda X, k, random_state: X[:k], max_iter=1, random_state=0).fit(rows)
    assert model.cluster_centers_.tolist() == KMeans(3, init=rows[:3], max_iter=1).fit(rows).cluster_centers_.tolist()
    with pytest.raises(UnlabeledError, match=r"init has shape \(2, 2\), but the centres' is \(3, 2\)"):
        KMeans(3, init=lambda X, k, random_state: X[:2]).fit(rows)


def test_more_starts_than_one_from_given_centres_are_refused():
    rows = np.random.default_rng(0).normal(size=(30, 2))
    with pytest.raises(UnlabeledError, match="leave it out"):
        KMeans(3, init=rows[:3], n_init=5).fit(rows)


@pytest.mark.parametrize("kind", [KMeans, MiniBatchKMeans])
@pytest.mark.parametrize(("dtype", "large"), [(np.float64, 1e200), (np.float32, 1e20)])
def test_numbers_whose_squares_overflow_are_refused_by_name(kind, dtype, large):
    rows = np.random.default_rng(0).normal(size=(40, 3)).astype(dtype)
    fitted = kind(2, random_state=0).fit(rows)
    rows[3, 1] = large
    for use in (kind(2, random_state=0).fit, fitted.predict, fitted.transform):
        with pytest.raises(UnlabeledError, match=r"column 1 are too large to be squared, such as 1e\+2"):
            use(rows)
    kind(2, random_state=0).fit(rows / large)


@pytest.mark.parametrize("kind", [KMeans, MiniBatchKMeans])
def test_masked_rows_are_refused_and_sparse_entries_of_one_place_added_up(kind):
    rows = np.random.default_rng(0).poisson(1.0, (60, 4)).astype(float)
    with pytest.raises(UnlabeledError, match="holds NaN in row 0, column 1"):
        kind(2).fit(np.ma.masked_array(rows, np.arange(240).reshape(60, 4) == 1))
    parts = sp.csr_matrix(rows)
    twice = sp.csr_matrix(
        (np.repeat(parts.data / 2, 2), np.repeat(parts.indices, 2), 2 * parts.indptr), shape=parts.shape
    )
    fitted = kind(3, random_state=0).fit(parts)
    assert kind(3, random_state=0).fit(twice).inertia_ == pytest.approx(fitted.inertia_)
    assert fitted.score(twice) == pytest.approx(fitted.score(parts))
