"""Rows of tokens as a network reads them: whole texts, or windows over long ones, and targets for their tokens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unlabeled.data.batch import Batch
from unlabeled.data.fingerprint import fingerprint
from unlabeled.data.instances import prefetched
from unlabeled.data.text.text_columns import as_texts
from unlabeled.data.text.tokenization.subword_tokenizer import SubwordTokenizer
from unlabeled.data.text.tokenization.tokenized import by_length
from unlabeled.data.text.tokenization.tokens import padded
from unlabeled.errors import UnlabeledError

IGNORED = -100
"""The target of a token that no loss counts."""

_QUESTION = 64
"""Tokens of a question at most."""


@dataclass
class InputRows:
    """Rows of tokens that are ready for a network, special tokens included; satisfies what encoding reads.

    Attributes
    ----------
    tokenizer : SubwordTokenizer
    rows : list of ndarray of int32
    owner : list of int
        The text that each row is a window of.
    first : list of int
        The place in a row where the text, or the context, begins.
    begin : list of int
        The number of the token that stands there.
    """

    kind: ClassVar[str] = "text"

    tokenizer: SubwordTokenizer
    rows: list[NDArray[np.int32]] = field(default_factory=list)
    owner: list[int] = field(default_factory=list)
    first: list[int] = field(default_factory=list)
    begin: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the rows and the tokenizer that cut them."""
        return fingerprint([self.tokenizer.fingerprint, *self.rows])

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each row."""
        return np.array([len(row) for row in self.rows], dtype=np.int64)

    def gather(self, indices: Tensor) -> Batch:
        """Give the rows at `indices` as one padded batch; values are `Tokens`."""
        values = padded([self.rows[i] for i in indices.tolist()], self.tokenizer.pad)
        return Batch(values, torch.full_like(indices, -1), indices)

    def batches(self, index_batches: Iterable[Tensor], prefetch: int = 2) -> Iterator[Batch]:
        """Give `gather` of each of `index_batches` in turn, fetched ahead."""
        return prefetched(self.gather, index_batches, prefetch)

    def even_batches(self, size: int, tokens: int | None = None) -> list[Tensor]:
        """Give all positions in batches of rows of about one length, see `by_length`."""
        return by_length(self.lengths, size, tokens)


def windows_with_stride(count: int, room: int) -> list[tuple[int, int]]:
    """Cut `count` tokens into windows of `room` that overlap by half; give where each begins and ends.

    Examples
    --------
    >>> windows_with_stride(10, 6)
    [(0, 6), (3, 9), (6, 10)]
    """
    if count <= room:
        return [(0, count)]
    starts = range(0, count - room + max(1, room // 2), max(1, room // 2))
    return [(start, min(start + room, count)) for start in starts]


def pair_rows(columns: tuple[list[str], ...], tokenizer: SubwordTokenizer, length: int) -> InputRows:
    """Put each text, or both texts of each pair, into one row, so that a network reads them together."""
    parts = [tokenizer.encode(column, limit=length) for column in columns]
    rows = InputRows(tokenizer)
    for place, row in enumerate(zip(*parts, strict=True)):
        if len(row) > 2:
            raise UnlabeledError("a row has three texts; give one or two")
        if len(row) == 1:
            rows.rows.append(tokenizer.with_special_tokens(row[0], length))
        else:
            rows.rows.append(tokenizer.pair_with_special_tokens(row[0], row[1], length))
        rows.owner.append(place)
    return rows


@dataclass
class TaggedWords:
    """Sentences in words, cut into tokens; of a word only the first token is tagged.

    Attributes
    ----------
    rows : InputRows
        One a sentence, or several that overlap by half where a sentence is longer than the window.
    heads : list of ndarray of int64
        For each row the word whose first token stands at a place, and −1 at all other places.
    words : list of int
        The number of words of each sentence.
    """

    rows: InputRows
    heads: list[NDArray[np.int64]]
    words: list[int]

    @classmethod
    def cut(cls, sentences: Sequence[Sequence[str]], tokenizer: SubwordTokenizer, length: int) -> TaggedWords:
        """Cut sentences, each a list of words, into tokens."""
        cut = [_words_of(words, number) for number, words in enumerate(sentences)]
        made = cls(InputRows(tokenizer), [], [len(words) for words in cut])
        before = len(tokenizer.with_special_tokens(np.empty(0, np.int32), length)) - len(tokenizer.closing_tokens)
        room = length - tokenizer.tokens_added
        for number, words in enumerate(cut):
            ids, of_word = tokenizer.encode_words(words)
            starts = np.flatnonzero(np.diff(of_word, prepend=-1) > 0)
            heads = np.full(len(ids), -1, dtype=np.int64)
            heads[starts] = of_word[starts]
            for begin, end in windows_with_stride(len(ids), room):
                made.rows.rows.append(tokenizer.with_special_tokens(ids[begin:end], length))
                made.rows.owner.append(number)
                made.rows.first.append(before)
                made.rows.begin.append(begin)
                row = np.full(len(made.rows.rows[-1]), -1, dtype=np.int64)
                row[before : before + end - begin] = heads[begin:end]
                made.heads.append(row)
        return made

    def targets(self, tags: Sequence[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
        """Give the tag of each token's word at first tokens, and `IGNORED` elsewhere."""
        found = []
        for owner, heads in zip(self.rows.owner, self.heads, strict=True):
            known = np.append(tags[owner], IGNORED)  # so that place −1 is ignored
            found.append(np.where(heads >= 0, known[heads], IGNORED))
        return found

    def of_words(self, scores: Sequence[NDArray[np.float32] | None], width: int) -> list[NDArray[np.float32]]:
        """Give the scores of each sentence's words, from the window in which a word stands nearest to the middle.

        A word without a token, such as one of white space, has scores of zero, and so have those of a row without
        scores. `width` is the number of tags.
        """
        found = [np.zeros((count, width), dtype=np.float32) for count in self.words]
        best = [np.full(count, -1) for count in self.words]
        for owner, heads, score in zip(self.rows.owner, self.heads, scores, strict=True):
            if score is None:
                continue
            for place in np.flatnonzero(heads >= 0):
                margin, word = min(place, len(heads) - 1 - place), heads[place]
                if margin > best[owner][word]:
                    best[owner][word], found[owner][word] = margin, score[place]
        return found


