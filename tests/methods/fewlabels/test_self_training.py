"""Self-training: scikit-learn's, round by round, and its record."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.svm import LinearSVC

from unlabeled import SelfTraining
from unlabeled.errors import UnlabeledError


@pytest.mark.parametrize("settings", [{"threshold": 0.8}, {"criterion": "k_best", "k_best": 7}])
def test_the_rounds_are_scikit_learns(settings, clouds):
    X, _, y = clouds
    base = LogisticRegression(max_iter=1000)
    ours = SelfTraining(base=base, max_rounds=10, **settings).fit(X, y)
    theirs = SelfTrainingClassifier(base, max_iter=10, **settings).fit(X, y)
    assert np.array_equal(ours.transduction_, theirs.transduction_)
    assert np.array_equal(ours.labeled_round_, theirs.labeled_iter_)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X))
    added = [found["added"] for found in ours.rounds_]
    assert added == [(ours.labeled_round_ == number + 1).sum() for number in range(len(added))]


def test_given_labels_stay_and_no_round_asks_for_less_than_the_threshold(clouds):
    X, _, y = clouds
    model = SelfTraining(threshold=0.9).fit(X, y)
    assert np.array_equal(model.transduction_[y >= 0], y[y >= 0])
    assert (model.labeled_round_[y >= 0] == 0).all()
    assert all(found["least_probability"] > 0.9 for found in model.rounds_)
    assert model.stopped_ in ("all labelled", "none is sure enough")


def test_an_overconfident_base_is_calibrated(clouds):
    X, _, y = clouds
    noisy = y.copy()
    noisy[[0, 4, 8]] = (noisy[[0, 4, 8]] + 1) % 3  # a fifth of the labels is wrong, so certainty is out of place
    base = LogisticRegression(C=1e4, max_iter=5000)
    plain, calibrated = (
        SelfTraining(base=base, threshold=0.95, calibrate=on, max_rounds=1).fit(X, noisy) for on in (False, True)
    )
    assert (calibrated.labeled_round_ == 1).sum() < (plain.labeled_round_ == 1).sum() / 2


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"criterion": "best"}, "did you mean 'k_best'"),
        ({"threshold": 1.0}, "threshold"),
        ({"base": LinearSVC()}, "LinearSVC has no predict_proba"),
        ({"k_best": 0}, "k_best"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings, says, clouds):
    with pytest.raises(UnlabeledError, match=says):
        SelfTraining(**settings).fit(clouds[0], clouds[2])


TEXTS = ["a good film", "good fun", "a bad film", "bad and dull", "good", "bad"]
OPINIONS = ["yes", "", "no", "", "", ""]


@pytest.mark.parametrize("frame", [list, tuple, np.array, lambda texts: np.array(texts, dtype=object), pd.Series])
def test_texts_go_to_a_base_that_reads_them(frame):
    base = make_pipeline(CountVectorizer(), LogisticRegression())
    model = SelfTraining(base=base, threshold=0.5, calibrate=False).fit(frame(TEXTS), OPINIONS)
    assert model.transduction_.tolist() == ["yes", "yes", "no", "no", "yes", "no"]
    assert model.predict(frame(["good good", "bad bad"])).tolist() == ["yes", "no"]
    assert model.score(frame(TEXTS), ["yes", "yes", "no", "no", "yes", "no"]) == 1.0
    words = CountVectorizer().fit(TEXTS)
    dense = SelfTraining(threshold=0.5).fit(words.transform(TEXTS), OPINIONS)
    assert np.array_equal(dense.transduction_, model.transduction_)


def test_a_missing_text_is_an_empty_one():
    base = make_pipeline(CountVectorizer(), LogisticRegression())
    model = SelfTraining(base=base, threshold=0.5)
    found = model.fit([None, *TEXTS], ["", *OPINIONS]).predict_proba([None, *TEXTS])
    assert np.array_equal(found, model.fit(["", *TEXTS], ["", *OPINIONS]).predict_proba(["", *TEXTS]))


def test_texts_without_a_base_for_them_are_refused_with_the_way_out():
    with pytest.raises(UnlabeledError, match=r"these are texts.*base=make_pipeline\(TfidfVectorizer\(\)"):
        SelfTraining().fit(TEXTS, OPINIONS)
