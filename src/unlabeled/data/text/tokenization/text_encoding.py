"""One pass over a text: words become numbers in order of first appearance, and are counted."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.spool import Spool
from unlabeled.data.text.indexing.vocabulary import check_word
from unlabeled.data.text.text_files import Files, Strings, TokenLists, not_text
from unlabeled.data.text.tokenization.tokenizers import Tokenizer, run_splitter
from unlabeled.errors import UnlabeledError

LONGEST_SENTENCE = 10_000  # words; a longer one, such as a whole book on one line, is cut
LONGEST_LINE = 1 << 20  # characters given at once to a tokenizer of the user's own

_FLUSH = 1 << 17  # words
_SENTENCES = 1 << 12  # whose runs are split at a time

Integers = NDArray[np.int64]


class Encoded(NamedTuple):
    """A text as numbers of first appearance; the arrays may be written to.

    Sentence s is ``ids[offsets[s] : offsets[s + 1]]``; ``words[w]`` was seen ``counts[w]`` times. Words may repeat.
    """

    ids: NDArray[np.int32]
    offsets: Integers
    words: list[str]
    counts: Integers


def encode_text(
    text: Files | Strings | TokenLists, tokenizer: str | Tokenizer, errors: str, read: Callable[[int], object]
) -> Encoded:
    """Read a text once and number its words; `read` is told of every so many bytes that have been read of a file."""
    if isinstance(text, TokenLists):
        return _encode_lists(text.sentences)
    if callable(tokenizer):
        lines = _lines_of_strings(text) if isinstance(text, Strings) else _lines_of_files(text, errors, read)
        return _encode_lists(_tokenized(lines, tokenizer))

    from unlabeled.data.text.indexing.word_indexer import WordIndexer

    encoder = WordIndexer(tokenizer, errors, LONGEST_SENTENCE)
    if isinstance(text, Strings):
        encoder.read_strings(text.texts)
    else:
        for path in text.paths:
            encoder.read_pieces(text.pieces(path, read), str(path))
    return split_runs(Encoded(*encoder.finish()), run_splitter(tokenizer))


def split_runs(runs: Encoded, split: Callable[[str], list[str]]) -> Encoded:
    """Put the words of each run in its place, of which there may be none. Runs of ASCII are in lower case already."""
    others = [place for place, run in enumerate(runs.words) if not (run.isascii() and run.strip("_'"))]
    sizes = np.ones(len(runs.words), np.int64)
    words: list[str] = []
    end = 0
    for place in others:  # the other runs, mostly all, are one word each
        found = split(runs.words[place])
        sizes[place] = len(found)
        words += runs.words[end:place] + found
        end = place + 1
    words += runs.words[end:]
    counts = np.repeat(runs.counts, sizes)
    if (sizes == 1).all():
        return Encoded(runs.ids, runs.offsets, words, counts)
    starts = np.cumsum(sizes) - sizes
    ids, offsets = Spool(np.int32), Spool(np.int64)
    offsets.append(np.zeros(1, np.int64))
    for first in range(0, len(runs.offsets) - 1, _SENTENCES):
        bounds = runs.offsets[first : first + _SENTENCES + 1]
        block = runs.ids[bounds[0] : bounds[-1]]
        ends = np.concatenate([[0], np.cumsum(sizes[block])])
        places = np.arange(ends[-1]) + np.repeat(starts[block] - ends[:-1], sizes[block])
        edges = ends[bounds - bounds[0]]
        stops = np.concatenate([edges, *(range(a, b, LONGEST_SENTENCE) for a, b in _long(edges))])
        offsets.append(np.unique(stops)[1:] + len(ids))  # a sentence that is left without words vanishes
        ids.append(places.astype(np.int32))
    return Encoded(ids.finish(), offsets.finish(), words, counts)


def _long(edges: Integers) -> Iterable[tuple[int, int]]:
    """Give where the sentences begin and end that have too many words."""
    long = np.flatnonzero(np.diff(edges) > LONGEST_SENTENCE)
    return zip(edges[long].tolist(), edges[long + 1].tolist(), strict=True)


class _Numbers(dict[str, int]):
    """Numbers words as they are first asked for; a plain look-up otherwise."""

    def __missing__(self, word: Any) -> int:
        check_word(word)
        self[word] = number = len(self)
        return number


def _encode_lists(sentences: Iterable[Iterable[str]]) -> Encoded:
    numbers = _Numbers()
    ids, offsets = Spool(np.int32), Spool(np.int64)
    offsets.append(np.zeros(1, np.int64))
    counts = np.zeros(0, np.int64)
    waiting: list[int] = []
    stops: list[int] = []
    done = 0

    def flush() -> None:
        nonlocal counts, done
        piece = np.array(waiting, np.int32)
        seen = np.bincount(piece, minlength=len(numbers))
        seen[: len(counts)] += counts
        counts = seen
        ids.append(piece)
        offsets.append(np.array(stops, np.int64))
        done += len(piece)
        waiting.clear()
        stops.clear()

    for i, sentence in enumerate(sentences):
        words = iter(sentence)
        try:
            while part := [numbers[word] for word in islice(words, LONGEST_SENTENCE)]:
                waiting += part
                stops.append(done + len(waiting))
                if len(waiting) > _FLUSH:
                    flush()
        except UnlabeledError as error:
            raise UnlabeledError(f"sentence {i}: {error}") from None
        except TypeError as error:  # a list or the like cannot be looked up
            raise UnlabeledError(f"sentence {i}: words are strings ({error})") from None
    flush()
    return Encoded(ids.finish(), offsets.finish(), list(numbers), counts)


def _tokenized(lines: Iterable[str], tokenizer: Tokenizer) -> Iterator[Iterable[str]]:
    for line in lines:
        words = tokenizer(line)
        if isinstance(words, (str, bytes)) or not isinstance(words, Iterable):
            raise UnlabeledError(f"the tokenizer must give a list of strings, but for {line[:40]!r} gave {words!r:.60}")
        yield words


def _lines_of_strings(text: Strings) -> Iterator[str]:
    for string in text.texts:
        yield from _parts(string.split("\n"))


def _lines_of_files(text: Files, errors: str, read: Callable[[int], object]) -> Iterator[str]:
    for path in text.paths:
        yield from _lines(text.pieces(path, read), path, errors)


def _lines(pieces: Iterable[bytes], path: Path, errors: str) -> Iterator[str]:
    """Decode a file and give its lines; of one too long to be held, part by part."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors)
    open_line = ""
    number = 1
    for piece in pieces:
        try:
            text = decoder.decode(piece)
        except UnicodeDecodeError as error:
            raise not_text(str(path), number + error.object.count(b"\n", 0, error.start), invalid=True) from None
        if "\0" in text:
            raise not_text(str(path), number + text.count("\n", 0, text.index("\0")), invalid=False)
        *lines, open_line = (open_line + text).split("\n")
        number += len(lines)
        yield from _parts(lines)
        if len(open_line) > LONGEST_LINE:
            *parts, open_line = _parts([open_line])
            yield from parts
    try:
        open_line += decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise not_text(str(path), number, invalid=True) from None
    yield from _parts([open_line])


def _parts(lines: Iterable[str]) -> Iterator[str]:
    """Cut lines that are too long, between words if there are any; line ends of Windows are taken off."""
    for line in lines:
        line = line.removesuffix("\r")
        while len(line) > LONGEST_LINE:
            cut = max(line.rfind(" ", 1, LONGEST_LINE), line.rfind("\t", 1, LONGEST_LINE))
            cut = cut if cut > 0 else LONGEST_LINE
            yield line[:cut]
            line = line[cut:]
        yield line
