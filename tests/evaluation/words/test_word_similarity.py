from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from unlabeled import OneHot, WordVectors
from unlabeled.errors import UnlabeledError
from unlabeled.evaluation import word_similarity
from unlabeled.evaluation.words.word_similarity import correlation_interval, read_pairs, spearman

VECTORS = WordVectors(["cat", "dog", "car", "Paris"], [[3, 1], [3, 2], [-1, 3], [0, 1]])
PAIRS = [("cat", "dog", 8.0), ("dog", "car", 3.0), ("cat", "car", 2.0)]


def slow_spearman(a, b):
    def ranks(values):
        return [sum(w < v for w in values) + (sum(w == v for w in values) + 1) / 2 for v in values]

    (x, y), n = (ranks(a), ranks(b)), len(a)
    mx, my = sum(x) / n, sum(y) / n
    top = sum((p - mx) * (q - my) for p, q in zip(x, y, strict=True))
    return top / (sum((p - mx) ** 2 for p in x) * sum((q - my) ** 2 for q in y)) ** 0.5


@settings(deadline=None, max_examples=80)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=15))
def test_spearman_with_ties_is_that_of_a_loop_and_of_scipy(pairs):
    from scipy.stats import spearmanr

    a, b = np.array(pairs, float).T
    assume(len(set(a)) > 1 and len(set(b)) > 1)
    assert spearman(a, b) == pytest.approx(slow_spearman(a.tolist(), b.tolist()), abs=1e-12)
    assert spearman(a, b) == pytest.approx(spearmanr(a, b).statistic, abs=1e-12)


def test_exact_values():
    assert word_similarity(VECTORS, PAIRS).correlation == pytest.approx(1)
    reversed_scores = [(a, b, -score) for a, b, score in PAIRS]
    assert word_similarity(VECTORS, reversed_scores).correlation == pytest.approx(-1)
    # Ranks of scores 1, 2.5, 2.5 with those of cosines 3, 2, 1: deviations −1, ½, ½ and 1, 0, −1.
    tied = [("cat", "dog", 1.0), ("dog", "car", 3.0), ("cat", "car", 3.0)]
    assert word_similarity(VECTORS, tied).correlation == pytest.approx(-1.5 / (1.5 * 2) ** 0.5)


def test_orthogonal_words_are_all_alike_so_nothing_is_correlated():
    words = [[f"w{i}" for i in range(9)]]
    pairs = [(f"w{i}", f"w{i + 1}", float(i)) for i in range(8)]
    found = word_similarity(OneHot(min_count=1).fit(words).vectors_, pairs)
    assert (found.correlation, found.interval) == (None, None)
    assert "undefined" in str(found)


def test_rounding_does_not_break_ties():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(1, 50)) * rng.uniform(0.1, 9, size=(20, 1))  # all in one direction
    vectors = WordVectors([f"w{i}" for i in range(20)], rows.astype(np.float32))
    pairs = [(f"w{i}", f"w{i + 1}", float(i)) for i in range(19)]
    assert word_similarity(vectors, pairs).correlation is None


def test_pairs_with_unknown_words_are_left_out_and_counted():
    found = word_similarity(VECTORS, [*PAIRS, ("cat", "unicorn", 9.0)])
    assert found.correlation == pytest.approx(1)
    assert (found.n_judged, found.n_pairs, found.coverage, found.unknown) == (3, 4, 0.75, ("unicorn",))
    assert json.loads(json.dumps(found.to_dict()))["coverage"] == 0.75
    assert str(found) == "pairs: Spearman 1.000 on 3 of 4 pairs"


def test_case_is_ignored_unless_told_otherwise():
    pairs = [("Cat", "DOG", 8.0), ("dog", "car", 3.0), ("paris", "car", 2.0)]
    assert word_similarity(VECTORS, pairs).n_judged == 3
    assert word_similarity(VECTORS, pairs, ignore_case=False).n_judged == 1
    # Of words that differ only in case the first, which is the most frequent, stands for all.
    both = WordVectors(["Apple", "apple", "pear", "phone"], [[1, 0], [0, 1], [0, 1], [1, 0]])
    pairs = [("apple", "pear", 9.0), ("apple", "phone", 1.0), ("pear", "phone", 0.0)]
    assert word_similarity(both, pairs).correlation < word_similarity(both, pairs, ignore_case=False).correlation


def test_a_subword_model_knows_every_word():
    vectors = WordVectors(VECTORS.words, VECTORS.vectors, oov=lambda word: [1, len(word)])
    assert word_similarity(vectors, [*PAIRS, ("cat", "unicorn", 9.0)]).n_judged == 4


