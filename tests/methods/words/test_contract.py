"""One contract for all word methods, as `tests/methods/test_contract.py` is for those that learn from images.

scikit-learn's own checks have no text to give and skip estimators that take strings.
"""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.validation import check_is_fitted

import unlabeled
from unlabeled.errors import UnlabeledError
from unlabeled.methods.words.word_embedding import WordEmbedding, drawn_seed
from unlabeled.registry import card, methods

WORDS = [cls for cls in methods().values() if issubclass(cls, WordEmbedding)]
QUICK = {"dim": 8, "min_count": 1, "random_state": 0, "workers": 1, "progress": False}
LINES = [
    "the quick brown fox jumps over the lazy dog",
    "the lazy dog sleeps while the quick fox runs",
    "a brown dog and a quick fox play",
]
SENTENCES = [line.split() for line in LINES * 30]


@pytest.fixture(params=WORDS, ids=lambda cls: cls.__name__)
def method(request):
    return request.param


@pytest.fixture(scope="module")
def fitted():
    models = {}

    def fit(cls):
        if cls not in models:
            models[cls] = quick(cls).fit(SENTENCES)
        return models[cls]

    return fit


def quick(cls):
    settings = QUICK | {"epochs": 2}
    return cls(**{name: value for name, value in settings.items() if name in cls().get_params()})


def test_fields_are_the_parameters(method):
    model = method()
    assert clone(model).get_params() == model.get_params()
    assert set(model.get_params()) == {option.name for option in card(method).options}


def test_every_setting_and_the_class_are_documented(method):
    about = card(method)
    assert about.sentence.endswith(".")
    assert about.modalities == ("text",)
    assert [option.name for option in about.options if not option.doc] == []


def test_every_word_has_a_vector(method, fitted):
    model = fitted(method)
    assert set(model.vectors_.words) == {word for sentence in SENTENCES for word in sentence}
    assert model.vocabulary_["the"] == 0
    assert model.transform(["dog", "fox"]).shape == (2, model.vectors_.dim)
    assert model.transform(["dog", "fox"]).dtype == np.float32
    assert np.array_equal(model.transform(["fox"])[0], model.vectors_["fox"])


def test_the_same_seed_gives_the_same_bits_and_fitting_again_starts_afresh(method, fitted):
    model = fitted(method)
    again = clone(model).fit(SENTENCES)
    assert np.array_equal(again.vectors_.vectors, model.vectors_.vectors)
    assert np.array_equal(again.fit(SENTENCES).vectors_.vectors, model.vectors_.vectors)


def test_fit_changes_no_parameter(method, fitted):
    assert fitted(method).get_params() == quick(method).get_params()


def test_files_strings_and_token_lists_are_the_same_to_it(method, fitted, tmp_path):
    lines = [" ".join(sentence) for sentence in SENTENCES]
    (tmp_path / "corpus.txt").write_text("\n".join(lines))
    for source in (str(tmp_path / "corpus.txt"), tmp_path / "corpus.txt", lines, (list(s) for s in SENTENCES)):
        assert np.array_equal(quick(method).fit(source).vectors_.vectors, fitted(method).vectors_.vectors)


def test_save_and_load_give_the_same_vectors_bit_for_bit(method, fitted, tmp_path):
    model = fitted(method)
    model.save(tmp_path / "model")
    loaded = unlabeled.load(tmp_path / "model")
    assert type(loaded) is method
    assert loaded.vectors_.words == model.vectors_.words
    assert np.array_equal(loaded.vectors_.vectors, model.vectors_.vectors)
    assert loaded.get_params() == model.get_params()
    assert loaded.vocabulary_.counts.tolist() == model.vocabulary_.counts.tolist()


def test_an_unknown_word_gets_suggestions(method, fitted):
    with pytest.raises(UnlabeledError, match="quick"):
        fitted(method).transform(["quikc"])


