"""Counting against slow loops with exact fractions, cut into however many parts."""

from __future__ import annotations

import errno
import math
import os
import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

import unlabeled
from unlabeled.data import spool
from unlabeled.data.text.indexing.corpus import Corpus
from unlabeled.errors import UnlabeledError
from unlabeled.kernels.words.cooccurrence_counts import WIDEST
from unlabeled.methods.words.counting.cooccurrence import _weights, bytes_of, cooccurrence
from unlabeled.methods.words.prediction.conditional_probabilities import conditional_probabilities
from unlabeled.training.control import progress

LECTURE = ["I like deep learning .", "I like NLP .", "I enjoy flying ."]
LECTURE_WORDS = ["I", "like", "enjoy", "deep", "learning", "NLP", "flying", "."]
LECTURE_MATRIX = [
    [0, 2, 1, 0, 0, 0, 0, 0],
    [2, 0, 0, 1, 0, 1, 0, 0],
    [1, 0, 0, 0, 0, 0, 1, 0],
    [0, 1, 0, 0, 1, 0, 0, 0],
    [0, 0, 0, 1, 0, 0, 0, 1],
    [0, 1, 0, 0, 0, 0, 0, 1],
    [0, 0, 1, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 1, 1, 1, 0],
]


def encoded(sentences: list[list[str]]) -> Corpus:
    return Corpus.encode([[str(word) for word in sentence] for sentence in sentences])


def slow(corpus: Corpus, window: int, symmetric: bool, weighting: str) -> dict[tuple[int, int], Fraction]:
    """Count by the definition: every two places of a sentence that are near enough."""
    counts: dict[tuple[int, int], Fraction] = {}
    for first, last in zip(corpus.offsets, corpus.offsets[1:], strict=False):
        sentence = corpus.ids[first:last].tolist()
        for s, word in enumerate(sentence):
            for t, other in enumerate(sentence):
                near = t != s and abs(t - s) <= window and (symmetric or t < s)
                if near:
                    weight = Fraction(1, abs(t - s)) if weighting == "inverse" else Fraction(1)
                    counts[word, other] = counts.get((word, other), Fraction(0)) + weight
    return counts


def as_dict(X: csr_array) -> dict[tuple[int, int], float]:
    rows = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr)).tolist()
    return dict(zip(zip(rows, X.indices.tolist(), strict=True), X.data.tolist(), strict=True))


def test_the_lectures_matrix_is_reproduced_exactly():
    X = unlabeled.cooccurrence([sentence.split() for sentence in LECTURE], window=1)
    corpus = Corpus.encode([sentence.split() for sentence in LECTURE])
    order = [corpus.vocabulary.index[word] for word in LECTURE_WORDS]
    assert X.toarray()[np.ix_(order, order)].tolist() == LECTURE_MATRIX


def test_the_lectures_probabilities():
    corpus = Corpus.encode([sentence.split() for sentence in LECTURE])
    P = conditional_probabilities(cooccurrence(corpus, window=1)).toarray()
    i, like, enjoy = (corpus.vocabulary.index[word] for word in ("I", "like", "enjoy"))
    assert P[i, like] == 2 / 3
    assert P[i, enjoy] == 1 / 3
    np.testing.assert_allclose(P.sum(axis=1), 1, rtol=1e-15)


def test_a_word_without_neighbours_has_no_probabilities():
    P = conditional_probabilities(cooccurrence([["a", "a"], ["alone"]], window=2))
    assert P.toarray().tolist() == [[1, 0], [0, 0]]


def test_a_word_beside_itself_is_counted_from_both_places():
    assert cooccurrence([["a", "a", "a"]], window=2).toarray().tolist() == [[5]]  # 4 at distance 1, 2 at distance 2


def test_left_only_is_what_stands_to_the_left():
    X = cooccurrence([["a", "b", "c"]], window=2, symmetric=False)
    assert X.toarray().tolist() == [[0, 0, 0], [1, 0, 0], [0.5, 1, 0]]


sentences = st.lists(st.lists(st.integers(0, 70), min_size=1, max_size=25), min_size=1, max_size=12)


@settings(deadline=None, max_examples=150)
@given(
    sentences=sentences,
    window=st.integers(1, 30),
    symmetric=st.booleans(),
    weighting=st.sampled_from(["inverse", "flat"]),
    memory=st.sampled_from(["1GB", 4000, 300, 64]),
    workers=st.integers(1, 3),
)
def test_counts_are_those_of_a_slow_loop(sentences, window, symmetric, weighting, memory, workers):
    corpus = encoded(sentences)
    X = cooccurrence(corpus, window=window, symmetric=symmetric, weighting=weighting, memory=memory, workers=workers)
    expected = slow(corpus, window, symmetric, weighting)
    assert X.dtype == np.float64
    assert X.has_sorted_indices
    counted = as_dict(X)
    assert counted.keys() == expected.keys()
    for cell, value in expected.items():
        if window <= 22:
            assert counted[cell] == float(value)  # exact, then rounded once
        else:  # weights are rounded to 2⁻³², so a sum is off by at most half of that for each of its terms
            assert abs(counted[cell] - value) <= 2**-33 * 25 * 12


