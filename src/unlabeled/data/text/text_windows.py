"""What a language model reads: documents of any length cut into windows, or into pairs of neighbouring segments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unlabeled.data.batch import Batch
from unlabeled.data.fingerprint import fingerprint
from unlabeled.data.instances import prefetched
from unlabeled.data.text.tokenization.subword_tokenizer import SubwordTokenizer
from unlabeled.data.text.tokenization.tokens import Tokens, padded
from unlabeled.errors import UnlabeledError

_SENTENCE_END = re.compile(r"(?<=[.!?。！？।])\s+|\n+")


class Windows:
    """All documents as one stream of tokens, cut into windows of one length; satisfies `Instances`.

    Each document has its special tokens around it, so a model sees where one ends and the next begins. No token is
    left out: the last window is shorter and padded.

    Parameters
    ----------
    texts : sequence of str
    tokenizer : SubwordTokenizer
    length : int
        Tokens a window.

    Examples
    --------
    >>> tokenizer = SubwordTokenizer.train(["a b c d e f"], size=20)
    >>> windows = Windows(["a b c d e", "f"], tokenizer, length=4)
    >>> windows.gather(torch.arange(len(windows))).values.mask.sum(1).tolist()
    [4, 4, 2]
    """

    kind: ClassVar[str] = "text"
    labels = None
    classes = None

    def __init__(self, texts: Sequence[str], tokenizer: SubwordTokenizer, length: int) -> None:
        rows = tokenizer.encode(texts)
        whole = 1 << 62  # nothing is cut off
        ended = [tokenizer.with_special_tokens(row, whole) for row in rows if len(row)]
        if "sep" in tokenizer.special and not len(tokenizer.closing_tokens):  # as of GPT-2, which puts nothing around
            ended = [np.append(row, np.int32(tokenizer.special_id("sep"))) for row in ended]
        self.stream = np.concatenate(ended or [np.empty(0, int)])
        if not len(self.stream):
            raise UnlabeledError("there is nothing to learn from: all texts are empty")
        self.tokenizer, self.length = tokenizer, length

    def __len__(self) -> int:
        return -(-len(self.stream) // self.length)

    @property
    def ids(self) -> list[str]:
        """Numbers of the windows."""
        return [str(i) for i in range(len(self))]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the tokens and the length."""
        return fingerprint([self.tokenizer.fingerprint, self.stream, str(self.length)])

    def gather(self, indices: Tensor) -> Batch:
        """Give the windows at `indices`; values are `Tokens`, all of the same length."""
        rows = [self.stream[i * self.length : (i + 1) * self.length] for i in indices.tolist()]
        return Batch(padded(rows, self.tokenizer.pad, self.length), torch.full_like(indices, -1), indices)

    def batches(self, index_batches: Iterable[Tensor], prefetch: int = 2) -> Iterator[Batch]:
        """Give `gather` of each of `index_batches` in turn, fetched ahead."""
        return prefetched(self.gather, index_batches, prefetch)


class Segments(NamedTuple):
    """Two stretches of text that follow each other.

    Attributes
    ----------
    first, second : Tokens
        Without special tokens. `second` is all padding where the document ends with `first`, and otherwise longer than
        a window may have room for: whatever stands before it, it fills the window.
    document : Tensor of int64, shape (n,)
        The document they are from.
    """

    first: Tokens
    second: Tokens
    document: Tensor


class SegmentPairs:
    """Documents cut into segments of whole sentences, each with the text that follows it; satisfies `Instances`.

    A segment takes as many sentences as fit into half a window; a longer sentence is cut. What follows is as long as
    a window. A document of one segment is kept, with nothing as its second. Empty documents are left out.

    Parameters
    ----------
    texts : sequence of str
        One document each.
    tokenizer : SubwordTokenizer
    length : int
        Tokens of a window, into which two segments and the special tokens fit.
    """

    kind: ClassVar[str] = "text"
    labels = None
    classes = None

    def __init__(self, texts: Sequence[str], tokenizer: SubwordTokenizer, length: int) -> None:
        self.tokenizer, self.length = tokenizer, length
        self.room = length - tokenizer.tokens_added_to_pair
        if self.room < 2:
            raise UnlabeledError(f"two segments do not fit into a window of {length} tokens")
        parts = [sentences(text) for text in texts]
        encoded = iter(tokenizer.encode([sentence for part in parts for sentence in part]))
        segments: list[NDArray[np.int32]] = []
        document: list[int] = []
        for number, part in enumerate(parts):
            found = joined_sentences([next(encoded) for _ in part], self.room // 2)
            segments += found
            document += [number] * len(found)
        if not segments:
            raise UnlabeledError("there is nothing to learn from: all texts are empty")
        self.tokens = np.concatenate(segments)
        self.ends = np.cumsum([len(segment) for segment in segments])
        self.document = np.array(document)
        self.several = len(set(document)) < len(document)  # whether any segment has one after it

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def ids(self) -> list[str]:
        """Numbers of the first segments."""
        return [str(i) for i in range(len(self))]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the tokens, where segments and documents end, and the length."""
        return fingerprint([self.tokenizer.fingerprint, self.tokens, self.ends, self.document, str(self.length)])

    def gather(self, indices: Tensor) -> Batch:
        """Give each segment of `indices` and what follows it; values are `Segments`."""
        rows = indices.numpy()
        begins, ends = np.where(rows > 0, self.ends[rows - 1], 0), self.ends[rows]
        last = self.ends[np.searchsorted(self.document, self.document[rows], side="right") - 1]
        first = [self.tokens[begin:end] for begin, end in zip(begins, ends, strict=True)]
        second = [self.tokens[end : min(end + self.room, stop)] for end, stop in zip(ends, last, strict=True)]
        documents = torch.from_numpy(self.document[rows])
        values = Segments(padded(first, self.tokenizer.pad), padded(second, self.tokenizer.pad), documents)
        return Batch(values, torch.full_like(indices, -1), indices)

    def batches(self, index_batches: Iterable[Tensor], prefetch: int = 2) -> Iterator[Batch]:
        """Give `gather` of each of `index_batches` in turn, fetched ahead."""
        return prefetched(self.gather, index_batches, prefetch)


def sentences(text: str) -> list[str]:
    """Cut a text into sentences, at line ends and after full stops, question and exclamation marks.

    Examples
    --------
    >>> sentences("It rains. Does it?\\nYes!")
    ['It rains.', 'Does it?', 'Yes!']
    """
    return [part.strip() for part in _SENTENCE_END.split(text) if part.strip()]


def joined_sentences(rows: Iterable[NDArray[np.int32]], room: int) -> list[NDArray[np.int32]]:
    """Join the sentences of a document into segments of at most `room` tokens; a longer sentence is cut."""
    segments: list[NDArray[np.int32]] = []
    waiting: list[NDArray[np.int32]] = []
    for row in rows:
        if waiting and sum(map(len, waiting)) + len(row) > room:
            segments.append(np.concatenate(waiting))
            waiting = []
        pieces = [row[start : start + room] for start in range(0, len(row), room)]
        segments += pieces[:-1]
        waiting += pieces[-1:]
    return segments + ([np.concatenate(waiting)] if waiting else [])
