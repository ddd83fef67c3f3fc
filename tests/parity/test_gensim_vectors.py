"""Files of word vectors against gensim: each reads what the other wrote, and both answer alike."""

from __future__ import annotations

import numpy as np
import pytest

from unlabeled import WordVectors
from unlabeled.errors import UnlabeledError
from unlabeled.evaluation import analogies, word_similarity
from unlabeled.methods.words.lookup import nearest_words

gensim = pytest.importorskip("gensim.models", reason="gensim is not installed")

WORDS = ["the", "zoë's", "naïve", "日本", "\xa0", "1", "nan", '"', "</s>", "\u2028", "é" * 30, "x\x85y"]


@pytest.fixture(scope="module")
def vectors():
    rng = np.random.default_rng(0)
    words = WORDS + [f"w{i}" for i in range(200)]
    return WordVectors(words, rng.normal(size=(len(words), 25)).astype(np.float32))


def keyed(vectors):
    """Give the same vectors to gensim."""
    found = gensim.KeyedVectors(vectors.dim)
    found.add_vectors(list(vectors.words), np.array(vectors.vectors))
    return found


@pytest.fixture(scope="module")
def theirs(vectors):
    return keyed(vectors)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.txt", {"binary": False}),
        ("a.txt.gz", {"binary": False}),
        ("a.vec", {"binary": False}),
        ("a.bin", {"binary": True}),
        ("a.bin.gz", {"binary": True}),
    ],
)
def test_gensim_reads_ours(name, options, vectors, tmp_path):
    vectors.save(tmp_path / name)
    loaded = gensim.KeyedVectors.load_word2vec_format(str(tmp_path / name), **options)
    assert loaded.index_to_key == list(vectors.words)
    assert np.array_equal(loaded.vectors, vectors.vectors)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # gensim leaves the file open
def test_gensim_reads_our_glove(vectors, tmp_path):
    vectors.save(tmp_path / "glove.txt", format="glove")
    loaded = gensim.KeyedVectors.load_word2vec_format(str(tmp_path / "glove.txt"), no_header=True)
    assert loaded.index_to_key == list(vectors.words)
    assert np.array_equal(loaded.vectors, vectors.vectors)


@pytest.mark.parametrize("options", [{}, {"binary": True}, {"write_header": False}])
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_we_read_gensims(options, ending, vectors, theirs, tmp_path):
    path = tmp_path / f"theirs{ending}"
    theirs.save_word2vec_format(str(path), **options)
    loaded = WordVectors.load(path)
    # Gensim writes the most frequent first; without counts that is the order it was given.
    assert loaded.words == vectors.words
    assert np.array_equal(loaded.vectors, vectors.vectors)


def test_gensims_own_format_is_refused_as_a_pickle(theirs, tmp_path):
    theirs.save(str(tmp_path / "theirs.kv"))
    with pytest.raises(UnlabeledError, match="save_word2vec_format"):
        WordVectors.load(tmp_path / "theirs.kv")


def test_the_most_similar_words_are_the_same(vectors, theirs):
    for word in vectors.words[::10]:
        ours, peers = vectors.most_similar(word, k=5), theirs.most_similar(word, topn=5)
        assert [neighbour.word for neighbour in ours] == [other for other, _ in peers]
        assert [neighbour.similarity for neighbour in ours] == pytest.approx([s for _, s in peers], abs=1e-5)


@pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")  # gensim calls it itself
@pytest.mark.parametrize("method", ["3CosAdd", "3CosMul"])
def test_analogies_are_the_same(method, vectors, theirs, monkeypatch):
    monkeypatch.setattr(nearest_words, "EPSILON", np.float32(1e-6))  # gensim's; the paper has 0.001, and so have we
    ask = theirs.most_similar if method == "3CosAdd" else theirs.most_similar_cosmul
    for a, b, c in np.random.default_rng(1).choice(vectors.words, (30, 3)):
        expected = [word for word, _ in ask([b, c], [a], topn=3)]
        assert [n.word for n in vectors.analogy(b, minus=a, plus=c, k=3, method=method)] == expected


def test_word_similarity_is_the_same(vectors, theirs, tmp_path):
    rng = np.random.default_rng(2)
    rows = [f"{a}\t{b}\t{rng.integers(0, 6)}" for a, b in rng.choice([*vectors.words[12:], "unseen"], (80, 2))]
    (tmp_path / "pairs.tsv").write_text("\n".join(rows))
    _, spearman, missing = theirs.evaluate_word_pairs(str(tmp_path / "pairs.tsv"))
    ours = word_similarity(vectors, tmp_path / "pairs.tsv")
    assert ours.correlation == pytest.approx(spearman.statistic, abs=1e-6)
    assert 100 * (1 - ours.coverage) == pytest.approx(missing)


def test_analogies_are_scored_the_same(vectors, theirs, tmp_path):
    rng = np.random.default_rng(3)
    questions = [" ".join(rng.choice(vectors.words[12:], 3, replace=False)) for _ in range(60)]
    # Half the questions are given the answer that gensim finds, so that there is something to score.
    rows = []
    for number, (a, b, c) in enumerate(question.split() for question in questions):
        answer = theirs.most_similar([b, c], [a], topn=1)[0][0]
        rows.append(f"{a} {b} {c} {answer if number % 2 and answer in vectors.words[12:] else 'w3'}")
    (tmp_path / "questions.txt").write_text(": all\n" + "\n".join(rows) + "\n")
    score, _ = theirs.evaluate_word_analogies(str(tmp_path / "questions.txt"))
    ours = analogies(vectors, tmp_path / "questions.txt")
    assert ours.accuracy == pytest.approx(score)
    assert ours.accuracy > 0.3
