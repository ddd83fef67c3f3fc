import json

import numpy as np
import pytest
import torch
from sklearn.base import is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score

import unlabeled
from unlabeled import BERT, SetFit
from unlabeled.encoders import make, make_encoder
from unlabeled.errors import UnlabeledError
from unlabeled.methods.fewlabels import set_fit
from unlabeled.methods.fewlabels.set_fit import pairs_of_classes
from unlabeled.modalities.image import ImagePreprocessing
from unlabeled.modalities.vector import VectorPreprocessing

TEXTS = ["the dog barks", "the cat meows", "a dog runs", "a cat sleeps", "my dog eats", "my cat eats"] * 2
CLASSES = ["dog", "cat"] * 6


@pytest.fixture(scope="module")
def encoder():
    model = BERT(dim=32, layers=1, heads=2, length=24, epochs=1, next_sentence=False, progress=False, random_state=0)
    return model.fit(TEXTS).encoder_


def cosines_within_and_across(model):
    with torch.no_grad():
        from unlabeled.encoders import embed
        from unlabeled.modalities import open_instances

        vectors = embed(model.encoder_, open_instances(TEXTS, preprocessing=model.encoder_.preprocessing)[0])
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines, same = unit @ unit.T, np.array(CLASSES)[:, None] == np.array(CLASSES)
    return cosines[same].mean(), cosines[~same].mean()


def test_tuning_brings_classes_together_and_others_apart(encoder, tmp_path):
    tuned = SetFit(encoder=encoder, tune="always", learning_rate=2e-3, random_state=0).fit(TEXTS, CLASSES)
    frozen = SetFit(encoder=encoder, tune="never", random_state=0).fit(TEXTS, CLASSES)
    within, across = cosines_within_and_across(tuned)
    before = cosines_within_and_across(frozen)
    assert within - across > before[0] - before[1] + 0.3
    assert tuned.score(TEXTS, CLASSES) == 1.0
    tuned.save(tmp_path / "m")
    loaded = SetFit.load(tmp_path / "m")
    assert (loaded.predict_proba(TEXTS) == tuned.predict_proba(TEXTS)).all()
    assert loaded.predict(["a dog"]).tolist() == ["dog"]


def test_cross_validation_on_the_labels_chooses(encoder):
    model = SetFit(encoder=encoder, pairs=4, learning_rate=1e-3, random_state=0).fit(TEXTS, CLASSES)
    assert set(model.accuracies_) == {"frozen", "tuned"}
    assert model.tuned_ == (model.accuracies_["tuned"] > model.accuracies_["frozen"])
    assert (model.predict(TEXTS) == SetFit(**model.get_params()).fit(TEXTS, CLASSES).predict(TEXTS)).all()


def test_one_label_a_class_is_enough_and_unlabelled_texts_are_left_out(encoder):
    labels = ["dog", "cat", *[None] * 10]
    model = SetFit(encoder=encoder, random_state=0).fit(TEXTS, labels)
    assert model.accuracies_ == {}
    assert model.score(TEXTS, labels) == model.score(TEXTS[:2], labels[:2]) == 1.0
    assert model.predict(TEXTS[:2]).tolist() == ["dog", "cat"]


def test_pairs_are_refused_and_not_read_by_half(encoder):
    pairs = [(text, text) for text in TEXTS]
    with pytest.raises(UnlabeledError, match="single texts"):
        SetFit(encoder=encoder).fit(pairs, CLASSES)
    model = SetFit(encoder=encoder, tune="never").fit(TEXTS, CLASSES)
    with pytest.raises(UnlabeledError, match="single texts"):
        model.predict(pairs)


def test_what_cannot_be_measured_is_refused(encoder):
    model = SetFit(encoder=encoder, tune="never").fit(TEXTS, CLASSES)
    with pytest.raises(UnlabeledError, match="12 texts but 1 labels"):
        model.score(TEXTS, ["dog"])
    with pytest.raises(UnlabeledError, match="nothing to measure by"):
        model.score(TEXTS, [""] * 12)


def test_three_classes_have_probabilities(encoder):
    labels = ["dog", "cat", "dog", "cat", "eats", "eats"] * 2
    model = SetFit(encoder=encoder, tune="never").fit(TEXTS, labels)
    assert model.predict_proba(TEXTS).sum(1) == pytest.approx(np.ones(12))