@pytest.mark.parametrize("symmetric", [True, False])
def test_parts_files_and_threads_do_not_change_a_bit(symmetric, monkeypatch):
    rng = np.random.default_rng(0)
    text = [rng.zipf(1.3, size=rng.integers(1, 60)).clip(max=900).tolist() for _ in range(500)]
    corpus = encoded(text)
    whole = cooccurrence(corpus, window=10, symmetric=symmetric, workers=1)
    monkeypatch.setattr(spool, "IN_MEMORY", 1000)
    for memory in ("4MB", "300KB", "20KB"):
        for workers in (1, 3):
            X = cooccurrence(corpus, window=10, symmetric=symmetric, memory=memory, workers=workers)
            assert np.array_equal(X.indptr, whole.indptr)
            assert np.array_equal(X.indices, whole.indices)
            assert np.array_equal(X.data, whole.data)
    assert whole.sum() == pytest.approx(sum(slow(corpus, 10, symmetric, "inverse").values()), rel=1e-12)


@pytest.mark.parametrize("memory", ["1GB", "2KB"])
def test_progress_counts_every_word_and_again_where_parts_are_merged(memory, monkeypatch, capsys):
    monkeypatch.setattr(progress, "APART", -1)
    corpus = encoded([list(range(30)) * 2 for _ in range(20)])
    cooccurrence(corpus, memory=memory, workers=2, progress=True)
    found = re.findall(r"counting neighbours: step ([\d,]+) of ([\d,]+)", capsys.readouterr().err)
    steps, total = ([int(number.replace(",", "")) for number in numbers] for numbers in zip(*found, strict=True))
    assert set(total) == {1200 if memory == "1GB" else 2400}
    assert steps == sorted(steps)
    assert len(steps) > 5
    assert steps[-1] == total[-1]


def test_a_full_disk_is_reported_with_what_it_could_not_hold(monkeypatch):
    def full(*arguments, **keywords):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    corpus = encoded([list(range(30))])
    monkeypatch.setattr(spool, "IN_MEMORY", 0)
    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with pytest.raises(UnlabeledError, match=r"no room for the counts of words near each other in .*TMPDIR"):
        cooccurrence(corpus)


def test_so_many_nonzeros_that_32_bits_cannot_number_them(monkeypatch):
    corpus = encoded([list(range(30)) * 2])
    usual = cooccurrence(corpus)
    assert usual.indices.dtype == usual.indptr.dtype == np.int32
    monkeypatch.setattr("unlabeled.methods.words.counting.cooccurrence.WIDE", 1)
    wide = cooccurrence(corpus)
    assert wide.indices.dtype == wide.indptr.dtype == np.int64
    assert as_dict(wide) == as_dict(usual)


def test_a_text_without_neighbours_is_an_empty_matrix():
    for memory in ("1GB", 16):
        assert cooccurrence([["a"], ["b"], ["a"], ["a"]], memory=memory).toarray().tolist() == [[0, 0], [0, 0]]


def test_one_long_sentence_may_be_cut_into_parts_and_nothing_is_lost():
    rng = np.random.default_rng(1)
    corpus = encoded([rng.integers(0, 50, 1500).tolist()])
    X = cooccurrence(corpus, window=5, memory=2000)
    assert as_dict(X) == {cell: float(value) for cell, value in slow(corpus, 5, True, "inverse").items()}


def test_a_large_vocabulary_with_rare_words():
    # Columns are put in order by two levels of 64 bits each: words on both sides of 64, 4096 and 8192.
    corpus = encoded([[word] for word in range(9000)] + [[0, 63, 64, 4095, 4096, 4097, 8191, 8192, 8999]])
    X = cooccurrence(corpus, window=8, weighting="flat")
    assert as_dict(X) == {cell: float(value) for cell, value in slow(corpus, 8, True, "flat").items()}


def test_the_unit_makes_all_weights_whole_or_nearly():
    for window in range(1, 60):
        unit, weights = _weights(window, "inverse", 1000)
        error = max(abs(Fraction(int(weights[d]), unit) - Fraction(1, d)) for d in range(1, window + 1))
        assert error == 0 if window <= 22 else error <= Fraction(1, 2**33)
    unit, weights = _weights(10, "inverse", 2**60)  # so many that the sum of thousandths would not fit
    assert unit * 2**60 < 2**63
    assert math.log2(unit) % 1 == 0


def test_a_word_left_out_brings_its_neighbours_together():
    corpus = Corpus.encode([["a", "rare", "b"], ["a", "b"]], min_count=2)
    assert cooccurrence(corpus, window=1).toarray().tolist() == [[0, 2], [2, 0]]


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"window": 0}, f"window must be a whole number from 1 to {WIDEST}, got 0"),
        ({"window": 2.0}, "window must be a whole number"),
        ({"window": WIDEST + 1}, "window must be a whole number"),
        ({"weighting": "inverted"}, "did you mean 'inverse'"),
        ({"memory": "much"}, "memory must be a number of bytes or an amount such as '500MB'"),
        ({"memory": 0}, "memory must be"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused_in_words(setting, says):
    with pytest.raises(UnlabeledError, match=says):
        cooccurrence([["a", "b"]], **setting)


@pytest.mark.parametrize(("text", "number"), [("64", 64), ("2 kb", 2048), ("1.5M", 3 << 19), ("1GiB", 1 << 30)])
def test_amounts_of_memory(text, number):
    assert bytes_of(text) == number
