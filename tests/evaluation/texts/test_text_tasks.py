"""Tasks with texts: figures of a representation that is known, and what is refused."""

import math

import numpy as np
import pytest

from unlabeled import BERT, WordVectors
from unlabeled.errors import UnlabeledError
from unlabeled.evaluation import paraphrase, text_classification, text_retrieval
from unlabeled.evaluation.probes.linear_probe import linear_probe
from unlabeled.evaluation.texts import text_baselines

WORDS = ["frog", "toad", "king", "queen", "the", "a"]
TABLE = WordVectors(WORDS, np.array([[1, 0, 0], [0.9, 0.1, 0], [0, 1, 0], [0.1, 0.9, 0], [0, 0, 1], [0, 0, 0.9]]))
TEXTS = ["the frog", "a toad", "the king", "a queen"]


@pytest.fixture(scope="module")
def encoder():
    settings = {"dim": 16, "layers": 1, "heads": 2, "length": 16, "next_sentence": False, "epochs": 1}
    return BERT(**settings, random_state=0, progress=False).fit(TEXTS * 4).encoder_


def test_classes_are_found_where_the_vectors_know_them(encoder):
    texts, labels = ["the frog", "a frog", "the king", "a king"] * 5, ["animal", "animal", "person", "person"] * 5
    found = text_classification(
        encoder, texts, labels, ["a toad", "the queen", "x"], ["animal", "person", ""], word_vectors=TABLE
    )
    assert list(found.figures) == ["learnt", "untrained", "tf-idf", "word vectors"]
    assert found.figures["word vectors"]["accuracy"] == 1
    # "toad" and "queen" are no words that tf-idf has seen with a label, and the articles say nothing.
    assert found.figures["tf-idf"]["accuracy"] < 1
    assert (found.n_train, found.n_test) == (20, 2)
    assert "word vectors" in str(found)


def test_a_paraphrase_is_a_pair_of_one_meaning(encoder):
    pairs = [(one, other) for one in TEXTS for other in TEXTS] * 3
    labels = [int((TEXTS.index(one) < 2) == (TEXTS.index(other) < 2)) for one, other in pairs]
    found = paraphrase(encoder, pairs, labels, [*pairs[:16], ("x", "y")], [*labels[:16], -1], word_vectors=TABLE)
    assert found.figures["word vectors"] == {"accuracy": 1, "f1": 1}
    assert found.figures["always yes"] == {"accuracy": 0.5, "f1": pytest.approx(2 / 3)}
    assert found.n_test == 16
    with pytest.raises(UnlabeledError, match="48 pairs but 2 labels"):
        paraphrase(encoder, pairs, [0, 1], pairs, labels)
    with pytest.raises(UnlabeledError, match="got 2"):
        paraphrase(encoder, pairs, [2] * 48, pairs, labels)


def test_the_order_of_a_pair_does_not_matter(encoder):
    pairs, labels = [("the frog", "a toad"), ("the frog", "a king")] * 4, [1, 0] * 4
    turned = [(b, a) for a, b in pairs]
    assert paraphrase(encoder, pairs, labels, pairs, labels).figures == (
        paraphrase(encoder, turned, labels, turned, labels).figures
    )


def test_retrieval_is_the_equations(encoder, monkeypatch):
    vectors = {"q": [1.0, 0.0], "a": [0.9, 0.1], "b": [0.5, 0.5], "c": [0.1, 0.9], "d": [0.0, 1.0]}
    monkeypatch.setattr(
        text_baselines, "_embedded", lambda encoder, texts: np.array([vectors[text] for text in texts], np.float32)
    )
    found = text_retrieval(encoder, ["q", "d"], ["a", "b", "c", "d"], [[1, 3], [3]], k=3)
    # q ranks a, b, c, d: of b and d only b is among three. d ranks d first.
    ideal = 1 + 1 / math.log2(3)
    wanted = {"ndcg@3": (1 / math.log2(3) / ideal + 1) / 2, "recall@3": (0.5 + 1) / 2, "mrr": (0.5 + 1) / 2}
    assert found.figures["learnt"] == pytest.approx(wanted)


