"""Text as numbers: what every word method trains on."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.fingerprint import file_state, fingerprint
from unlabeled.data.spool import Spool
from unlabeled.data.text.indexing.reading_progress import reading
from unlabeled.data.text.indexing.vocabulary import Vocabulary
from unlabeled.data.text.text_files import Files, open_text
from unlabeled.data.text.tokenization.text_encoding import Encoded, encode_text
from unlabeled.data.text.tokenization.tokenizers import RULES, Tokenizer, checked_tokenizer
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.files import folder_written_aside, read_json, refuses_damage, write_json
from unlabeled.setting_checks import check_whole_number

FORMAT = 1  # of the folder that `save` writes
BLOCK = 1 << 22  # words copied at a time

Integers = NDArray[np.int64]


class Corpus:
    """Sentences as numbers of words, in memory if they are few and else in a file. Immutable.

    Made by `Corpus.encode`. Iterating gives each sentence as a list of words.

    Parameters
    ----------
    ids : ndarray of int32, shape (n,)
    offsets : ndarray of int64, shape (sentences + 1,)
    vocabulary : Vocabulary
    tokens : int

    Attributes
    ----------
    ids : ndarray of int32, shape (n,)
        The words of all sentences, one after the other; only words of the vocabulary. Read-only; mapped from a file if
        there are more than 8 million.
    offsets : ndarray of int64, shape (sentences + 1,)
        Sentence s is ``ids[offsets[s] : offsets[s + 1]]`` and is never empty. Read-only.
    vocabulary : Vocabulary
        The words, by falling count.
    tokens : int
        How many words were read, those left out of the vocabulary included.
    """

    def __init__(self, ids: NDArray[np.int32], offsets: Integers, vocabulary: Vocabulary, tokens: int) -> None:
        self.ids, self.offsets, self.vocabulary, self.tokens = ids[:], offsets[:], vocabulary, tokens
        self.ids.flags.writeable = False
        self.offsets.flags.writeable = False

    @classmethod
    def encode(
        cls,
        source: Any,
        *,
        tokenizer: str | Tokenizer | None = None,
        min_count: int = 1,
        max_vocab: int | None = None,
        errors: Literal["strict", "replace"] = "strict",
        cache: str | os.PathLike[str] | None = None,
        progress: bool | Callable[[int, int], object] | None = None,
    ) -> Corpus:
        """Read a text once, count its words and number them.

        A line is a sentence, and a sentence of more than 10,000 words is cut. Rare words are taken out before anybody
        forms windows, so that what stood around them becomes neighbours, as in word2vec.

        Memory holds the words that are different, and 8 million of all words; the rest goes to a file in the system's
        folder for temporary files (``TMPDIR``), which vanishes with the corpus.

        Parameters
        ----------
        source : path, list of paths, folder, list of str, iterable of lists of str, or Corpus
            A string is the path of a text file or of a folder, of which all files are read, sorted by name; strings in
            a list are text, so files in a list must be `pathlib.Path` objects. Files may be compressed (gzip, zstd,
            bzip2, xz: their content says so, not their name). Anything iterable may be a generator: it is read once.
            Of a Corpus, words are left out as `min_count` and `max_vocab` say; its words were cut when it was made.
        tokenizer : {"words", "whitespace", "jieba", "fugashi", "pythainlp"} or callable, default "words"
            How a line becomes words; see `unlabeled.data.tokenize`. A callable gets one line at a time, without its
            end, and lines of more than a million characters in parts. Token lists are not cut again.
        min_count : int, default 1
            Leave out words that are seen less often.
        max_vocab : int, optional
            Keep only so many words, the most frequent.
        errors : {"strict", "replace"}, default "strict"
            What to do about bytes that are not UTF-8: raise and name file and line, or put U+FFFD in their place,
            which separates words under ``tokenizer="words"``.
        cache : path, optional
            A folder where the encoded text is kept for the next run with the same files (paths, sizes, times of
            change) and settings. Only for files and built-in tokenizers, as nothing else can be recognised.
        progress : bool or callable, optional
            Whether to show a bar while files are read; by default on a terminal and in a notebook. A callable is
            called as ``progress(done, total)`` with bytes.

        Returns
        -------
        Corpus

        Raises
        ------
        UnlabeledError
            If there is no text or no word is left, if something is neither text nor a word, or if a file cannot be
            read or written. A vocabulary of one word is not refused here.

        Examples
        --------
        >>> corpus = Corpus.encode(["I like deep learning.", "I like NLP.", "I enjoy flying."])
        >>> corpus
        Corpus(3 sentences, 10 words, 7 of them different)
        >>> corpus.vocabulary.words
        ['i', 'like', 'deep', 'learning', 'nlp', 'enjoy', 'flying']
        >>> corpus.ids[corpus.offsets[1] : corpus.offsets[2]]
        array([0, 1, 4], dtype=int32)
        """
        if isinstance(source, Corpus):
            return source.trimmed(min_count, max_vocab)
        _check_limits(min_count, max_vocab)
        if errors not in ("strict", "replace"):
            raise unknown_name("setting of errors", errors, ["strict", "replace"])
        tokenizer = checked_tokenizer(tokenizer)
        text = open_text(source)
        folder = None
        if cache is not None:
            folder = _cache_folder(Path(cache), text, tokenizer, [str(RULES), errors, str(min_count), str(max_vocab)])
            if (known := cls._cached(folder)) is not None:
                return known
        with reading(text.size if isinstance(text, Files) else 0, progress) as read:
            encoded = encode_text(text, tokenizer, errors, read)
        if isinstance(text, Files) and not len(encoded.ids):
            what = str(text.paths[0]) if len(text.paths) == 1 else f"the text in {len(text.paths)} files"
            raise UnlabeledError(f"{what} holds no words")
        corpus = cls.of(encoded, int(encoded.counts.sum()), min_count, max_vocab)
        if folder is None:
            return corpus
        corpus.save(folder)
        return cls._read(folder)

    @classmethod
    def of(cls, encoded: Encoded, tokens: int, min_count: int = 1, max_vocab: int | None = None) -> Corpus:
        """Make a corpus of a text whose words have numbers of first appearance; its arrays are used up."""
        from unlabeled.kernels.text.renumber import renumber

        if not len(encoded.ids):
            raise UnlabeledError("the text holds no words")
        # Words that lower-casing or joining made equal become one, which appeared when the first of them did.
        merged: dict[str, int] = {}
        places = np.array([merged.setdefault(word, len(merged)) for word in encoded.words], np.int64)
        counts = np.zeros(len(merged), np.int64)
        np.add.at(counts, places, encoded.counts)
        order = np.argsort(-counts, kind="stable")
        chosen = order[: np.count_nonzero(counts >= min_count)][:max_vocab]
        if not len(chosen):
            raise UnlabeledError(
                f"no word is seen {min_count:,} times: the most frequent of {len(merged):,} is seen "
                f"{counts.max():,} times; give more text or a smaller min_count"
            )
        numbers = np.full(len(merged), -1, np.int32)
        numbers[chosen] = np.arange(len(chosen), dtype=np.int32)
        words, sentences = renumber(encoded.ids, encoded.offsets, numbers[places])
        spelled = list(merged)
        vocabulary = Vocabulary([spelled[place] for place in chosen.tolist()], counts[chosen])
        return cls(encoded.ids[:words], encoded.offsets[: sentences + 1], vocabulary, tokens)

    def trimmed(self, min_count: int = 1, max_vocab: int | None = None) -> Corpus:
        """Leave out further words: give this corpus if all its words are seen often enough, else a smaller one.

        Parameters
        ----------
        min_count, max_vocab : int
            As in `encode`.
        """
        _check_limits(min_count, max_vocab)
        counts, words = self.vocabulary.counts, self.vocabulary.words
        if counts[-1] >= min_count and len(counts) <= (max_vocab or len(counts)):
            return self
        ids, offsets = Spool(np.int32), Spool(np.int64)
        offsets.append(self.offsets[:1])
        for block in self.blocks():
            ids.append(self.ids[self.offsets[block.start] : self.offsets[block.stop]])
            offsets.append(self.offsets[block.start + 1 : block.stop + 1])
        return self.of(Encoded(ids.finish(), offsets.finish(), words, counts), self.tokens, min_count, max_vocab)

    def blocks(self, words: int = BLOCK) -> Iterator[slice]:
        """Divide the sentences into slices of about so many words, and at least one sentence."""
        begin = 0
        while begin < len(self):
            end = int(np.searchsorted(self.offsets, self.offsets[begin] + words, side="right")) - 1
            end = max(end, begin + 1)
            yield slice(begin, end)
            begin = end

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the corpus into `folder`, whole or not at all, replacing what was there."""
        with folder_written_aside(folder, "corpus") as aside:
            np.save(aside / "ids.npy", self.ids, allow_pickle=False)
            np.save(aside / "offsets.npy", self.offsets, allow_pickle=False)
            np.save(aside / "counts.npy", self.vocabulary.counts, allow_pickle=False)
            write_json(aside / "words.json", self.vocabulary.words)
            card = {"corpus": FORMAT, "tokens": self.tokens, "fingerprint": self.fingerprint}
            write_json(aside / "corpus.json", card)

    @classmethod
    @refuses_damage
    def load(cls, folder: str | os.PathLike[str]) -> Corpus:
        """Map a corpus that `save` wrote, after reading it once to see that it is whole.

        Raises
        ------
        UnlabeledError
            If the folder is missing, damaged, or holds something else.
        """
        corpus = cls._read(Path(folder))
        said = corpus.fingerprint
        del corpus.fingerprint
        if corpus.fingerprint != said or not corpus._consistent():
            raise UnlabeledError(f"the corpus in {folder} is damaged: its content has changed since it was written")
        return corpus

    @classmethod
    def _read(cls, folder: Path) -> Corpus:
        card = read_json(folder / "corpus.json")
        if not isinstance(card, dict) or card.get("corpus") != FORMAT:
            raise UnlabeledError(f"{folder} does not hold a corpus that this version can read")
        try:
            ids, offsets, counts = (
                np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False))
                for name in ("ids", "offsets", "counts")
            )
            corpus = cls(ids, offsets, Vocabulary(read_json(folder / "words.json"), counts), int(card["tokens"]))
        except (OSError, ValueError, EOFError, KeyError) as error:
            raise UnlabeledError(f"the corpus in {folder} is damaged ({error})") from error
        corpus.fingerprint = str(card.get("fingerprint"))
        return corpus

    def _consistent(self) -> bool:
        """Tell whether all numbers are in range; compiled code trusts them, and would read and write elsewhere."""
        return bool(
            self.ids.dtype == np.int32
            and self.offsets.dtype == np.int64
            and len(self.ids) > 0
            and self.offsets[0] == 0
            and self.offsets[-1] == len(self.ids)
            and np.all(self.offsets[1:] > self.offsets[:-1])
            and 0 <= self.ids.min() <= self.ids.max() < len(self.vocabulary)
        )

    @classmethod
    def _cached(cls, folder: Path) -> Corpus | None:
        if not folder.exists():
            return None
        try:
            return cls.load(folder)
        except UnlabeledError as error:
            warnings.warn(f"{error}; the text is encoded anew", stacklevel=3)
            return None

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256, in hexadecimal, of the words, their counts and the sentences: equal for equal text."""
        words = "\n".join([str(self.tokens), *self.vocabulary.words])
        return fingerprint([words, self.vocabulary.counts, self.offsets, self.ids])

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __iter__(self) -> Iterator[list[str]]:
        words = self.vocabulary.words
        for block in self.blocks():
            bounds = self.offsets[block.start : block.stop + 1].tolist()
            ids = self.ids[bounds[0] : bounds[-1]].tolist()
            for begin, end in pairwise(bounds):
                yield [words[id] for id in ids[begin - bounds[0] : end - bounds[0]]]

    def __repr__(self) -> str:
        return f"Corpus({len(self):,} sentences, {len(self.ids):,} words, {len(self.vocabulary):,} of them different)"


def _check_limits(min_count: int, max_vocab: int | None) -> None:
    check_whole_number("min_count", min_count)
    if max_vocab is not None:
        check_whole_number("max_vocab", max_vocab)


def _cache_folder(cache: Path, text: Any, tokenizer: str | Tokenizer, settings: list[str]) -> Path:
    """Name the folder of the cache for these files and settings; refuse what cannot be recognised or written."""
    if not isinstance(text, Files) or callable(tokenizer) or not all(path.is_file() for path in text.paths):
        what = "a tokenizer of your own" if callable(tokenizer) else "text that does not come from files"
        raise UnlabeledError(
            f"cache= cannot recognise {what} in the next run; leave it out, and keep the corpus yourself: "
            "Corpus.encode(...).save(folder), Corpus.load(folder)"
        )
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnlabeledError(f"cannot make the folder of the cache, {cache}: {error.strerror}") from error
    if not os.access(cache, os.W_OK):
        raise UnlabeledError(f"the folder of the cache, {cache}, cannot be written")
    files = [part for path in text.paths for part in (str(path.absolute()), file_state(path))]
    return cache / f"corpus-{fingerprint([str(FORMAT), tokenizer, *settings, *files])[:16]}"
