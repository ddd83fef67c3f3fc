"""Word vectors: looked up, compared and searched, against plain loops."""

from __future__ import annotations

import math
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unlabeled import WordVectors
from unlabeled.data import Vocabulary
from unlabeled.errors import UnlabeledError
from unlabeled.methods.words.lookup import nearest_words

ANIMALS = WordVectors(
    ["the", "frog", "toad", "newt", "car"],
    [[0, 0, 0], [3, 1, 0], [3, 2, 0], [2, 0, 1], [-1, 0, 5]],
    [90, 12, 7, 7, 3],
)


def cosine(a, b):
    a, b = [float(x) for x in a], [float(x) for x in b]
    norms = math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(x * x for x in b))
    return sum(x * y for x, y in zip(a, b, strict=True)) / norms if norms else 0.0


def random_vectors(seed, n=12, dim=3, dtype=np.float32):
    return WordVectors([f"w{i}" for i in range(n)], np.random.default_rng(seed).normal(size=(n, dim)).astype(dtype))


# --- what it holds ----------------------------------------------------------------------------------------------------


def test_what_it_holds():
    assert ANIMALS.words == ("the", "frog", "toad", "newt", "car")
    assert (len(ANIMALS), ANIMALS.dim, ANIMALS.vectors.dtype) == (5, 3, np.float32)
    assert ANIMALS.index["newt"] == 3
    assert "frog" in ANIMALS
    assert "Frog" not in ANIMALS
    assert 3 not in ANIMALS
    assert repr(ANIMALS) == "WordVectors(5 words of 3 numbers, float32)"


def test_it_cannot_be_changed():
    given = np.ones((2, 2), np.float32)
    vectors = WordVectors(["a", "b"], given, [2, 1])
    for array in (vectors.vectors, vectors.counts, vectors.lengths):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 5
    with pytest.raises(TypeError):
        vectors.index["c"] = 2
    assert given.flags.writeable  # the caller's own array is left as it was
    looked_up = vectors[["a", "b"]]
    looked_up[:] = 7  # a copy
    assert (vectors.vectors == 1).all()


def test_an_array_of_its_type_is_not_copied():
    for dtype in (np.float32, np.float16):
        table = np.ones((3, 2), dtype)
        assert np.shares_memory(WordVectors("abc", table).vectors, table)


@pytest.mark.parametrize(
    ("words", "vectors", "counts", "message"),
    [
        (["a", "b"], np.ones((3, 2)), None, "a row for each of the 2 words"),
        (["a", "b"], np.ones(2), None, r"shape is \(2,\)"),
        ([], np.ones((0, 2)), None, "at least one word"),
        (["a"], np.ones((1, 0)), None, "one column"),
        (["a", "b", "a"], np.ones((3, 2)), None, "'a' occurs more than once"),
        (["a", ""], np.ones((2, 2)), None, "empty"),
        (["a", 5], np.ones((2, 2)), None, "strings"),
        (["a", "\ud800"], np.ones((2, 2)), None, "surrogate"),
        (["a", "b"], [[1, 2], [np.nan, 1]], None, "vector of 'b' holds NaN"),
        (["a", "b"], [[1, 2], [1e300, 1]], None, "vector of 'b' holds"),
        (["a", "b"], np.ones((2, 2)), [1], "counts"),
        (["a", "b"], np.ones((2, 2)), [1.5, 2], "counts"),
        (["a", "b"], np.ones((2, 2)), [1, -2], "counts"),
    ],
)
def test_bad_parts_are_refused(words, vectors, counts, message):
    with pytest.raises(UnlabeledError, match=message):
        WordVectors(words, vectors, counts)


# --- looking up -------------------------------------------------------------------------------------------------------


def test_a_word_gives_a_vector_and_several_give_a_table():
    assert ANIMALS["toad"].tolist() == [3, 2, 0]
    assert ANIMALS[["toad", "frog", "toad"]].tolist() == [[3, 2, 0], [3, 1, 0], [3, 2, 0]]
    assert ANIMALS[[]].shape == (0, 3)


def test_a_misspelt_word_gets_suggestions():
    with pytest.raises(UnlabeledError, match="'forg' is not among the 5 words; did you mean 'frog'"):
        ANIMALS["forg"]
    with pytest.raises(UnlabeledError, match="did you mean 'toad'"):
        ANIMALS[["frog", "Toad"]]
    with pytest.raises(UnlabeledError, match=r"'xyzzyxyz' is not among the 5 words$"):
        ANIMALS.most_similar("xyzzyxyz")


