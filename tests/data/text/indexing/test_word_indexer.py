from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from unlabeled.data import Corpus, tokenize
from unlabeled.data.text.indexing.word_indexer import WordIndexer
from unlabeled.data.text.tokenization.text_encoding import Encoded, split_runs
from unlabeled.data.text.tokenization.tokenizers import run_splitter
from unlabeled.errors import UnlabeledError


def sentences_of(text: str, tokenizer: str) -> list[list[str]]:
    return [words for line in text.split("\n") if (words := tokenize(line, tokenizer))]


def in_pieces(whole: bytes, size: int) -> Iterator[bytes]:
    return (whole[start : start + size] for start in range(0, len(whole), size))


# Letters whose lower-casing is special (İ, Kelvin, ẞ, Σ), marks, apostrophes, kinds of space and lengths in UTF-8.
ODD = "aZ09_-'’ \t\n\r\x0b\x1c\x85\xa0İıKẞßΣςσéÉ\u0301\u200d\u3000漢\u0939\u093f\u094d𝔸\U0001f600\ufffd"
ODD += "\u00ad\u0e23\u0e31\ufe0f\u2122\U0001f3fd"
texts = st.text(st.sampled_from(ODD) | st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=60)


@pytest.mark.parametrize("tokenizer", ["words", "whitespace"])
@settings(deadline=None, max_examples=300)
@given(text=texts, piece=st.integers(1, 12))
@example(text="ab'c ab' cd ''e f'", piece=4)
@example(text="Kelvin KELVIN ΟΔΟΣ οδος", piece=1)
@example(text="ninechars ninecharz eight888 ninecharsandmore", piece=100)
def test_bytes_become_the_words_python_finds(tokenizer: str, text: str, piece: int) -> None:
    coder = WordIndexer(tokenizer, "strict", 10_000)
    coder.read_pieces(in_pieces(text.encode(), piece), "text")
    ids, offsets, words, counts = split_runs(Encoded(*coder.finish()), run_splitter(tokenizer))
    wanted = sentences_of(text, tokenizer)
    assert [[words[id] for id in ids[a:b]] for a, b in pairwise(offsets)] == wanted
    assert counts.tolist() == np.bincount(ids, minlength=len(words)).tolist()


@pytest.mark.parametrize("tokenizer", ["words", "whitespace"])
@settings(deadline=None, max_examples=300)
@given(raw=st.lists(st.binary(max_size=6) | st.sampled_from([b" ", b"\n", "é".encode(), b"ab"]), max_size=12))
@example(raw=[b"\xe2\xe2\x80\x83a"])
@example(raw=[b"a\xf0\x9f", b" b"])
@example(raw=[b"\xed\xa0\x80 \xc0\x80 \xf5\x80\x80\x80 \xf4\x90\x80\x80 \xe0\x80\x80 x\x80"])
@example(raw=[b"ab'\xf0\x9f"])
def test_invalid_bytes_are_refused_or_replaced_as_python_does(tokenizer: str, raw: list[bytes]) -> None:
    whole = b"".join(raw).replace(b"\0", b"")
    for piece in (1, 1000):
        coder = WordIndexer(tokenizer, "replace", 10_000)
        coder.read_pieces(in_pieces(whole, piece), "text")
        ids, _, words, _ = split_runs(Encoded(*coder.finish()), run_splitter(tokenizer))
        decoded = sentences_of(whole.decode(errors="replace"), tokenizer)
        assert [words[id] for id in ids] == [word for sentence in decoded for word in sentence]
        strict = WordIndexer(tokenizer, "strict", 10_000)
        try:
            whole.decode()
        except UnicodeDecodeError as error:
            line = whole.count(b"\n", 0, error.start) + 1
            with pytest.raises(UnlabeledError, match=f"text, line {line}: not UTF-8"):
                strict.read_pieces(in_pieces(whole, piece), "text")
        else:
            strict.read_pieces(in_pieces(whole, piece), "text")


def test_many_words_outgrow_every_table() -> None:
    words = [f"w{i:x}" * (1 + i % 5) for i in range(60_000)]
    corpus = Corpus.encode([" ".join(words), " ".join(reversed(words))])
    assert corpus.vocabulary.words == words
    assert np.array_equal(corpus.ids, [*range(60_000), *reversed(range(60_000))])
    assert set(corpus.vocabulary.counts.tolist()) == {2}
