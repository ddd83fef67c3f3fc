"""Models of fastText, written by hand and by gensim."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from unlabeled import WordVectors
from unlabeled.errors import UnlabeledError

WORDS = ["</s>", "frog", "toad", "ночь"]
DIM, BUCKETS, SHORTEST, LONGEST = 3, 50, 2, 3


def fnv1a(text: bytes) -> int:
    value = 2166136261
    for byte in text:
        value = (value ^ (byte if byte < 128 else byte | 0xFFFFFF00)) * 16777619 % 2**32
    return value


def ngrams(word: str) -> list[str]:
    marked = f"<{word}>"
    return [marked[i : i + n] for i in range(len(marked)) for n in (2, 3) if i + n <= len(marked)]


def model(table: np.ndarray, *, version: int = 12, quantised: bool = False, label: bool = False) -> bytes:
    entries = [*WORDS, *(["__label__x"] if label else [])]
    header = struct.pack("<2i", 793712314, version)
    header += struct.pack("<12id", DIM, 5, 5, 1, 5, 1, 2, 2, BUCKETS, SHORTEST, LONGEST, 100, 1e-4)
    header += struct.pack("<3i2q", len(entries), len(WORDS), len(entries) - len(WORDS), 100, -1)
    for number, word in enumerate(entries):
        header += word.encode() + b"\0" + struct.pack("<qb", 10 - number, word.startswith("__label__"))
    return header + struct.pack("<?2q", quantised, *table.shape) + table.astype("<f4").tobytes() + b"the rest"


@pytest.fixture
def table() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(len(WORDS) + BUCKETS, DIM)).astype(np.float32)


def expected(table: np.ndarray, word: str) -> np.ndarray:
    rows = [WORDS.index(word)] if word in WORDS else []
    if word != "</s>":
        rows += [len(WORDS) + fnv1a(part.encode()) % BUCKETS for part in ngrams(word)]
    return table[rows].mean(axis=0)


def test_words_are_means_of_their_row_and_their_n_grams(table: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "m.bin").write_bytes(model(table))
    vectors = WordVectors.load(tmp_path / "m.bin")
    assert vectors.words == tuple(WORDS)
    assert vectors.counts is not None
    assert vectors.counts.tolist() == [10, 9, 8, 7]
    for word in [*WORDS, "frogs", "ночью", "a"]:
        assert word in vectors
        assert np.allclose(vectors[word], expected(table, word), atol=1e-6)
    part = WordVectors.load(tmp_path / "m.bin", words=["toad"])
    assert part.words == ("toad",)
    assert np.allclose(part["toad"], vectors["toad"])
    assert WordVectors.load(tmp_path / "m.bin", limit=2).words == ("</s>", "frog")


def test_labels_of_a_classifier_have_no_rows_before_the_n_grams(table: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "m.bin").write_bytes(model(table, label=True))
    vectors = WordVectors.load(tmp_path / "m.bin")
    assert vectors.words == tuple(WORDS)
    for word in [*WORDS, "frogs", "ночью"]:
        assert np.allclose(vectors[word], expected(table, word), atol=1e-6)


def test_fewer_rows_than_words_are_damage(table: np.ndarray, tmp_path: Path) -> None:
    for content in (
        model(table[:2]),
        model(table).replace(struct.pack("<3i2q", 4, 4, 0, 100, -1), struct.pack("<3i2q", 4, 3, 1, 100, -1)),
    ):
        (tmp_path / "m.bin").write_bytes(content)
        with pytest.raises(UnlabeledError, match="damaged"):
            WordVectors.load(tmp_path / "m.bin")


def test_a_model_without_n_grams_knows_its_words_only(table: np.ndarray, tmp_path: Path) -> None:
    content = bytearray(model(table[: len(WORDS)]))
    content[8 + 4 * 8 : 8 + 4 * 11] = struct.pack("<3i", 0, 0, 0)
    (tmp_path / "m.bin").write_bytes(bytes(content))
    vectors = WordVectors.load(tmp_path / "m.bin")
    assert np.array_equal(vectors.vectors, table[: len(WORDS)])
    assert "frogs" not in vectors


def test_every_cut_and_what_is_not_read_is_refused(table: np.ndarray, tmp_path: Path) -> None:
    whole = model(table)
    ends = range(4, len(whole) - len(b"the rest"), 37)
    cases = [whole[:end] for end in ends] + [model(table, quantised=True), model(table, version=99)]
    for content in cases:
        (tmp_path / "m.bin").write_bytes(content)
        with pytest.raises(UnlabeledError, match=r"m\.bin"):
            WordVectors.load(tmp_path / "m.bin")


def test_gensim_reads_the_same_vectors_from_the_same_file(tmp_path: Path) -> None:
    fasttext = pytest.importorskip("gensim.models.fasttext")
    sentences = [["the", "frog", "sat", "by", "the", "pond"], ["the", "king", "sat", "on", "the", "throne"]] * 20
    theirs = fasttext.FastText(sentences, vector_size=8, min_count=1, bucket=1000, epochs=1, seed=1, workers=1)
    fasttext.save_facebook_model(theirs, str(tmp_path / "m.bin"))
    vectors = WordVectors.load(tmp_path / "m.bin")
    for word in ("frog", "the", "frogs", "thrones"):
        assert np.allclose(vectors[word], theirs.wv[word], atol=1e-6)