@pytest.mark.parametrize(("given", "place"), [([3], 0), (["dog", None], 1), (np.ones((2, 2)), 0), ({"dog": 1}, 0)])
def test_what_is_no_word_is_refused_by_its_place(method, given, place, fitted):
    with pytest.raises(UnlabeledError, match=f"transform takes words, and what stands in place {place} is "):
        fitted(method).transform(given)


def test_no_words_give_no_vectors(method, fitted):
    assert fitted(method).transform([]).shape == (0, fitted(method).vectors_.dim)


@pytest.mark.parametrize(
    ("source", "says"),
    [([], "no"), (["", " "], "no"), ("no-such-file.txt", "no-such-file"), ([["a", 3]], "3"), (7, "int")],
)
def test_text_that_cannot_be_meant_is_refused_in_words(method, source, says):
    with pytest.raises(UnlabeledError, match=says):
        quick(method).fit(source)


def test_a_vocabulary_emptied_by_min_count_is_refused_in_words(method):
    with pytest.raises(UnlabeledError, match="min_count"):
        quick(method).set_params(min_count=10**6).fit(SENTENCES)


def test_what_was_never_fitted_says_so(method):
    with pytest.raises(Exception, match="not fitted"):
        method().transform(["dog"])


def test_scikit_learn_takes_it_for_one_of_its_own(method, fitted):
    model = fitted(method)
    assert get_tags(model).input_tags.string
    check_is_fitted(model)
    with pytest.raises(NotFittedError):
        check_is_fitted(method())
    words = make_pipeline(clone(model), FunctionTransformer(np.abs)).set_params(
        **{f"{method.__name__.lower()}__max_vocab": 6}
    )
    assert words[0].max_vocab == 6
    assert f"{method.__name__}(" in repr(words)
    assert "max_vocab=6" in repr(words)
    assert method.__name__ in words._repr_html_()
    assert method.__name__ in model._repr_html_()


@pytest.mark.parametrize("random_state", [-1, 2**32, 1.5, "0", True])
def test_a_random_state_that_is_none_is_refused_in_words(method, random_state):
    with pytest.raises(UnlabeledError, match="random_state"):
        quick(method).set_params(random_state=random_state).fit(SENTENCES)


def test_seeds_are_drawn_as_scikit_learn_draws_them():
    for seed in (0, 7, 2**32 - 1, np.int64(3)):
        assert drawn_seed(seed) == check_random_state(seed).randint(2**31)
    ours, theirs = np.random.RandomState(5), np.random.RandomState(5)
    assert [drawn_seed(ours) for _ in range(3)] == [theirs.randint(2**31) for _ in range(3)]
    np.random.seed(11)  # noqa: NPY002 - this is what is tested
    first = drawn_seed(None)
    np.random.seed(11)  # noqa: NPY002
    assert drawn_seed(None) == first


def test_a_text_of_a_script_without_spaces_is_no_word():
    model = unlabeled.CBOW(**QUICK).fit(["我喜欢你", "你喜欢我"] * 30)
    expected = model.vectors_[["我喜", "喜欢", "欢你"]].mean(axis=0)
    assert model.transform(["我喜欢你"])[0] == pytest.approx(expected, abs=1e-6)
    assert np.array_equal(model.transform(["喜欢"])[0], model.vectors_["喜欢"])


def test_a_tokenizer_of_ones_own_must_be_given_again_to_what_was_loaded(tmp_path):
    model = unlabeled.OneHot(min_count=1, tokenizer=str.split).fit(["A-b c-d"] * 3)
    model.save(tmp_path / "own")
    loaded = unlabeled.load(tmp_path / "own")
    assert np.array_equal(loaded.transform(["A-b"]), model.transform(["A-b"]))
    for use in (loaded.transform, loaded.fit):
        with pytest.raises(UnlabeledError, match=r"of your own cut, str\.split, which is not saved"):
            use(["A-b c-d"])
    loaded.set_params(tokenizer=str.split)
    assert np.array_equal(loaded.transform(["A-b c-d"]), model.transform(["A-b c-d"]))