@pytest.mark.parametrize(
    "content",
    [
        "cat\tdog\t8.0\ndog\tcar\t3\ncat\tcar\t2\n",
        "# a comment\n# Word 1\tWord 2\tHuman\ncat\tdog\t8.0\n\ndog\tcar\t3\ncat\tcar\t2",
        "Word 1,Word 2,Human (mean)\ncat,dog,8.0\ndog,car,3\ncat,car,2\n",
        "word1;word2;score\r\ncat;dog;8.0\r\ndog;car;3\r\ncat;car;2\r\n",
        "cat dog 8.0\ndog car 3\ncat car 2\n",
        'w1,w2,s\n"cat","dog",8.0\n"dog","car",3\n"cat","car",2\n',
        "word1\tword2\tPOS\tSimLex999\tconc(w1)\ncat\tdog\tN\t8.0\t4\ndog\tcar\tN\t3\t5\ncat\tcar\tN\t2\t1\n",
        "\ufeffcat\tdog\t8.0\ndog\tcar\t3\ncat\tcar\t2\n",
    ],
)
def test_files_are_read_as_they_come(content, tmp_path):
    path = tmp_path / "test.tsv"
    path.write_bytes(content.encode())
    assert [tuple(pair) for pair in read_pairs(path)] == PAIRS
    assert word_similarity(VECTORS, path).name == "test.tsv"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("cat\tdog\t8\ncat\tcar\n", r"test\.tsv, line 2: expected two words and a score"),
        ("cat\tdog\t8\n\n\ncat\tcar\tmuch\n", r"test\.tsv, line 4"),
        ("cat\tdog\t8\ncat\tcar\tnan\n", "line 2"),
        ("", "no pairs"),
        ("# nothing\n", "no pairs"),
        ("chat\tchien\t8\n", "not one of 1 pairs.*language"),
    ],
)
def test_a_malformed_file_is_named_with_the_line(content, message, tmp_path):
    path = tmp_path / "test.tsv"
    path.write_text(content)
    with pytest.raises(UnlabeledError, match=message):
        word_similarity(VECTORS, path)


@pytest.mark.parametrize("pair", [("cat", "dog"), ("cat", "dog", float("nan")), ("cat", 3, 1.0), "cat", 7])
def test_what_is_no_pair_is_refused(pair):
    with pytest.raises(UnlabeledError, match="pair 1 should be two words and a finite number"):
        word_similarity(VECTORS, [("cat", "dog", 1), pair])


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(UnlabeledError, match=r"cannot read .*missing"):
        word_similarity(VECTORS, tmp_path / "missing.tsv")
    (tmp_path / "latin.tsv").write_bytes("café\tthé\t1\n".encode("latin-1"))
    with pytest.raises(UnlabeledError, match=r"latin\.tsv is not valid UTF-8"):
        word_similarity(VECTORS, tmp_path / "latin.tsv")


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng, true, hits = np.random.default_rng(0), 0.6, 0
    # Of a bivariate normal with correlation r, Spearman's is (6/π) asin(r/2).
    r = 2 * np.sin(np.pi / 6 * true)
    for _ in range(400):
        a = rng.normal(size=100)
        b = r * a + np.sqrt(1 - r**2) * rng.normal(size=100)
        low, high = correlation_interval(spearman(a, b), 100)
        hits += low <= true <= high
    assert 0.92 <= hits / 400 <= 0.98  # 0.95 ± 2.7 standard deviations of 400 draws


def test_the_interval_of_a_perfect_correlation_and_of_few_pairs():
    low, high = correlation_interval(1.0, 50)
    assert 0.9 < low <= high <= 1
    assert correlation_interval(0.5, 3) is None


@pytest.mark.real_data
def test_the_usual_files_are_read(real_data):
    wordsim, simlex = (read_pairs(real_data / "words" / name) for name in ("wordsim353.tsv", "simlex999.txt"))
    assert (len(wordsim), wordsim[1]) == (353, ("tiger", "cat", 7.35))
    assert (len(simlex), simlex[0]) == (999, ("old", "new", 1.58))


def test_words_without_n_grams_count_as_missing_in_every_test_of_a_subword_model() -> None:
    from unlabeled import CBOW
    from unlabeled.evaluation import extrinsic, synonyms

    sentences = [line.split() for line in ("the frog sat by the pond", "the king sat on the throne")] * 50
    vectors = CBOW(dim=8, min_count=1, subwords=(3, 6), random_state=0, progress=False).fit(sentences).vectors_
    pairs = [("frog", "king", 1.0), ("king", "throne", 8.0), ("Frogs", "pond", 7.0)]
    found = word_similarity(vectors, [*pairs, ("FBI", "king", 3.0)])
    assert (found.n_judged, found.n_pairs, found.unknown) == (3, 4, ("FBI",))
    assert found.correlation == word_similarity(vectors, pairs).correlation
    # "Frogs" has its n-grams in lower case, where case is ignored.
    assert word_similarity(vectors, [("Frogs", "king", 1.0)] * 2).n_judged == 2
    lower = [(a.lower(), b, score) for a, b, score in pairs]
    assert word_similarity(vectors, lower).correlation == found.correlation
    asked = synonyms(vectors, [("frog", "pond", "FBI"), ("frog", "pond", "king")])
    assert (asked.n_asked, asked.n_questions) == (1, 2)
    texts, labels = ["the frog jj", "the king jj"] * 10, [0, 1] * 10
    judged = extrinsic(vectors, texts, labels, ["frog", "throne"], [0, 1], seeds=[0], modes=["frozen"])
    assert judged.coverage == pytest.approx(2 / 3)
