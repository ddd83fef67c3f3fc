"""Mixtures of numbers and categories: the likelihood by hand, the rise of the bound, made groups, what is missing."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn.metrics import adjusted_rand_score

from unlabeled import GaussianMixture, MixedMixture
from unlabeled.errors import UnlabeledError
from unlabeled.methods.mixture import mixed_mixture
from unlabeled.methods.mixture.mixed.mixed_columns import level_codes


def table(n=300, seed=0, missing=0.0):
    """Make three groups that differ in two numbers and two categories; a share of the values is missing."""
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 3, n)
    rows = np.empty((n, 5), dtype=object)
    rows[:, 0] = rng.normal(np.array([0, 5, 5])[groups], 1)
    rows[:, 1] = 1000 + rng.normal(np.array([0, 0, 80])[groups], 10)
    rows[:, 2] = [rng.choice(["free", "pro", "team"], p=np.eye(3)[g] * 0.8 + 0.2 / 3) for g in groups]
    rows[:, 3] = [rng.choice(["no", "yes"], p=[[0.9, 0.1], [0.1, 0.9], [0.5, 0.5]][g]) for g in groups]
    rows[:, 4] = [f"town {number}" for number in rng.integers(0, 40, n)]  # says nothing
    rows[rng.random(rows.shape) < missing] = None
    return rows, groups


def log_densities(model, rows):
    """Compute log p(x) of rows with loops over rows, components and columns."""
    found = []
    for row in rows:
        density = 0.0
        for k, weight in enumerate(model.weights_):
            product = weight
            for i, place in enumerate(model.numeric_):
                if row[place] is not None:
                    product *= norm.pdf(row[place], model.means_[k, i], math.sqrt(model.variances_[k, i]))
            for i, place in enumerate(model.categorical_):
                if row[place] is not None and row[place] in model.levels_[i]:
                    product *= model.level_probabilities_[i][k, model.levels_[i].index(row[place])]
            density += product
        found.append(math.log(density))
    return np.array(found)


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_likelihood_is_that_of_a_plain_loop(missing):
    rows, _ = table(80, missing=missing)
    model = MixedMixture(3, random_state=0, tol=0, max_iter=5)
    with pytest.warns(match="did not converge"):
        model.fit(rows)
    unseen = rows[:5].copy()
    unseen[:, 4] = "a town nobody saw"
    for asked in (rows, unseen):
        assert model.score_samples(asked) == pytest.approx(log_densities(model, asked), rel=1e-9)


def test_the_bound_is_the_likelihood_with_the_prior_and_never_falls():
    rows, _ = table(missing=0.3)
    for seed in range(5):
        with pytest.warns(match="did not converge"):
            model = MixedMixture(6, random_state=seed, tol=0, max_iter=30, prior=0.5).fit(rows)
        rises = np.diff(model.history_)
        assert (rises >= -1e-12 * np.abs(model.history_[0])).all()  # rounding of a sum of 300 logarithms
        assert rises[0] > 1e-4  # so that there was something to rise
    with pytest.warns(match="did not converge"):
        final = model.set_params(max_iter=31).fit(rows).history_[-1]  # of the parameters that the 30th M step made
    with pytest.warns(match="did not converge"):
        model.set_params(max_iter=30).fit(rows)
    prior = 0.0
    for place, shares in zip(model.categorical_, model.level_probabilities_, strict=True):
        known = [value for value in rows[:, place] if value is not None]
        share = [known.count(level) / len(known) for level in model.levels_[model.categorical_.index(place)]]
        prior += 0.5 * float((np.array(share) * np.log(shares)).sum())
    assert (log_densities(model, rows).sum() + prior) / len(rows) == pytest.approx(final, rel=1e-9)


@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_made_groups_and_their_number_are_found(missing):
    rows, groups = table(600, missing=missing)
    fits = [MixedMixture(k, n_init=2, random_state=0).fit(rows) for k in range(1, 7)]
    best = min(fits, key=lambda fit: fit.bic(rows))
    assert best.n_components == 3
    assert adjusted_rand_score(groups, best.predict(rows)) > 0.9
    free = best.levels_[0].index("free")
    assert sorted(best.level_probabilities_[0][:, free].round(1)) == [0.1, 0.1, 0.9]


def test_a_category_helps_where_numbers_do_not_suffice():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 2, 400)
    numbers = rng.normal(groups * 1.5, 1)
    colours = np.array([["red", "blue"], ["green", "grey"]])[groups, rng.integers(0, 2, 400)]
    rows = np.stack([numbers.astype(object), colours.astype(object)], axis=1)
    found = MixedMixture(2, n_init=3, random_state=0).fit_predict(rows)
    assert adjusted_rand_score(groups, found) > 0.9
    assert adjusted_rand_score(groups, MixedMixture(2, random_state=0).fit_predict(rows[:, :1])) < 0.6


def test_of_numbers_only_it_is_the_diagonal_mixture_of_gaussians():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(place, 1 + place / 9, (200, 3)) for place in (0, 4, 9)])
    settings = {"random_state": 0, "tol": 1e-10, "max_iter": 500}
    ours = MixedMixture(3, min_variance=0, **settings).fit(X)
    gaussian = GaussianMixture(3, covariance="diagonal", reg_covar=0, **settings).fit(X)
    order = np.argsort(ours.means_[:, 0]), np.argsort(gaussian.means_[:, 0])
    assert ours.means_[order[0]] == pytest.approx(gaussian.means_[order[1]], rel=1e-4)
    assert ours.variances_[order[0]] == pytest.approx(gaussian.covariances_[order[1]], rel=1e-4)
    assert ours.score(X) == pytest.approx(gaussian.score(X), rel=1e-9)
    assert ours.bic(X) == pytest.approx(gaussian.bic(X), rel=1e-9)


def test_whole_numbers_are_no_point_masses():
    """A component on one whole number would have an unbounded density; δ²/2π keeps it at most 1 for δ = 1."""
    X = np.random.default_rng(0).poisson(1.0, (500, 1)).astype(float)
    fits = [MixedMixture(k, n_init=2, random_state=0).fit(X) for k in (1, 4, 8)]
    assert all(np.exp(fit.score_samples(X)).max() <= 1 for fit in fits)


def test_weights_count_as_copies():
    rows, _ = table(60)
    weights = np.random.default_rng(0).integers(0, 3, len(rows))
    start = {"n_components": 1, "random_state": 0}  # where a start is drawn, copies are drawn otherwise than weights
    weighted = MixedMixture(**start).fit(rows, sample_weight=weights)
    copied = MixedMixture(**start).fit(np.repeat(rows, weights, axis=0))
    assert weighted.levels_ == copied.levels_
    assert weighted.means_ == pytest.approx(copied.means_)
    for a, b in zip(weighted.level_probabilities_, copied.level_probabilities_, strict=True):
        assert a == pytest.approx(b)


def test_codes_names_and_frames_are_the_same_columns():
    import pandas as pd

    rows, _ = table(120, missing=0.1)
    frame = pd.DataFrame(rows, columns=list("abcde")).astype({"a": float, "b": float, "c": "category", "e": "string"})
    codes = rows.copy()
    for place in (2, 3, 4):
        levels = sorted({value for value in rows[:, place] if value is not None})
        codes[:, place] = [np.nan if value is None else levels.index(value) for value in rows[:, place]]
    codes = np.where(codes == None, np.nan, codes).astype(float)  # noqa: E711
    by_text = MixedMixture(3, random_state=0).fit(rows)
    by_code = MixedMixture(3, random_state=0, categorical=[2, 3, -1]).fit(codes)
    by_frame = MixedMixture(3, random_state=0).fit(frame)
    assert by_text.categorical_ == by_code.categorical_ == by_frame.categorical_ == [2, 3, 4]
    assert by_text.score(rows) == pytest.approx(by_frame.score(frame), rel=1e-12)
    # levels are in another order as codes than as text only where names sort otherwise; likelihoods do not know
    assert by_text.score(rows) == pytest.approx(by_code.score(codes), rel=1e-9)
    named = MixedMixture(2, random_state=0, categorical=["a"]).fit(frame)
    assert named.numeric_ == [1]


def test_saved_with_levels_of_both_kinds(tmp_path):
    rows, _ = table(60, missing=0.1)
    rows[:, 3] = [value if value is None else float(value == "yes") for value in rows[:, 3]]
    model = MixedMixture(2, random_state=0, categorical=[3]).fit(rows)
    model.save(tmp_path / "model")
    loaded = MixedMixture.load(tmp_path / "model")
    assert loaded.levels_ == model.levels_
    assert [shares.shape for shares in loaded.level_probabilities_] == [(2, 3), (2, 2), (2, len(model.levels_[2]))]
    assert np.array_equal(loaded.predict_proba(rows), model.predict_proba(rows))
    assert np.array_equal(loaded.distances(rows), model.distances(rows))


def test_distances_are_those_of_a_loop():
    rows, _ = table(30, missing=0.2)
    model = MixedMixture(2, random_state=0).fit(rows)
    found = model.distances(rows)
    for n, row in enumerate(rows):
        for k in range(2):
            total = 0.0
            for i, place in enumerate(model.numeric_):
                known = np.array([value for value in rows[:, place] if value is not None], dtype=float)
                if row[place] is not None:
                    total += ((row[place] - model.means_[k, i]) / known.std()) ** 2
            for i, place in enumerate(model.categorical_):
                for level, share in zip(model.levels_[i], model.level_probabilities_[i][k], strict=True):
                    if row[place] is not None:
                        total += ((row[place] == level) - share) ** 2 / 2
            assert found[n, k] == pytest.approx(math.sqrt(total), rel=1e-7, abs=1e-7)


def test_reordering_moves_everything():
    rows, _ = table(90)
    model = MixedMixture(3, random_state=0).fit(rows)
    before = model.predict_proba(rows)
    model.reorder(np.array([2, 0, 1]))
    assert model.predict_proba(rows) == pytest.approx(before[:, [2, 0, 1]], rel=1e-12)


def test_many_rows_are_worked_on_in_chunks(monkeypatch):
    rows, _ = table(100, missing=0.1)
    whole = MixedMixture(2, random_state=0).fit(rows)
    monkeypatch.setattr("unlabeled.methods.mixture.mixed.mixed_columns.CHUNK", 7)
    parts = MixedMixture(2, random_state=0).fit(rows)
    assert parts.history_ == pytest.approx(whole.history_, rel=1e-12)
    monkeypatch.setattr(mixed_mixture, "START_SAMPLE", 50)
    assert MixedMixture(2, random_state=0).fit(rows).score(rows) == pytest.approx(whole.score(rows), abs=0.5)


@pytest.mark.parametrize(
    ("rows", "settings", "message"),
    [
        ([[1.0, "a"], [np.inf, "b"]], {}, "column 0 holds infinity in row 1"),
        ([[None, "a"], [None, "b"]], {}, "column 0 holds no value"),
        ([[1.0, "a"]], {}, "at least 2 rows"),
        ([[1.0, "a"], [2.0, "b"]], {"n_components": 3}, "take fewer components"),
        ([[1.0, "a"], [2.0, "b"]], {"categorical": ["plan"]}, "categorical names 'plan', which is no column"),
        ([[1.0, "a"], [2.0, "b"]], {"categorical": 1}, "categorical must be several values or None, not 1"),
        ([[1.0, "a"], [2.0, "b"]], {"prior": 0}, "prior must be above 0"),
        ("table.csv", {}, "read the table first"),
    ],
)
def test_refused_in_words(rows, settings, message):
    given = rows if isinstance(rows, str) else np.array(rows, dtype=object)
    with pytest.raises(UnlabeledError, match=message):
        MixedMixture(**{"n_components": 1, **settings}).fit(given)


def test_text_where_numbers_were_is_refused():
    model = MixedMixture(1).fit(np.array([[1.0, "a"], [2.0, "b"]], dtype=object))
    with pytest.raises(UnlabeledError, match="column 0 held numbers when the mixture was fitted"):
        model.predict(np.array([["x", "a"]], dtype=object))


def test_times_are_no_categories():
    import pandas as pd

    frame = pd.DataFrame({"when": pd.to_datetime(["2020-01-01", "2021-01-01", "2022-01-01"]), "x": [1.0, 2.0, 9.0]})
    with pytest.raises(UnlabeledError, match="column 'when' holds times; make numbers of them"):
        MixedMixture(1).fit(frame)


def test_a_frame_column_of_a_categorical_type_is_a_category():
    rng = np.random.default_rng(0)
    codes, sizes = np.tile([1, 7], 40), rng.standard_normal(80) + 9 * np.tile([0, 1], 40)
    frame = pd.DataFrame({"size": sizes, "code": pd.Categorical(codes)})
    model = MixedMixture(2, random_state=0).fit(frame)
    assert (model.numeric_, model.categorical_) == ([0], [1])
    named = MixedMixture(2, categorical=["code"], random_state=0).fit(frame.astype({"code": int}))
    np.testing.assert_array_equal(model.predict_proba(frame), named.predict_proba(frame))


@pytest.mark.parametrize("levels", [[1.0, 7.0], ["1", "7"]])
@pytest.mark.parametrize("kind", [int, float, str, object])
def test_levels_are_found_however_they_are_written(levels, kind):
    column = np.array([7, 1, 7], dtype=kind)
    assert level_codes(column, levels).tolist() == [1, 0, 1]
    assert level_codes(np.array([5, 1], dtype=kind), levels).tolist() == [-1, 0]


def test_whole_numbers_beside_a_gap_are_the_level_of_whole_numbers():
    assert level_codes(np.array([1.0, np.nan, "x"], dtype=object), ["1", "x"]).tolist() == [0, -1, 1]
    assert level_codes(np.array(["1.0", "x"]), [1.0, 7.0]).tolist() == [0, -1]