def test_policies_for_unknown_words():
    words = ["frog", "unseen", "toad"]
    assert ANIMALS.lookup(words, oov="zero").tolist() == [[3, 1, 0], [0, 0, 0], [3, 2, 0]]
    assert ANIMALS.lookup(words, oov="skip").tolist() == [[3, 1, 0], [3, 2, 0]]
    assert ANIMALS.lookup(["unseen"], oov="skip").shape == (0, 3)
    made = ANIMALS.lookup(words, oov=lambda word: [len(word), 0, 1])
    assert made.tolist() == [[3, 1, 0], [6, 0, 1], [3, 2, 0]]
    with pytest.raises(UnlabeledError, match="unseen"):
        ANIMALS.lookup(words)


def test_a_subword_model_makes_vectors_of_unseen_words():
    vectors = WordVectors(ANIMALS.words, ANIMALS.vectors, oov=lambda word: ANIMALS[word[:4]])
    assert vectors["froggy"].tolist() == [3, 1, 0]
    assert "froggy" in vectors
    assert "froggy" not in vectors.words
    # The unseen word is no row, so nothing is left out, and its own stem is the nearest.
    assert vectors.most_similar("froggy", k=1)[0].word == "frog"
    assert vectors.similarity("froggy", "frog") == pytest.approx(1)
    for derived in (vectors.subset(["frog", "car"]), vectors.normalised(), vectors.astype(np.float16)):
        assert derived["toadlike"].any()
    with pytest.raises(UnlabeledError, match="not among"):
        vectors.lookup(["froggy"], oov="raise")


def test_in_agrees_with_look_up_whatever_makes_unseen_vectors():
    vectors = WordVectors(ANIMALS.words, ANIMALS.vectors, oov=lambda word: ANIMALS[word[:4]])
    for word in ("frog", "froggy", "xyz", ""):
        if word in vectors:
            assert vectors[word].shape == (3,)
        else:
            with pytest.raises(KeyError):
                vectors[word]
    assert vectors.lookup(["froggy", "xyz", "frog"], oov="skip").tolist() == [[3, 1, 0], [3, 1, 0]]
    assert 3 not in vectors
    assert "xyz" not in WordVectors(ANIMALS.words, ANIMALS.vectors, oov="zero")
    assert list(vectors) == list(ANIMALS.words)


def test_normalised_vectors_of_unseen_words_have_unit_length_too():
    vectors = WordVectors(ANIMALS.words, ANIMALS.vectors, oov=lambda word: ANIMALS[word[:4]]).normalised()
    for word in ("frog", "froggy", "toadlike"):
        assert np.linalg.norm(vectors[word]) == pytest.approx(1, abs=1e-6)


def test_a_failed_look_up_is_a_key_error_and_looks_for_suggestions_only_when_shown(monkeypatch):
    vectors = WordVectors(ANIMALS.words, ANIMALS.vectors)
    asked = []
    nearest = Vocabulary.nearest
    monkeypatch.setattr(Vocabulary, "nearest", lambda self, word: asked.append(word) or nearest(self, word))
    for look_up in (
        lambda: vectors["forg"],
        lambda: vectors.subset(["forg"]),
        lambda: vectors.similarity("frog", "forg"),
    ):
        asked.clear()
        with pytest.raises(KeyError) as caught:
            look_up()
        assert isinstance(caught.value, UnlabeledError)
        assert asked == []
        assert "did you mean 'frog'" in str(caught.value)
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
        assert asked == ["forg"]


def test_sums_of_words_are_searched_by():
    for method in (lambda **words: ANIMALS.most_similar(**words), lambda **words: ANIMALS.most_similar(k=10, **words)):
        found = method(positive=["frog", "toad"], negative="car")
        assert {neighbour.word for neighbour in found} == set(ANIMALS.words) - {"frog", "toad", "car"}
    unit = ANIMALS.normalised()
    total = unit["frog"] + unit["toad"] - unit["car"]
    for neighbour in found:
        cosine = unit[neighbour.word] @ total / np.linalg.norm(total)
        assert neighbour.similarity == pytest.approx(cosine, abs=1e-6)
    assert ANIMALS.most_similar(positive="frog") == ANIMALS.most_similar("frog")
    by_vector = ANIMALS.most_similar(positive=[ANIMALS["frog"]], k=1)
    assert by_vector[0].word == "frog"
    assert {n.word for n in ANIMALS.most_similar("frog", restrict=3)} == set(ANIMALS.words[:3]) - {"frog"}
    for wrong in ({}, {"query": "frog", "positive": ["toad"]}, {"query": "frog", "restrict": 0}):
        with pytest.raises(UnlabeledError, match=r"either a query, or|restrict must be"):
            ANIMALS.most_similar(**wrong)


