"""Numbering the runs of bytes, piece by piece, by the compiled tokenizer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.spool import Spool
from unlabeled.data.text.text_files import PIECE, not_text
from unlabeled.data.text.tokenization.tokenizers import kinds_of_characters
from unlabeled.errors import UnlabeledError
from unlabeled.kernels.text import byte_tokenizer as kernel

LONGEST_WORD = 1 << 20  # bytes; no language has such words, so it is no text

Integers = NDArray[np.int64]
A = TypeVar("A", bound=np.generic)


class WordIndexer:
    """The table of runs seen so far, and the numbers of the text so far.

    A run is what the first step of a tokenizer finds: see `unlabeled.data.text.tokenization.tokenizers`. It is mostly a
    word.

    While a thread looks up the words of one block, the next one is read and cut.

    Parameters
    ----------
    tokenizer : str
        A built-in one.
    errors : {"strict", "replace"}
        What to do about bytes that are not UTF-8.
    longest : int
        Words after which a sentence is cut.
    """

    def __init__(self, tokenizer: str, errors: str, longest: int) -> None:
        self._kinds = kinds_of_characters(tokenizer)
        self._lower = tokenizer != "whitespace"
        self._replace = errors == "replace"
        self._longest = longest
        self._state = np.zeros(3, np.int64)
        self._known = self._used = 0
        self._slots = np.zeros(0, np.uint64)
        self._pool = np.empty(0, np.uint8)
        self._entries = np.empty((0, 4), np.int64)
        self._ids, self._offsets = Spool(np.int32), Spool(np.int64)
        self._offsets.append(np.zeros(1, np.int64))
        self._cuts = [_Cuts(0), _Cuts(0)]
        self._thread = ThreadPoolExecutor(1)
        self._at_work: Future[None] | None = None

    def read_strings(self, texts: Iterable[str]) -> None:
        """Read strings, each a text of its own."""
        self.read_pieces(_joined(texts), "the list of strings")

    def read_pieces(self, pieces: Iterable[bytes], name: str) -> None:
        """Read one text to its end; pieces may end anywhere, also within a character."""
        rest = bytearray()
        self._state[kernel.LINES] = 1
        for piece in pieces:
            rest += piece
            rest = self._read(rest, name, final=False)
            if len(rest) > LONGEST_WORD:
                raise UnlabeledError(
                    f"{name}, line {self._state[kernel.LINES]}: more than {LONGEST_WORD:,} bytes and no end of a word; "
                    "is this text? If it is, give a tokenizer that cuts it"
                )
        self._read(rest, name, final=True)

    def _read(self, block: bytearray, name: str, final: bool) -> bytearray:
        """Read one block; give what is left of it for the next."""
        text = np.frombuffer(block, np.uint8)
        if self._lower:
            kernel.lower(text)
        cuts, busy = self._cuts
        if len(cuts.ends) <= len(text) // 2:
            cuts = _Cuts(len(text))
        self._cuts = [busy, cuts]
        read, words, sentences = kernel.cut(
            text, final, self._replace, self._longest, self._kinds, *cuts.words, cuts.ends, self._state
        )
        if problem := self._state[kernel.PROBLEM]:
            raise not_text(name, int(self._state[kernel.LINES]), invalid=problem == kernel.INVALID)
        if final and self._state[kernel.LENGTH]:  # the last sentence ends with the text
            cuts.ends[sentences] = words
            sentences += 1
            self._state[kernel.LENGTH] = 0
        self._wait()
        self._at_work = self._thread.submit(self._number, text, cuts, words, sentences)
        return block[read:]

    def _wait(self) -> None:
        if self._at_work is not None:
            self._at_work.result()
            self._at_work = None

    def _number(self, text: NDArray[np.uint8], cuts: _Cuts, words: int, sentences: int) -> None:
        """Look up the words of one block."""
        self._make_room(words, len(text))
        found = [array[:words] for array in cuts.words]
        ids = np.empty(words, np.int32)
        self._known, self._used = kernel.number(
            text, *found, self._slots, self._pool, self._entries, self._known, self._used, ids
        )
        self._offsets.append(cuts.ends[:sentences] + len(self._ids))
        self._ids.append(ids)

    def _make_room(self, new: int, size: int) -> None:
        """Grow the table for so many new words with so many bytes."""
        words, used = self._known + new, self._used + size
        if words + words // 2 >= len(self._slots):
            larger = np.zeros(1 << (words + words // 2).bit_length(), np.uint64)
            kernel.rehash(self._slots, larger)
            self._slots = larger
        if len(self._entries) < words:
            self._entries = _grown(self._entries, 2 * words)
        if len(self._pool) < used:
            self._pool = _grown(self._pool, 2 * used)

    def finish(self) -> tuple[NDArray[np.int32], Integers, list[str], Integers]:
        """Give numbers, offsets of sentences, the runs that were found, and their counts."""
        self._wait()
        self._thread.shutdown()
        pool = self._pool[: self._used].tobytes()
        entries = self._entries[: self._known]
        begins = entries[:, kernel.BEGIN]
        bounds = zip(begins.tolist(), (begins + entries[:, kernel.SIZE]).tolist(), strict=True)
        runs = [pool[begin:end].decode(errors="replace") for begin, end in bounds]
        return self._ids.finish(), self._offsets.finish(), runs, entries[:, kernel.COUNT].copy()


class _Cuts:
    """Where the words and sentences of one block are: room for a block whose every other byte is a word."""

    def __init__(self, size: int) -> None:
        most = size // 2 + 1
        self.words = [np.empty(most, dtype) for dtype in (np.int32, np.int32, np.uint32, np.uint64)]
        self.ends = np.empty(most, np.int64)


def _grown(array: NDArray[A], length: int) -> NDArray[A]:
    larger = np.empty((length, *array.shape[1:]), array.dtype)
    larger[: len(array)] = array
    return larger


def _joined(texts: Iterable[str]) -> Iterator[bytes]:
    """Put strings together, one a line, into pieces of bounded size."""
    waiting: list[str] = []
    length = 0
    for text in texts:
        waiting.append(text)
        length += len(text) + 1
        if length > PIECE:
            yield from _pieces(waiting)
            waiting, length = [], 0
    yield from _pieces(waiting)


def _pieces(texts: list[str]) -> Iterator[bytes]:
    # Half characters become bytes that are not UTF-8, and are then treated like those in files.
    whole = ("\n".join(texts) + "\n").encode("utf-8", "surrogatepass")
    return (whole[start : start + PIECE] for start in range(0, len(whole), PIECE))
