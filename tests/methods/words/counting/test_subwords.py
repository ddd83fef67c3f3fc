from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import unlabeled
from unlabeled.errors import UnlabeledError
from unlabeled.kernels.random import seeded
from unlabeled.kernels.words.negative_cbow import negative_cbow
from unlabeled.kernels.words.ngrams import compose, distribute
from unlabeled.kernels.words.sampling import negatives_table
from unlabeled.methods.words.cbow import CBOW
from unlabeled.methods.words.counting.ngram_hashes import ngram_hashes
from unlabeled.methods.words.counting.subwords import PIECE, Subwords
from unlabeled.methods.words.counting.unseen_words import BUCKETS
from unlabeled.methods.words.prediction.training import padded
from unlabeled.methods.words.skip_gram import SkipGram


def slow_ngrams(word, shortest, longest):
    marked, runs = f"<{word}>", []
    for i in range(len(marked)):
        for j in range(i + 1, len(marked) + 1):
            if shortest <= j - i <= longest and (i, j) not in [(0, 1), (len(marked) - 1, len(marked))]:
                runs.append(marked[i:j])  # a mark alone is none
    return runs


def fnv1a(text):
    h = 2166136261
    for byte in text.encode():
        signed = byte - 256 if byte > 127 else byte
        h = ((h ^ signed) & 0xFFFFFFFF) * 16777619 & 0xFFFFFFFF
    return h


def test_the_slow_hash_is_fnv_1a():
    assert fnv1a("a") == 0xE40C292C  # from the test vectors of Fowler, Noll & Vo
    assert fnv1a("foobar") == 0xBF9CF968


@settings(deadline=None)
@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), min_size=1, max_size=5),
    st.integers(1, 4),
    st.integers(0, 3),
)
def test_hashes_are_those_of_all_runs_of_characters(words, shortest, more):
    ends, hashes = ngram_hashes(words, shortest, shortest + more, BUCKETS)
    starts = [0, *ends[:-1]]
    for word, start, end in zip(words, starts, ends, strict=True):
        expected = [fnv1a(run) for run in slow_ngrams(word, shortest, shortest + more)]
        assert sorted(hashes[start:end].tolist()) == sorted(h % BUCKETS for h in expected)


WORDS = ["walking", "walked", "naïve", "a", "king", "walking-stick"]


def parts_matrix(words, subwords):
    """Give the dense matrix A with v = A z."""
    numbers = {h: row for row, h in enumerate(subwords.hashes.tolist())}
    a = np.zeros((len(words), len(words) + len(numbers)))
    for w, word in enumerate(words):
        rows = [w] + [len(words) + numbers[fnv1a(run) % BUCKETS] for run in slow_ngrams(word, 3, 6)]
        for row in rows:
            a[w, row] += 1 / np.sqrt(len(rows))
    return a


def test_composing_is_a_matrix_and_its_gradient_the_transpose():
    subwords = Subwords.of(WORDS, 3, 6)
    a, rng = parts_matrix(WORDS, subwords), np.random.default_rng(0)
    z = rng.normal(size=(a.shape[1], 16)).astype(np.float32)
    np.testing.assert_allclose(subwords.composed(z), a @ z, atol=1e-5)
    some = np.array([4, 1, 5], np.int32)
    vectors = np.zeros((len(WORDS), 16), np.float32)
    compose(z, some, subwords.starts, subwords.rows, vectors)
    np.testing.assert_allclose(vectors[some], (a @ z)[some], atol=1e-5)
    moved = rng.normal(size=(len(WORDS), 16)).astype(np.float32)
    expected = z + a[some].T @ moved[some]
    distribute(vectors[some], vectors + moved, some, subwords.starts, subwords.rows, z)
    np.testing.assert_allclose(z, expected, atol=1e-5)
    # A word alone moves exactly as far as its step would move a vector of its own, where no n-gram is its own twice.
    assert (a @ a.T)[0, 0] == pytest.approx(1)