def test_pairs_are_of_one_class_or_of_two_and_balanced():
    codes = np.array([0] * 20 + [1] * 3 + [2])
    first, second, same = pairs_of_classes(np.arange(24), codes, 5, np.random.default_rng(0))
    for a, b, t in zip(first.tolist(), second.tolist(), same.tolist(), strict=True):
        assert a != b
        assert (codes[a] == codes[b]) == bool(t)
    counts = np.bincount(first.numpy(), minlength=24)
    assert counts.tolist() == [10] * 23 + [5]  # the last is alone in its class


def pairs_one_row_after_the_other(rows, codes, each, generator):
    drawn = []
    for row in rows.tolist():
        alike = [other for other in rows.tolist() if codes[other] == codes[row] and other != row]
        others = [other for other in rows.tolist() if codes[other] != codes[row]]
        for pool, same in ((alike, 1.0), (others, 0.0)):
            if pool:
                drawn += [(row, other, same) for other in generator.choice(pool, each).tolist()]
    return [drawn[place] for place in generator.permutation(len(drawn))]


@pytest.mark.parametrize("seed", range(3))
def test_pairs_are_those_of_a_loop_over_all_rows(seed):
    codes = np.random.default_rng(seed).integers(-1, 4, 30)
    codes[:2] = 4, 0  # the first is alone in its class
    rows = np.flatnonzero(codes >= 0)
    pairs = pairs_of_classes(rows, codes, 5, np.random.default_rng(seed))
    expected = pairs_one_row_after_the_other(rows, codes, 5, np.random.default_rng(seed))
    assert list(zip(*(part.tolist() for part in pairs), strict=True)) == expected


def test_labelled_texts_alone_are_embedded_and_the_encoder_is_read_once(encoder, tmp_path, monkeypatch):
    model = BERT(dim=32, layers=1, heads=2, length=24, epochs=1, next_sentence=False, progress=False, random_state=0)
    model.fit(TEXTS).save(tmp_path / "start")
    embedded, read = [], []
    embed, load = set_fit.embed, make.load_encoder
    monkeypatch.setattr(set_fit, "embed", lambda *a, **b: embedded.append(len(a[1])) or embed(*a, **b))
    monkeypatch.setattr(make, "load_encoder", lambda folder: read.append(folder) or load(folder))
    settings = {"encoder": str(tmp_path / "start"), "pairs": 2, "learning_rate": 1e-3, "random_state": 0}
    some = SetFit(**settings).fit(TEXTS, [*CLASSES[:6], *[None] * 6])
    assert embedded == [6] * (1 + 3 + some.tuned_)  # untouched, in three parts, and as it is kept
    assert len(read) == 1
    without = SetFit(**settings).fit(TEXTS[:6], CLASSES[:6])
    assert without.accuracies_ == some.accuracies_
    assert np.array_equal(without.predict_proba(TEXTS), some.predict_proba(TEXTS))


@pytest.mark.parametrize(
    ("settings", "y", "says"),
    [
        ({"tune": "allways"}, CLASSES, "did you mean 'always'"),
        ({"pairs": 0}, CLASSES, "pairs"),
        ({}, ["dog"] * 12, "two classes"),
        ({"encoder": ""}, CLASSES, "name the encoder"),
    ],
)
def test_what_does_not_fit_is_an_error(encoder, settings, y, says):
    with pytest.raises(UnlabeledError, match=says):
        SetFit(**{"encoder": encoder, **settings}).fit(TEXTS, y)


def test_numbers_with_gaps_are_classes_and_settings_of_numpy_are_saved(encoder, tmp_path):
    numbers = np.array([1.0, 0.0] * 5 + [np.nan] * 2)  # how NumPy holds whole numbers some of which are missing
    model = SetFit(encoder=encoder, tune="never", pairs=np.int64(4), random_state=np.random.RandomState(0))
    model.fit(TEXTS, numbers)
    right = (model.predict(TEXTS[:10]) == numbers[:10]).mean()
    assert model.score(TEXTS, numbers) == model.score(TEXTS[:10], [1, 0] * 5) == right > 0.5
    model.save(tmp_path / "m")
    loaded = unlabeled.load(tmp_path / "m")
    assert (loaded.pairs, loaded.random_state) == (4, None)
    assert loaded.score(TEXTS, numbers) == right


