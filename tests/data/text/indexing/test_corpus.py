from __future__ import annotations

import bz2
import gc
import gzip
import lzma
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unlabeled.data import Corpus, spool, tokenize
from unlabeled.data.text import text_files
from unlabeled.data.text.tokenization import text_encoding
from unlabeled.errors import UnlabeledError

LECTURE = ["I like deep learning.", "I like NLP.", "I enjoy flying."]
texts = st.text("aB1é'’ \n.", max_size=30)


def sentences_of(text: str, tokenizer: str) -> list[list[str]]:
    """Python's own strings; `tokenize` is held against the definition in test_byte_encoder."""
    return [words for line in text.split("\n") if (words := tokenize(line, tokenizer))]


def expected(sentences: list[list[str]], min_count: int = 1, max_vocab: int | None = None) -> tuple[Any, ...]:
    """Vocabulary, counts and sentences as `encode` must give them; a Counter keeps the order of first appearance."""
    counts = Counter(word for sentence in sentences for word in sentence)
    kept = [(word, count) for word, count in counts.most_common() if count >= min_count][:max_vocab]
    known = {word for word, _ in kept}
    left = [[word for word in sentence if word in known] for sentence in sentences]
    return [word for word, _ in kept], [count for _, count in kept], [sentence for sentence in left if sentence]


def content(corpus: Corpus) -> tuple[Any, ...]:
    assert corpus.ids.dtype == np.int32
    assert corpus.offsets.dtype == np.int64
    assert corpus.offsets[0] == 0
    assert corpus.offsets[-1] == len(corpus.ids)
    return corpus.vocabulary.words, corpus.vocabulary.counts.tolist(), list(corpus)


@pytest.mark.real_data
@pytest.mark.parametrize("tokenizer", ["words", "whitespace"])
@pytest.mark.parametrize("name", [*(pytest.param(n, marks=pytest.mark.slow) for n in ("brown", "abc")), "webtext"])
def test_real_text_becomes_the_words_python_finds(real_data: Path, tmp_path: Path, name: str, tokenizer: str) -> None:
    import pyarrow.parquet as pq

    documents = pq.read_table(real_data / name / "train.parquet")["text"].to_pylist()
    whole = "\n".join(documents)
    (tmp_path / "text").write_text(whole, encoding="utf-8", newline="")
    wanted = expected(sentences_of(whole, tokenizer), min_count=2)
    assert content(Corpus.encode(tmp_path / "text", tokenizer=tokenizer, min_count=2)) == wanted
    assert content(Corpus.encode(documents, tokenizer=tokenizer, min_count=2)) == wanted


# --- all ways in are the same -----------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=100)
@given(texts=st.lists(texts, min_size=1), min_count=st.integers(1, 3), max_vocab=st.none() | st.integers(1, 5))
def test_strings_token_lists_and_a_callable_agree(texts: list[str], min_count: int, max_vocab: int | None) -> None:
    sentences = [sentence for text in texts for sentence in sentences_of(text, "words")]
    wanted = expected(sentences, min_count, max_vocab)
    for source, tokenizer in ((texts, None), (iter(texts), tokenize), (sentences, None), (iter(sentences), None)):
        if source and not isinstance(source, Iterator) and not any(source):
            continue
        if not wanted[0]:
            with pytest.raises(UnlabeledError, match=r"no word|there is no text"):
                Corpus.encode(source, tokenizer=tokenizer, min_count=min_count, max_vocab=max_vocab)
            continue
        corpus = Corpus.encode(source, tokenizer=tokenizer, min_count=min_count, max_vocab=max_vocab)
        assert content(corpus) == wanted
        assert corpus.tokens == sum(map(len, sentences))
        assert len(corpus) == len(wanted[2])


def test_the_corpus_of_the_lecture() -> None:
    corpus = Corpus.encode(LECTURE)
    assert corpus.vocabulary.words == ["i", "like", "deep", "learning", "nlp", "enjoy", "flying"]
    assert corpus.ids.tolist() == [0, 1, 2, 3, 0, 1, 4, 0, 5, 6]
    assert corpus.offsets.tolist() == [0, 4, 7, 10]
    assert repr(corpus) == "Corpus(3 sentences, 10 words, 7 of them different)"