def test_a_piece_trains_the_parts_of_its_words_by_the_kernel_of_words():
    subwords, counts = Subwords.of(WORDS, 3, 6), np.array([9, 8, 7, 6, 5, 4])
    a, rng = parts_matrix(WORDS, subwords), np.random.default_rng(1)
    z, outputs = padded(a.shape[1], 16), padded(len(WORDS), 16)
    z[:], outputs[:] = rng.normal(size=z.shape), rng.normal(size=outputs.shape)
    tokens, sentences = rng.integers(6, size=40).astype(np.int32), np.array([0, 12, 13, 40])
    tables = (negatives_table(counts), 5, 16)
    vectors, same_outputs = padded(len(WORDS), 16), outputs.copy()
    vectors[:] = a @ z
    before = vectors.copy()
    negative_cbow(16)(tokens, sentences, vectors, same_outputs, tables, 3, np.float32(0.05), seeded(0, 0))
    expected = z + a.T @ (vectors - before)
    trained = subwords.wrapped(negative_cbow(16))
    assert trained(tokens, sentences, z, outputs, tables, 3, np.float32(0.05), seeded(0, 0)) == 40
    np.testing.assert_allclose(z, expected, atol=1e-4)
    np.testing.assert_allclose(outputs, same_outputs, atol=1e-4)


def test_pieces_cover_long_and_short_sentences():
    """Every word of a text far longer than a piece is trained once: the kernel is one that counts."""
    subwords, seen = Subwords.of(WORDS, 3, 6), []

    def kernel(tokens, sentences, vectors, outputs, tables, window, rate, state):
        assert sentences[0] == 0
        assert sentences[-1] == len(tokens) <= PIECE
        assert (np.diff(sentences) > 0).all()
        seen.extend(vectors[tokens, 0].tolist())
        return len(tokens)

    rng = np.random.default_rng(0)
    sentences = np.cumsum([0, 3, 2 * PIECE + 7, 1, PIECE - 1, 40])
    tokens = rng.integers(6, size=sentences[-1]).astype(np.int32)
    z = padded(6 + len(subwords.hashes), 16)
    z[:6, 0] = np.arange(6)
    subwords.wrapped(kernel)(tokens, sentences, z, z, (), 5, np.float32(0.1), seeded(0, 0))
    np.testing.assert_allclose(seen, subwords.composed(z)[tokens, 0])


def inflected(sentences=1500, seed=0):
    """Sentences in which a stem goes with words of its own, whatever its ending."""
    rng = np.random.default_rng(seed)
    stems = ["walk", "jump", "paint", "cook"]
    text = []
    for _ in range(sentences):
        k = rng.integers(4)
        word = stems[k] + ["ing", "ed", "er"][rng.integers(3)]
        text.append([word, *(f"{'wxyz'[k]}{n}" for n in rng.integers(5, size=5))])
    return text


@pytest.mark.parametrize("method", [CBOW, SkipGram])
def test_unseen_words_are_near_those_with_the_same_parts(method, tmp_path):
    model = method(
        dim=16, min_count=1, subsample=None, subwords=(3, 6), epochs=8, random_state=0, workers=1, progress=False
    ).fit(inflected())
    for stem in ("walk", "jump", "paint", "cook"):
        assert f"{stem}s" not in model.vectors_.words
        assert f"{stem}s" in model.vectors_
        near = model.vectors_.most_similar(f"{stem}s", k=3)
        assert {neighbour.word for neighbour in near} == {f"{stem}ing", f"{stem}ed", f"{stem}er"}
    model.save(tmp_path / "model")
    loaded = unlabeled.load(tmp_path / "model")
    assert np.array_equal(loaded.transform(["walks", "walked"]), model.transform(["walks", "walked"]))
    assert loaded.get_params() == model.get_params()


def test_a_word_without_any_ngram_is_refused_by_name():
    model = CBOW(
        dim=8, min_count=1, subsample=None, subwords=(4, 5), epochs=1, random_state=0, workers=1, progress=False
    ).fit([["walking", "walked", "king"]] * 20)
    with pytest.raises(UnlabeledError, match=r"'x' is not in the vocabulary.*no n-gram"):
        model.transform(["x"])


def test_where_no_word_has_an_ngram_unseen_words_have_no_vector():
    model = CBOW(dim=4, min_count=1, subwords=(7, 9), subsample=None, random_state=0, progress=False)
    vectors = model.fit([["a", "b"]] * 20).vectors_
    assert "abcdefghij" not in vectors
    with pytest.raises(UnlabeledError, match="no n-gram in common"):
        vectors["abcdefghij"]