def test_retrieval_finds_what_shares_words(encoder):
    found = text_retrieval(encoder, ["frog", "queen"], TEXTS, [{0}, {3}], k=1, word_vectors=TABLE)
    assert found.figures["tf-idf"] == {"ndcg@1": 1, "recall@1": 1, "mrr": 1}
    with pytest.raises(UnlabeledError, match="query 0 has no relevant"):
        text_retrieval(encoder, ["frog"], TEXTS, [[]])
    with pytest.raises(UnlabeledError, match="number 9"):
        text_retrieval(encoder, ["frog"], TEXTS, [[0, 9]])
    with pytest.raises(UnlabeledError, match="1 queries, but relevant documents for 2"):
        text_retrieval(encoder, ["frog"], TEXTS, [[0], [1]])


def test_texts_without_a_word_are_judged_and_none_at_all_are_refused(encoder):
    found = text_classification(encoder, ["!!!", "???"] * 8, [0, 1] * 8, ["!!!", "???"], [0, 1])
    assert found.figures["tf-idf"]["accuracy"] == 0.5
    for judge in (
        lambda: text_classification(encoder, [], [], ["a"], [0]),
        lambda: paraphrase(encoder, [], [], [("a", "b")], [1]),
        lambda: text_retrieval(encoder, [], ["a", "b"], []),
    ):
        with pytest.raises(UnlabeledError, match="there are no texts"):
            judge()


@pytest.mark.parametrize("missing", [-1, None, "", math.nan])
def test_pairs_without_a_label_are_left_out_whatever_stands_for_it(encoder, missing):
    pairs = [(one, other) for one in TEXTS for other in TEXTS] * 3
    labels = [int((TEXTS.index(one) < 2) == (TEXTS.index(other) < 2)) for one, other in pairs]
    found = paraphrase(encoder, [*pairs, ("x", "y")], [*labels, missing], [*pairs, ("x", "y")], [*labels, missing])
    assert (found.n_train, found.n_test) == (48, 48)
    assert found.figures["always yes"] == {"accuracy": 0.5, "f1": pytest.approx(2 / 3)}
    written = paraphrase(encoder, pairs, [str(label) for label in labels], pairs, [bool(label) for label in labels])
    assert written.figures["tf-idf"] == found.figures["tf-idf"]
    with pytest.raises(UnlabeledError, match="test labels of pairs are 1, 0 or −1 for unknown, got yes"):
        paraphrase(encoder, pairs, labels, pairs, ["yes"] * 48)


def test_the_seed_of_a_paraphrase_is_that_of_its_folds_too(encoder, monkeypatch):
    seeds = []
    monkeypatch.setattr(
        "unlabeled.evaluation.texts.paraphrase.linear_probe",
        lambda *given, **settings: seeds.append(settings["random_state"]) or linear_probe(*given, **settings),
    )
    pairs, labels = [("the frog", "a toad"), ("the frog", "a king")] * 4, [1, 0] * 4
    paraphrase(encoder, pairs, labels, pairs, labels, seed=7)
    assert set(seeds) == {7}


@pytest.mark.parametrize(
    ("relevant", "message"),
    [
        ([["doc1"]], "'doc1' for a relevant document; give positions"),
        (["doc1"], "'doc1' for relevant documents; give a list"),
        ([1], "1 for relevant documents; give a list"),
        ([[1.5]], r"1\.5 for a relevant document"),
    ],
)
def test_names_in_place_of_positions_are_refused(encoder, relevant, message):
    with pytest.raises(UnlabeledError, match=f"query 0 has {message}"):
        text_retrieval(encoder, ["frog"], TEXTS, relevant)