def compressed(kind: str, data: bytes) -> bytes:
    import pyarrow as pa

    whole = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "plain": bytes}
    half = len(data) // 2  # two members one after the other are one text, as `cat a.gz b.gz` makes
    make = whole.get(kind) or (lambda part: pa.compress(part, "zstd", asbytes=True))
    return make(data[:half]) + make(data[half:])


@pytest.mark.parametrize("tokenizer", ["whitespace", str.split])
@pytest.mark.parametrize("kind", ["plain", "gz", "bz2", "xz", "zst"])
def test_compressed_files_are_known_by_their_content(tmp_path: Path, kind: str, tokenizer: Any) -> None:
    lines = [f"line {i} of ünïcode it's {i % 7}\r" for i in range(30_000)]
    data = "\n".join(lines).encode()
    (tmp_path / "text.txt").write_bytes(compressed(kind, data))
    assert len(data) > 2 * text_files.PIECE
    wanted = expected(sentences_of(data.decode(), "whitespace"))
    assert content(Corpus.encode(tmp_path / "text.txt", tokenizer=tokenizer)) == wanted


def test_folders_are_read_sorted_and_lists_in_their_order(tmp_path: Path) -> None:
    for name, words in {"b.txt": "second", "a/z.txt": "first\n", "c.txt": "third"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(words)
    assert list(Corpus.encode(tmp_path)) == [["first"], ["second"], ["third"]]
    assert list(Corpus.encode(str(tmp_path))) == [["first"], ["second"], ["third"]]
    listed = [tmp_path / "c.txt", tmp_path / "a"]
    assert list(Corpus.encode(listed)) == [["third"], ["first"]]
    assert list(Corpus.encode(iter(listed))) == [["third"], ["first"]]


def test_a_byte_order_mark_is_no_part_of_a_word(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbffrog toad")
    assert Corpus.encode(tmp_path / "a.txt", tokenizer="whitespace").vocabulary.words == ["frog", "toad"]


def test_numpy_pandas_and_open_files(tmp_path: Path) -> None:
    import pandas as pd

    wanted = content(Corpus.encode(LECTURE))
    (tmp_path / "a.txt").write_text("\n".join(LECTURE))
    assert content(Corpus.encode(np.array(LECTURE))) == wanted
    assert content(Corpus.encode(pd.DataFrame({"text": LECTURE})["text"])) == wanted
    assert content(Corpus.encode([np.array(tokenize(line)) for line in LECTURE])) == wanted
    with (tmp_path / "a.txt").open() as file:
        assert content(Corpus.encode(file)) == wanted


# --- long and large ---------------------------------------------------------------------------------------------------


def test_a_long_line_is_cut_into_sentences() -> None:
    line = "a b c " * 8_000
    for source, tokenizer in (([line], None), ([line], str.split), ([line.split()], None)):
        corpus = Corpus.encode(source, tokenizer=tokenizer)
        assert np.diff(corpus.offsets).tolist() == [10_000, 10_000, 4_000]


def test_a_long_line_is_given_to_a_callable_in_parts_cut_between_words(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("frog " * 500_000)
    seen = []

    def split(line: str) -> list[str]:
        seen.append(len(line))
        return line.split()

    corpus = Corpus.encode(tmp_path / "a.txt", tokenizer=split)
    assert max(seen) <= text_encoding.LONGEST_LINE
    assert corpus.vocabulary.words == ["frog"]
    assert corpus.tokens == 500_000


def test_a_large_corpus_lives_in_a_file_that_vanishes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lines = [f"w{i % 997} w{i % 13} rare{i}" for i in range(20_000)]
    small = Corpus.encode(lines, min_count=2)
    monkeypatch.setattr(spool, "IN_MEMORY", 10_000)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    large = Corpus.encode(lines, min_count=2)
    assert is_mapped(large.ids)
    assert is_mapped(large.offsets)
    assert not is_mapped(small.ids)
    assert content(large) == content(small)
    assert large.fingerprint == small.fingerprint
    assert list(tmp_path.iterdir()) == []
    ids = large.ids
    del large
    gc.collect()
    assert np.array_equal(ids, small.ids)


def is_mapped(array: Any) -> bool:
    while array is not None and not isinstance(array, np.memmap):
        array = getattr(array, "base", None)
    return array is not None


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the peak of memory from /proc")
@pytest.mark.parametrize("newlines", [True, False])
def test_memory_is_bounded(tmp_path: Path, newlines: bool) -> None:
    """20 million words, on one line or many, are 80 MB of numbers, of which at most 2 × 32 MiB are held."""
    path = tmp_path / "long.txt"
    with path.open("wb") as file:
        for start in range(0, 20_000_000, 100_000):
            line = " ".join(f"w{i * i % 49_999}" for i in range(start, start + 100_000))
            file.write(line.encode() + (b"\n" if newlines else b" "))
    program = f"""
from unlabeled.data import Corpus
import resource
Corpus.encode(["a b"])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
def private():
    return int(next(l for l in open("/proc/self/status") if l.startswith("RssAnon")).split()[1])
start, most = private(), 0
def watch(done, total):
    global most
    most = max(most, private())
corpus = Corpus.encode({str(path)!r}, progress=watch)
print(len(corpus.ids), len(corpus), most - start)
"""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    out = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    words, sentences, grown = map(int, out.stdout.split())
    assert words == 20_000_000
    assert sentences == 2000
    assert grown < 150_000  # KiB


# --- what follows from a corpus ---------------------------------------------------------------------------------------


def test_a_corpus_is_given_back_or_trimmed() -> None:
    lines = ["a a a b b c", "c d", "d d b"]
    corpus = Corpus.encode(lines)
    assert Corpus.encode(corpus, min_count=1) is corpus
    assert corpus.trimmed(1, 4) is corpus
    for min_count, max_vocab in ((2, None), (3, None), (1, 2), (3, 1)):
        trimmed = corpus.trimmed(min_count, max_vocab)
        assert content(trimmed) == content(Corpus.encode(lines, min_count=min_count, max_vocab=max_vocab))
        assert trimmed.tokens == corpus.tokens
    assert content(corpus) == expected([line.split() for line in lines])  # left as it was
    with pytest.raises(UnlabeledError, match="no word is seen 9 times: the most frequent of 4 is seen 3 times"):
        corpus.trimmed(9)


def test_arrays_are_read_only_and_the_corpus_keeps_the_callers_writable() -> None:
    ids = np.array([0, 1], np.int32)
    made = Corpus(ids, np.array([0, 2]), Corpus.encode(["a b"]).vocabulary, 2)
    for array in (made.ids, made.offsets, made.vocabulary.counts):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    ids[0] = 1


def test_blocks_cover_all_sentences_in_order() -> None:
    corpus = Corpus.encode(["a " * n for n in (5, 1, 1, 9, 2, 2)])
    assert [(b.start, b.stop) for b in corpus.blocks(4)] == [(0, 1), (1, 3), (3, 4), (4, 6)]


def test_the_fingerprint_tells_corpora_apart() -> None:
    sources = [["a b", "c"], ["a", "b c"], ["a b c"], ["a c b"], ["a b", "d"]]
    assert len({Corpus.encode(source).fingerprint for source in sources}) == len(sources)
    assert Corpus.encode(["a b", "c"]).fingerprint == Corpus.encode([["a", "b"], ["c"]]).fingerprint


def test_saved_and_loaded(tmp_path: Path) -> None:
    corpus = Corpus.encode([*LECTURE, "naïve 漢 \u2028x"], tokenizer="whitespace")
    corpus.save(tmp_path / "corpus")
    loaded = Corpus.load(tmp_path / "corpus")
    assert content(loaded) == content(corpus)
    assert (loaded.tokens, loaded.fingerprint) == (corpus.tokens, corpus.fingerprint)
    assert is_mapped(loaded.ids)


@pytest.mark.parametrize(("ids", "offsets"), [([0, 9], [0, 2]), ([-1, 0], [0, 2]), ([0, 1], [0, 3]), ([0, 1], [1, 2])])
def test_numbers_out_of_range_are_not_loaded(tmp_path: Path, ids: list[int], offsets: list[int]) -> None:
    """Compiled code would follow them out of its arrays."""
    vocabulary = Corpus.encode(["a b"]).vocabulary
    Corpus(np.array(ids, np.int32), np.array(offsets), vocabulary, 2).save(tmp_path / "corpus")
    with pytest.raises(UnlabeledError, match="is damaged"):
        Corpus.load(tmp_path / "corpus")


def test_other_folders_are_not_loaded(tmp_path: Path) -> None:
    with pytest.raises(UnlabeledError, match=r"cannot read .*corpus\.json"):
        Corpus.load(tmp_path)
    (tmp_path / "corpus.json").write_text('{"corpus": 99}')
    with pytest.raises(UnlabeledError, match="does not hold a corpus that this version can read"):
        Corpus.load(tmp_path)


# --- the cache --------------------------------------------------------------------------------------------------------


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "book.txt"
    path.write_text("\n".join(LECTURE * 50))
    return path


def test_the_cache_saves_the_reading(book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Corpus.encode(book, cache=tmp_path / "cache")
    assert content(first) == content(Corpus.encode(book))
    with monkeypatch.context() as patch:
        patch.setattr("unlabeled.data.text.indexing.corpus.encode_text", lambda *args: pytest.fail("read again"))
        again = Corpus.encode(book, cache=tmp_path / "cache")
    assert content(again) == content(first)
    assert again.fingerprint == first.fingerprint
    assert is_mapped(again.ids)
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_the_cache_knows_every_setting_and_every_change(book: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"

    def entries() -> int:
        return len(list(cache.iterdir()))

    Corpus.encode(book, cache=cache)
    for count, setting in enumerate(
        [{"tokenizer": "whitespace"}, {"min_count": 2}, {"max_vocab": 2}, {"errors": "replace"}], start=2
    ):
        Corpus.encode(book, cache=cache, **setting)
        assert entries() == count
    assert Corpus.encode(book, cache=cache, tokenizer="words").vocabulary.words[0] == "i"
    assert entries() == 5
    time = book.stat().st_mtime_ns
    book.write_text(book.read_text().replace("NLP", "RNN"))
    os.utime(book, ns=(time + 1, time + 1))
    assert "rnn" in Corpus.encode(book, cache=cache).vocabulary
    assert entries() == 6


@pytest.mark.parametrize("name", ["ids.npy", "offsets.npy", "counts.npy", "words.json", "corpus.json"])
@pytest.mark.parametrize("harm", ["cut", "flip", "remove"])
def test_a_damaged_cache_is_noticed(book: Path, tmp_path: Path, name: str, harm: str) -> None:
    wanted = content(Corpus.encode(book, cache=tmp_path / "cache"))
    (file,) = (tmp_path / "cache").glob(f"*/{name}")
    data = bytearray(file.read_bytes())
    if harm == "remove":
        file.unlink()
    elif harm == "cut":
        file.write_bytes(data[: len(data) // 2])
    else:
        place = {"words.json": data.index(b"deep") if b"deep" in data else 0, "corpus.json": 14}.get(
            name, len(data) - 4
        )
        data[place] ^= 1
        file.write_bytes(data)
    with pytest.warns(UserWarning, match="encoded anew"):
        assert content(Corpus.encode(book, cache=tmp_path / "cache")) == wanted
    assert content(Corpus.encode(book, cache=tmp_path / "cache")) == wanted  # and repaired


def test_nothing_half_written_stays_in_the_cache(book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **settings: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("unlabeled.data.text.indexing.corpus.write_json", fail)
    with pytest.raises(UnlabeledError, match=r"cannot write .*No space left"):
        Corpus.encode(book, cache=tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_what_the_cache_refuses(book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnlabeledError, match="cannot recognise text that does not come from files"):
        Corpus.encode(LECTURE, cache=tmp_path / "cache")
    with pytest.raises(UnlabeledError, match="cannot recognise a tokenizer of your own"):
        Corpus.encode(book, tokenizer=str.split, cache=tmp_path / "cache")
    with pytest.raises(UnlabeledError, match=r"cannot make the folder of the cache, .*book.txt"):
        Corpus.encode(book, cache=book)
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(UnlabeledError, match=r"the cache, .*, cannot be written"):
        Corpus.encode(book, cache=tmp_path / "cache")


# --- progress ---------------------------------------------------------------------------------------------------------


def test_progress_counts_the_bytes_of_all_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_text("frog toad\n" * 60_000)
    (tmp_path / "b.txt").write_bytes(gzip.compress(os.urandom(200_000).hex().encode()))
    size = sum(file.stat().st_size for file in tmp_path.iterdir())
    seen: list[tuple[int, int]] = []
    Corpus.encode(tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert seen[-1] == (size, size)
    Corpus.encode(tmp_path, progress=False)
    Corpus.encode(tmp_path)
    assert capsys.readouterr() == ("", "")
