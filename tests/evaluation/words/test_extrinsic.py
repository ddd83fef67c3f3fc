from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from unlabeled import WordVectors
from unlabeled.errors import UnlabeledError
from unlabeled.evaluation import extrinsic
from unlabeled.evaluation import extrinsic as extrinsic_function
from unlabeled.evaluation.words import bag_classifier
from unlabeled.evaluation.words.bag_classifier import BagClassifier, Bags, Means, means

GOOD, BAD = [f"good{i}" for i in range(40)], [f"bad{i}" for i in range(40)]


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(bag_classifier, "LEARNING_RATES", (1e-2,))
    monkeypatch.setattr(bag_classifier, "EPOCHS", 4)


def sentiment(seed=0):
    """Vectors that know which words are good, and texts whose training part shows half of the words only."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(80, 10)).astype(np.float32)
    vectors[:40, 0] += 6
    vectors[40:, 0] -= 6

    def texts(words, n):
        return [" ".join(rng.choice(words, 3)) for _ in range(n)]

    train = texts(GOOD[:20], 60) + texts(BAD[:20], 60)
    test = texts(GOOD[20:], 60) + texts(BAD[20:], 60)
    return WordVectors(GOOD + BAD, vectors), train, [1] * 60 + [0] * 60, test, [1] * 60 + [0] * 60


def test_learnt_vectors_carry_over_to_words_never_seen_in_training(quick):
    found = extrinsic(*sentiment(), seeds=(0, 1))
    for mode in ("frozen", "fine-tuned"):
        assert found.score(mode).mean > 0.95
        # Random vectors say nothing of the test's words, so a coin does as well: 120 of them, 4 standard deviations.
        assert found.score(mode, "random").mean < 0.5 + 4 * 0.5 / 120**0.5
        assert len(found.score(mode).values) == 2
    assert (found.n_train, found.n_test, found.n_classes, found.coverage) == (120, 120, 2, 1)
    assert found.majority == 0.5


def test_the_test_texts_choose_nothing(quick, monkeypatch):
    monkeypatch.setattr(bag_classifier, "LEARNING_RATES", (1e-4, 1e-2))
    vectors, texts, labels, test, truth = sentiment()
    honest = extrinsic(vectors, texts, labels, test, truth, seeds=(0, 1))
    turned = extrinsic(vectors, texts, labels, test, [1 - label for label in truth], seeds=(0, 1))
    assert honest.choices == turned.choices
    for a, b in zip(honest.scores, turned.scores, strict=True):
        assert a.values == pytest.approx([1 - value for value in b.values])


def test_the_same_seeds_give_the_same_figures(quick):
    first, again = (extrinsic(*sentiment(), seeds=(3,)).to_dict() for _ in range(2))
    assert first == again
    assert json.loads(json.dumps(first))["n_train"] == 120


def test_scale_plays_no_part(quick):
    vectors, *rest = sentiment()
    larger = WordVectors(vectors.words, vectors.vectors * 64)
    assert extrinsic(larger, *rest, seeds=(0,)).scores == extrinsic(vectors, *rest, seeds=(0,)).scores


def test_unlabelled_texts_and_unknown_words_are_passed_over(quick):
    vectors, texts, labels, test, truth = sentiment()
    plain = extrinsic(vectors, texts, labels, test, truth, modes=["frozen"], seeds=(0,))
    noisy = extrinsic(
        vectors,
        [*(f"{text} unheard" for text in texts), "whatever"],
        [*labels, -1],
        [*test, "of this"],
        [*truth, -1],
        modes=["frozen"],
        seeds=(0,),
    )
    assert noisy.scores == plain.scores
    assert (noisy.n_train, noisy.n_test) == (120, 120)
    assert noisy.coverage == pytest.approx(3 / 4)


def test_a_class_of_the_test_texts_only_counts_as_wrong(quick):
    vectors, texts, labels, test, _ = sentiment()
    classes = [7 if label else 3 for label in labels]
    found = extrinsic(vectors, texts, classes, test, [7] * 60 + [9] * 60, modes=["frozen"], seeds=(0,))
    assert found.score("frozen").mean == pytest.approx(0.5, abs=0.05)
    assert found.n_classes == 2


def test_it_prints_a_table(quick):
    vectors, *rest = sentiment()
    lines = str(extrinsic(vectors, *rest, seeds=(0, 1), modes=["frozen"])).splitlines()
    assert lines[0].startswith("2 classes, 120 training and 120 test texts, majority 50.0%, 100.0% of words")
    assert lines[1].startswith("frozen accuracy      learnt")
    assert "±" in lines[2]


def test_a_mean_is_that_of_a_loop_whatever_is_taken():
    rng = np.random.default_rng(0)
    rows = {f"w{i}": i for i in range(6)}
    texts = [[f"w{i}" for i in rng.integers(0, 8, size)] for size in (5, 0, 1, 9, 3, 2)]
    texts.append(["w7", "w6"])  # words without a vector
    table = torch.from_numpy(rng.normal(size=(6, 4)))
    expected = torch.zeros(7, 4, dtype=torch.float64)
    for i, text in enumerate(texts):
        known = [table[rows[word]] for word in text if word in rows]
        if known:
            expected[i] = torch.stack(known).mean(0)
    bags = Bags.of(texts, rows)
    assert len(bags) == 7
    # The weights are float32.
    torch.testing.assert_close(means(table, bags), expected, rtol=1e-6, atol=1e-6)
    some = torch.tensor([3, 1, 6, 0, 3])
    torch.testing.assert_close(means(table, bags.take(some)), expected[some], rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(means(table, bags.take(some[:0])), expected[:0])


def test_frozen_vectors_stay_and_others_move():
    bags = Bags.of([["a", "b"], ["b"], ["a"]], {"a": 0, "b": 1})
    table = torch.tensor([[1.0, 2.0], [3.0, 1.0]])
    labels = torch.tensor([0, 1, 0])
    for texts, moves in ((bags, True), (Means(means(table, bags)), False)):
        net = BagClassifier(table, texts, 2)
        torch.testing.assert_close(net(texts), torch.zeros(3, 2))  # the linear layer starts from zero
        for _ in bag_classifier._epochs(net, texts, labels, 0.1, seed=0):
            pass
        assert (not torch.equal(net.vectors, table)) is moves
        assert net(texts).argmax(1).tolist() == [0, 1, 0]
    assert table.tolist() == [[1, 2], [3, 1]]


def test_the_choice_prefers_the_least_training_among_equals(monkeypatch):
    monkeypatch.setattr(bag_classifier, "_accuracy", lambda *_: 0.5)
    bags = Bags.of([["a"], ["b"]] * 5, {"a": 0, "b": 1})
    rows = torch.arange(10)
    chosen = bag_classifier.choose(torch.eye(2), bags, rows % 2, rows[:6], rows[6:], seed=0)
    assert chosen == (min(bag_classifier.LEARNING_RATES), 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": [0] * 120}, "of one class"),
        ({"labels": [0] * 7}, "one label for each of the 120 rows"),
        ({"labels": [-1] * 120}, "labels: no text is labelled"),
        ({"test_labels": [-1] * 120}, "test labels: no text is labelled"),
        ({"texts": "one text"}, "texts must be a sequence"),
        ({"texts": ["été"] * 120, "test_texts": ["hiver"] * 120}, "no word of the texts"),
        ({"modes": ["frosen"]}, "did you mean 'frozen'"),
        ({"modes": []}, "at least one mode"),
        ({"seeds": []}, "one seed"),
        ({"tokenizer": "letters"}, "unknown tokenizer"),
    ],
)
def test_bad_input_is_refused(changes, message):
    names = ("vectors", "texts", "labels", "test_texts", "test_labels")
    arguments = dict(zip(names, sentiment(), strict=True)) | changes
    with pytest.raises(UnlabeledError, match=message):
        extrinsic_function(**arguments)


@pytest.mark.slow
@pytest.mark.real_data
def test_learnt_vectors_help_to_classify_questions(real_data):
    import pyarrow.parquet as pq

    from unlabeled import SkipGram

    train, test = (pq.read_table(real_data / "trec" / f"{part}.parquet") for part in ("train", "test"))
    brown = pq.read_table(real_data / "brown" / "train.parquet")["text"].to_pylist()
    lines = [line for text in [*brown, *train["text"].to_pylist()] for line in text.split("\n")]
    vectors = SkipGram(dim=50, epochs=5, random_state=0, progress=False).fit(lines).vectors_
    parts = [column for part in (train, test) for column in (part["text"].to_pylist(), part["label"].to_numpy())]
    found = extrinsic(vectors, *parts, modes=["frozen"], seeds=(0, 1))
    # The gain is some 12 points (75.7 against 63.6); seeds move either figure by less than 3.
    assert found.score("frozen").mean > found.score("frozen", "random").mean + 0.05
    assert found.score("frozen", "random").mean > found.majority