def _words_of(sentence: Any, number: int) -> list[str]:
    """Give the words of a sentence as a list of strings."""
    if isinstance(sentence, str) or not hasattr(sentence, "__len__"):
        what = "a string" if isinstance(sentence, str) else repr(sentence)
        raise UnlabeledError(f"sentence {number} is {what}; for tags give each sentence as a list of words")
    return as_texts(list(sentence), f"sentence {number}")


@dataclass
class Questions:
    """Questions with their contexts in one row; a context longer than the window has several rows.

    Attributes
    ----------
    rows : InputRows
    places : list of ndarray of int64, shape (tokens, 2)
        For each question where in its context the tokens begin and end, in characters.
    """

    rows: InputRows
    places: list[NDArray[np.int64]]

    @classmethod
    def cut(cls, pairs: Sequence[tuple[str, str]], tokenizer: SubwordTokenizer, length: int) -> Questions:
        """Cut (question, context) pairs into tokens."""
        questions = tokenizer.encode([question for question, _ in pairs], limit=min(_QUESTION, length // 3))
        contexts = tokenizer.encode_with_places([context for _, context in pairs])
        made = cls(InputRows(tokenizer), [places for _, places in contexts])
        for number, (question, (ids, _)) in enumerate(zip(questions, contexts, strict=True)):
            room = length - tokenizer.tokens_added_to_pair - len(question)
            for begin, end in windows_with_stride(len(ids), room):
                row = tokenizer.pair_with_special_tokens(question, ids[begin:end], length)
                if len(row) == 0:  # as of a tokenizer without special tokens
                    raise UnlabeledError(f"question {number} and its context are both empty; give one of them a text")
                made.rows.rows.append(row)
                made.rows.owner.append(number)
                made.rows.first.append(len(row) - (end - begin) - len(tokenizer.closing_tokens))
                made.rows.begin.append(begin)
        return made

    def targets(self, spans: Sequence[tuple[int, int] | None]) -> list[NDArray[np.int64]]:
        """Give the places of the first and the last token of each answer; both 0 where a window does not hold it.

        Parameters
        ----------
        spans : sequence of (int, int) or None
            Where each answer begins and ends in its context, in characters.
        """
        found = []
        for row, owner, first, begin in zip(
            self.rows.rows, self.rows.owner, self.rows.first, self.rows.begin, strict=True
        ):
            span, places, target = spans[owner], self.places[owner], (0, 0)
            count = len(row) - first - len(self.rows.tokenizer.closing_tokens)
            if span is not None and span[1] > span[0]:
                inside = np.flatnonzero((places[:, 1] > span[0]) & (places[:, 0] < span[1]))
                if len(inside) and begin <= inside[0] and inside[-1] < begin + count:
                    target = (first + int(inside[0]) - begin, first + int(inside[-1]) - begin)
            found.append(np.array(target, dtype=np.int64))
        return found