def test_the_odd_word_out_and_the_similarity_of_lists():
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in range(6)]
    vectors = WordVectors(words, rng.normal(size=(6, 4)))
    unit = [vectors[word] / np.linalg.norm(vectors[word]) for word in words]
    mean = sum(unit) / 6
    assert vectors.doesnt_match(words) == words[int(np.argmin([vector @ mean for vector in unit]))]
    a, b = (np.mean([vectors[word] for word in part], axis=0) for part in (words[:2], words[2:]))
    expected = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    assert vectors.n_similarity(words[:2], words[2:]) == pytest.approx(expected, abs=1e-6)
    for wrong in (lambda: vectors.doesnt_match([]), lambda: vectors.n_similarity(["w0"], "w1")):
        with pytest.raises(UnlabeledError, match="at least one word"):
            wrong()


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: ANIMALS.lookup("frog"), r"write \['frog'\]"),
        (lambda: ANIMALS.lookup(["x"], oov="zeros"), "did you mean 'zero'"),
        (lambda: ANIMALS.lookup(["x"], oov=lambda word: [1, 2]), r"made \(2,\) numbers for 'x'"),
        (lambda: ANIMALS[[3]], "a word is a string, not 3"),
        (lambda: ANIMALS[3], "takes several words, got 3"),
        (lambda: WordVectors(["a"], [[1]], oov="skip"), "look-up of several"),
        (lambda: WordVectors(["a"], [[1]], oov="ignore"), "unknown policy"),
        (lambda: ANIMALS.most_similar("frog", k=0), "k must be a whole number of at least 1"),
        (lambda: ANIMALS.most_similar(np.ones(4)), "3 finite numbers"),
        (lambda: ANIMALS.most_similar(np.array([1, np.nan, 2])), "3 finite numbers"),
        (lambda: ANIMALS.most_similar(np.array(["frog"])), "3 finite numbers"),
        (lambda: ANIMALS.analogy("frog", minus="toad", plus="newt", method="3CosSub"), "did you mean '3Cos"),
        (lambda: ANIMALS.analogy("frog", minus="toad", plus="net"), "did you mean 'newt'"),
        (lambda: ANIMALS.analogy("frog", minus=["toad"], plus="newt"), r"a word is a string, not \['toad'\]"),
        (lambda: ANIMALS.synonym("frog", []), "at least one word"),
        (lambda: ANIMALS.synonym("frog", "toad"), "at least one word"),
        (lambda: ANIMALS.subset(["frog", "nwet"]), "did you mean 'newt'"),
        (lambda: ANIMALS.subset(["frog", "frog"]), "more than once"),
        (lambda: ANIMALS.subset([]), "at least one word"),
        (lambda: ANIMALS.astype(np.float64), "float32 or float16"),
        (lambda: WordVectors(["a"], [[1e6]]).astype(np.float16), "vector of 'a' holds"),
    ],
)
def test_bad_questions_are_refused(act, message):
    with pytest.raises(UnlabeledError, match=message):
        act()


# --- comparing and searching ------------------------------------------------------------------------------------------


def test_similarity_is_the_cosine():
    assert ANIMALS.similarity("frog", "toad") == pytest.approx(11 / math.sqrt(130))
    assert ANIMALS.similarity("frog", "frog") == pytest.approx(1)
    assert ANIMALS.similarity("frog", "the") == 0


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 9999),
    n=st.integers(1, 14),
    k=st.integers(1, 20),
    tile=st.integers(1, 5),
    numbers=st.integers(1, 60),
    dtype=st.sampled_from([np.float32, np.float16]),
)
def test_the_most_similar_are_those_of_a_loop(seed, n, k, tile, numbers, dtype):
    vectors = random_vectors(seed, n, dtype=dtype)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nearest_words, "TILE", tile)
        patch.setattr(nearest_words, "NUMBERS", numbers)
        found = vectors.most_similar(list(vectors.words), k)
        by_vector = vectors.most_similar(np.asarray(vectors.vectors), k)
    for i, word in enumerate(vectors.words):
        scored = sorted(((-cosine(vectors[word], vectors[w]), j) for j, w in enumerate(vectors.words)))
        others = [(vectors.words[j], -s) for s, j in scored if j != i][:k]
        assert [neighbour.word for neighbour in found[i]] == [w for w, _ in others]
        assert [neighbour.similarity for neighbour in found[i]] == pytest.approx([s for _, s in others], abs=1e-6)
        # A vector is not a word: its own word is among the answers.
        assert [neighbour.word for neighbour in by_vector[i]] == [vectors.words[j] for _, j in scored][:k]


