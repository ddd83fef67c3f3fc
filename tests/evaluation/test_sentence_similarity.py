from importlib import import_module

import numpy as np
import pytest
from scipy.stats import spearmanr

from unlabeled import BERT
from unlabeled.errors import UnlabeledError
from unlabeled.evaluation.sentence_similarity import paired_columns, sentence_similarity, similarity_of_vectors
from unlabeled.evaluation.texts.text_baselines import representations

GENERATOR = np.random.default_rng(0)
ONE, OTHER = GENERATOR.normal(size=(2, 40, 5))
SCORES = GENERATOR.integers(0, 6, 40).astype(float)


def cosine(a, b):
    return float(a @ b / np.sqrt(a @ a) / np.sqrt(b @ b))


def test_both_ways_of_averaging_are_told():
    groups = ["news"] * 25 + ["forum"] * 15
    found = similarity_of_vectors(ONE, OTHER, SCORES, groups)
    cosines = [cosine(a, b) for a, b in zip(ONE, OTHER, strict=True)]
    assert found.all_pairs == pytest.approx(spearmanr(cosines, SCORES).statistic)
    parts = [spearmanr(cosines[:25], SCORES[:25]).statistic, spearmanr(cosines[25:], SCORES[25:]).statistic]
    assert found.groups == pytest.approx({"news": parts[0], "forum": parts[1]})
    assert found.mean_of_groups == pytest.approx(np.mean(parts))
    assert found.mean_of_groups != pytest.approx(found.all_pairs)
    assert similarity_of_vectors(ONE, OTHER, SCORES).mean_of_groups == found.all_pairs


def test_vectors_that_are_all_alike_or_zero_correlate_with_nothing():
    same = np.ones((3, 2))
    assert similarity_of_vectors(same, same, [1, 2, 3]).all_pairs == 0.0
    assert similarity_of_vectors(np.zeros((3, 2)), same, [1, 2, 3]).all_pairs == 0.0


def test_an_encoder_is_measured_on_texts():
    texts = ["the dog barks", "it rains", "a cat sleeps"] * 4
    model = BERT(dim=16, layers=1, heads=2, length=16, epochs=1, next_sentence=False, progress=False, random_state=0)
    encoder = model.fit(texts).encoder_
    pairs = [("the dog barks", "the dog barks"), ("it rains", "a cat sleeps"), ("a cat", "it rains"), ("", "the dog")]
    found = sentence_similarity(encoder, pairs, [5, 1, 1.5, 0])
    assert -1 <= found.all_pairs <= 1
    vectors = [model.transform([text for text, _ in pairs]), model.transform([text for _, text in pairs])]
    assert similarity_of_vectors(*vectors, [5, 1, 1.5, 0]) == found


@pytest.mark.parametrize(("scores", "says"), [([1.0], "40 and 40 vectors but 1"), ([float("nan")] * 40, "two pairs")])
def test_scores_that_do_not_fit_are_errors(scores, says):
    with pytest.raises(UnlabeledError, match=says):
        similarity_of_vectors(ONE, OTHER, scores)


def test_groups_of_one_pair_each_have_no_correlation():
    with pytest.raises(UnlabeledError, match="leave out groups"):
        similarity_of_vectors(ONE, OTHER, SCORES, [str(row) for row in range(40)])
    some = similarity_of_vectors(ONE, OTHER, SCORES, ["a", *["b"] * 39])
    assert list(some.groups) == ["b"]


@pytest.mark.parametrize(
    ("pairs", "says"),
    [([], "no texts"), (["ab", "cd"], "'ab' is none"), ([("a", "b", "c")], "is none"), ([("a", 5)], "a text belongs")],
)
def test_what_is_no_pair_is_refused(pairs, says):
    with pytest.raises(UnlabeledError, match=says):
        paired_columns(pairs)


@pytest.mark.parametrize("groups", [["a"] * 39, ["a"] * 41])
def test_each_pair_has_a_group(groups):
    with pytest.raises(UnlabeledError, match=f"40 pairs but {len(groups)} groups"):
        similarity_of_vectors(ONE, OTHER, SCORES, groups)


def test_scores_that_are_no_numbers_are_refused():
    with pytest.raises(UnlabeledError, match="scores must be numbers"):
        similarity_of_vectors(ONE, OTHER, ["high"] * 40)


def test_an_encoder_is_measured_where_it_is(monkeypatch):
    model = BERT(dim=16, layers=1, heads=2, length=16, epochs=1, next_sentence=False, progress=False, random_state=0)
    encoder, places = model.fit(["the dog barks", "it rains"] * 4).encoder_.to("meta"), []

    def watched(encoder, instances, *, batch_size=128, device="cpu"):
        places.append(device.type)
        return np.eye(len(instances), encoder.dim)

    # The package gives the function by the name of its module.
    monkeypatch.setattr(import_module("unlabeled.evaluation.sentence_similarity"), "embed", watched)
    sentence_similarity(encoder, [("a", "b"), ("c", "d"), ("e", "f")], [1, 2, 3])
    monkeypatch.setattr("unlabeled.evaluation.texts.text_baselines.embed", watched)
    found = representations(encoder, ["the dog"], None, 0)
    for name in ("learnt", "untrained"):
        found[name](["a dog"])
    assert places == ["meta"] * 4