def test_a_class_of_one_text_does_not_keep_the_others_from_being_compared(encoder):
    texts, labels = [*TEXTS, "something else"], [*CLASSES, "other"]
    model = SetFit(encoder=encoder, pairs=2, learning_rate=1e-3, random_state=0).fit(texts, labels)
    assert set(model.accuracies_) == {"frozen", "tuned"}
    # Shares of the twelve that can be held out.
    assert all(share * 12 == pytest.approx(round(share * 12)) for share in model.accuracies_.values())
    assert model.classes_.tolist() == ["cat", "dog", "other"]


@pytest.mark.parametrize("names", [[1.0, 0.0], [" dog", " cat"], [True, False]])
def test_classes_are_measured_as_they_were_given(encoder, names):
    labels = [names[name == "cat"] for name in CLASSES]
    model = SetFit(encoder=encoder, tune="never").fit(TEXTS, labels)
    assert model.predict(TEXTS).tolist() == labels
    assert model.score(TEXTS, labels) == 1.0


def test_scikit_learn_parts_its_labels_by_class(encoder):
    order = np.argsort(CLASSES, kind="stable")
    texts, labels = [TEXTS[i] for i in order], [CLASSES[i] for i in order]
    assert is_classifier(SetFit())
    scores = cross_val_score(SetFit(encoder=encoder, tune="never"), texts, labels, cv=2)
    assert ((scores >= 0) & (scores <= 1)).all()


@pytest.mark.parametrize(
    ("preprocessing", "name", "X"),
    [
        (ImagePreprocessing(8, 1), "conv", np.zeros((12, 8, 8))),
        (VectorPreprocessing(3, mean=(0.0,) * 3, scale=(1.0,) * 3), "mlp", np.zeros((12, 3))),
    ],
)
def test_it_is_for_texts(encoder, preprocessing, name, X):
    with pytest.raises(UnlabeledError, match=f"^SetFit is for texts, and the encoder is for {preprocessing.kind}s"):
        SetFit(encoder=make_encoder(name, preprocessing), random_state=0).fit(X, CLASSES)
    with pytest.raises(UnlabeledError, match="the encoder is for texts, and the data are"):
        SetFit(encoder=encoder, random_state=0).fit(X, CLASSES)


def test_quantities_and_missing_labels_are_refused(encoder):
    with pytest.raises(UnlabeledError, match=r"is a quantity and no class; .* FineTuning\(task='score'\)"):
        SetFit(encoder=encoder).fit(TEXTS, np.linspace(0, 1, 12))
    with pytest.raises(UnlabeledError, match="SetFit requires y to be passed"):
        SetFit(encoder=encoder).fit(TEXTS, None)
    model = SetFit(encoder=encoder, tune="never").fit(TEXTS, CLASSES)
    with pytest.raises(UnlabeledError, match="SetFit requires y to be passed"):
        model.score(TEXTS, None)


def interrupted(*given, **named):
    """As Ctrl-C does; the signal itself is ignored where the tests run in the background."""
    raise KeyboardInterrupt


def test_before_a_fit_and_after_an_interrupted_one_it_is_not_fitted(encoder, monkeypatch):
    model = SetFit(encoder=encoder, tune="never")
    for _ in range(2):
        for use in (model.predict, model.predict_proba, lambda X: model.score(X, CLASSES)):
            with pytest.raises(NotFittedError):
                use(TEXTS)
        model.fit(TEXTS, CLASSES).predict(TEXTS)
        with monkeypatch.context() as patch:
            patch.setattr(set_fit, "embed", interrupted)
            with pytest.raises(KeyboardInterrupt):
                model.fit(TEXTS, [text[:2] for text in TEXTS])


def test_a_saved_encoder_says_where_it_comes_from(encoder, tmp_path):
    model = SetFit(encoder=encoder, tune="never", random_state=0).fit(TEXTS, CLASSES)
    model.save(tmp_path / "m")
    about = json.loads((tmp_path / "m" / "encoder.json").read_text())
    assert about["recipe"]["method"] == "set_fit"
    assert about["recipe"]["encoder"]["encoder"] == json.loads(json.dumps(encoder.describe()))
    assert about["training"] == {"seed": np.random.RandomState(0).randint(2**31)}
    assert (about["data"]["kind"], about["data"]["rows"]) == ("text", 12)
    SetFit.load(tmp_path / "m").save(tmp_path / "again")
    assert json.loads((tmp_path / "again" / "encoder.json").read_text()) == about
    other = SetFit(encoder=encoder, tune="never").fit(TEXTS[::-1], CLASSES[::-1])
    assert other.provenance_["data"]["fingerprint"] != about["data"]["fingerprint"]