def test_one_query_and_several():
    one = ANIMALS.most_similar("frog", k=2)
    assert [neighbour.word for neighbour in one] == ["toad", "newt"]
    assert ANIMALS.most_similar(["frog", "car"], k=2)[0] == one
    assert ANIMALS.most_similar(ANIMALS["frog"], k=1)[0].word == "frog"
    assert len(ANIMALS.most_similar("frog", k=100)) == 4
    assert ANIMALS.most_similar([], k=2) == []


def test_results_print_well():
    word, similarity = ANIMALS.most_similar("frog", k=1)[0]
    assert str(ANIMALS.most_similar("frog", k=1)) == "[('toad', 0.9648)]"
    assert (word, round(similarity, 4)) == ("toad", 0.9648)


def test_words_at_the_same_distance_come_in_their_order():
    vectors = WordVectors("abcdefgh", np.tile([[1.0, 2.0]], (8, 1)))
    assert [neighbour.word for neighbour in vectors.most_similar("c", k=4)] == ["a", "b", "d", "e"]


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_lengths_neither_overflow_nor_vanish(scale):
    table = np.array([[3, 1], [3, 2], [-1, 3]]) * scale
    vectors = WordVectors(["cat", "dog", "car"], table)
    assert vectors.most_similar("cat", k=1)[0] == pytest.approx(("dog", cosine([3, 1], [3, 2])))


def analogy_loop(vectors, word, minus, plus, method):
    scored = []
    for place, x in enumerate(vectors.words):
        w, m, p = (cosine(vectors[x], vectors[asked]) for asked in (word, minus, plus))
        score = w - m + p if method == "3CosAdd" else (w + 1) / 2 * (p + 1) / 2 / ((m + 1) / 2 + 0.001)
        if x not in (word, minus, plus):
            scored.append((-score, place))
    return [(vectors.words[place], -score) for score, place in sorted(scored)]


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 9999),
    n=st.integers(3, 14),
    method=st.sampled_from(["3CosAdd", "3CosMul"]),
    tile=st.integers(1, 5),
    numbers=st.integers(1, 400),
)
def test_analogies_are_those_of_a_loop(seed, n, method, tile, numbers):
    vectors, rng = random_vectors(seed, n), np.random.default_rng(seed)
    questions = rng.integers(0, n, size=(9, 3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nearest_words, "TILE", tile)
        patch.setattr(nearest_words, "NUMBERS", numbers)
        answers = nearest_words.solve_analogies(vectors.vectors, vectors.lengths, questions, method)
    for (a, b, c), answer in zip(questions, answers, strict=True):
        minus, word, plus = (vectors.words[row] for row in (a, b, c))
        expected = analogy_loop(vectors, word, minus, plus, method)
        found = vectors.analogy(word, minus=minus, plus=plus, method=method, k=50)
        assert [neighbour.word for neighbour in found] == [w for w, _ in expected]
        assert answer == (vectors.index[expected[0][0]] if expected else -1)
        if method == "3CosMul":
            assert [n.similarity for n in found] == pytest.approx([s for _, s in expected], rel=1e-4, abs=1e-6)


def test_the_analogy_of_the_lecture():
    words = ["king", "queen", "man", "woman", "apple"]
    vectors = WordVectors(words, [[2, 1, 0.1], [2, 3, 0.1], [0, 1, 0.1], [0, 3, 0.1], [0.5, 0.5, 3]])
    for method in ("3CosAdd", "3CosMul"):
        assert vectors.analogy("king", minus="man", plus="woman", method=method)[0].word == "queen"


def test_the_similarity_of_an_analogy_is_a_cosine():
    vectors = random_vectors(5)
    unit = {word: vectors[word] / np.linalg.norm(vectors[word]) for word in vectors.words}
    target = unit["w0"] - unit["w1"] + unit["w2"]
    for neighbour in vectors.analogy("w0", minus="w1", plus="w2", k=3):
        assert neighbour.similarity == pytest.approx(cosine(target, vectors[neighbour.word]), abs=1e-5)


def test_without_excluding_its_words_an_analogy_would_answer_with_them():
    # The trap of the task: the nearest word to king − man + woman is often king.
    vectors = WordVectors(["king", "queen", "man", "woman"], [[5, 1], [1, 2], [1, 0.5], [1, 0.6]])
    target = vectors["king"] - vectors["man"] + vectors["woman"]
    assert vectors.most_similar(target, k=1)[0].word == "king"
    assert [n.word for n in vectors.analogy("king", minus="man", plus="woman")] == ["queen"]


def test_synonym_chooses_the_nearest_and_the_first_of_equals():
    assert ANIMALS.synonym("frog", ["car", "toad", "newt"]).word == "toad"
    assert ANIMALS.synonym("frog", ["car", "toad", "newt"]).similarity == pytest.approx(11 / math.sqrt(130))
    assert ANIMALS.synonym("the", ["car", "newt"]).word == "car"  # zeros are equally far from everything


# --- deriving ---------------------------------------------------------------------------------------------------------


def test_subset_keeps_the_order_asked_for():
    some = ANIMALS.subset(["car", "frog"])
    assert some.words == ("car", "frog")
    assert some.vectors.tolist() == [[-1, 0, 5], [3, 1, 0]]
    assert some.counts.tolist() == [3, 12]


def test_normalised_vectors_have_unit_length():
    unit = ANIMALS.normalised()
    assert np.linalg.norm(unit.vectors, axis=1) == pytest.approx([0, 1, 1, 1, 1])
    assert [n.word for n in unit.most_similar("frog")] == [n.word for n in ANIMALS.most_similar("frog")]
    assert unit.counts.tolist() == ANIMALS.counts.tolist()


def test_half_precision_halves_the_memory_and_keeps_the_answers():
    vectors = random_vectors(0, n=200, dim=20)
    half = vectors.astype(np.float16)
    assert half.vectors.nbytes * 2 == vectors.vectors.nbytes
    assert half["w3"].dtype == np.float16
    assert half.most_similar("w3")[0].word == vectors.most_similar("w3")[0].word
    # Half precision rounds each number by at most 2⁻¹¹ of itself, and a cosine of 20 of them hardly more.
    assert half.similarity("w3", "w4") == pytest.approx(vectors.similarity("w3", "w4"), abs=2e-3)


@pytest.mark.parametrize("frozen", [True, False])
def test_it_is_the_input_layer_of_a_network(frozen):
    import torch

    layer = ANIMALS.to_embedding(frozen=frozen)
    assert isinstance(layer, torch.nn.Embedding)
    assert layer(torch.tensor([[ANIMALS.index["toad"], 0]])).tolist() == [[[3, 2, 0], [0, 0, 0]]]
    assert layer.weight.requires_grad is not frozen
    with torch.no_grad():
        layer.weight += 1
    assert ANIMALS["toad"].tolist() == [3, 2, 0]  # the layer has memory of its own
    assert ANIMALS.astype(np.float16).to_embedding().weight.dtype == torch.float32


def test_a_vector_of_nan_on_disk_is_found_when_it_is_searched(tmp_path):
    table = np.memmap(tmp_path / "table", np.float32, "w+", shape=(2, 2))
    table[:] = [[1, 2], [np.nan, 1]]
    vectors = WordVectors(["a", "b"], table)
    assert vectors["a"].tolist() == [1, 2]
    with pytest.raises(UnlabeledError, match="vector of 'b' holds NaN"):
        vectors.most_similar("a")


def test_looking_up_words_does_not_load_torch():
    code = (
        "import sys; from unlabeled.methods.words.word_vectors import WordVectors as W; "
        "v = W(['a', 'b'], [[1, 2], [2, 1]]); v.most_similar('a'); v.save(sys.argv[1]); W.load(sys.argv[1]); "
        "assert not {'torch', 'scipy', 'numba'} & set(sys.modules), sorted(sys.modules)"
    )
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-c", code, f"{folder}/v.txt"], check=True)
