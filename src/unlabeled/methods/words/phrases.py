"""Phrases: words that stand together more often than chance would have them become one word, as in ``new_york``."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.spool import Spool
from unlabeled.data.text.indexing.corpus import Corpus
from unlabeled.data.text.tokenization.text_encoding import Encoded
from unlabeled.data.text.tokenization.tokenizers import LostTokenizer
from unlabeled.errors import UnlabeledError
from unlabeled.estimator import Estimator, described
from unlabeled.files import folder_written_aside, read_json, refuses_damage, write_json
from unlabeled.setting_checks import check_whole_number

PAIRS = (1 << 22) - 1  # different pairs counted at a time, in a table of 128 MiB

Integers = NDArray[np.int64]


class Phrases(Estimator):
    r"""Find pairs of words that belong together, and join them.

    The score of two words a, b that follow each other in a sentence is

    .. math:: \frac{(c(ab) - \delta) \, N}{c(a) \, c(b)}

    with c the number of times seen, N the number of words of the text, and δ a discount that keeps pairs of rare words
    from forming phrases. It tells how many times more often the pair is seen than independent words would be. Pairs
    that score above the threshold are phrases. Sentences are joined from left to right, and no word is joined twice;
    joining the result once more makes phrases of three and four words.

    Fit before rare words are left out (`Corpus.encode` with ``min_count=1``, as by default), or words will be
    neighbours that are not.

    Parameters
    ----------
    threshold : float, default 100.0
        A higher one makes fewer phrases. The default is word2vec's; at 10, expressions such as "it is" are phrases.
    min_count : int, default 5
        The discount δ. Pairs in which a word is seen less often are no phrases.
    delimiter : str, default "_"
        What stands between the words of a phrase.
    tokenizer : {"words", "whitespace"} or callable, default "words"
        How text becomes words; see `Corpus.encode`.

    Attributes
    ----------
    phrases_ : dict of (str, str) to float
        The score of each phrase, highest first.

    References
    ----------
    .. [1] Mikolov, Sutskever, Chen, Corrado & Dean, Distributed Representations of Words and Phrases and their
       Compositionality, NeurIPS 2013.

    Examples
    --------
    >>> text = ["i like new york", "new york is big", "is york new", "i like it"]
    >>> phrases = Phrases(threshold=1.5, min_count=1).fit(text)
    >>> phrases.phrases_
    {('i', 'like'): 3.5, ('new', 'york'): 1.5555555555555556}
    >>> list(phrases.transform(text))
    [['i_like', 'new_york'], ['new_york', 'is', 'big'], ['is', 'york', 'new'], ['i_like', 'it']]
    >>> phrases.join(["in", "new", "york"])
    ['in', 'new_york']
    """

    principle: ClassVar[str] = "words"

    modalities: ClassVar[tuple[str, ...]] = ("text",)

    threshold: float = 100.0
    min_count: int = 5
    delimiter: str = "_"
    tokenizer: str | Callable[[str], Iterable[str]] | None = "words"

    def fit(self, X: Any, y: Any = None) -> Self:
        """Count pairs and choose the phrases.

        Parameters
        ----------
        X : path, list of paths, folder, list of str, iterable of lists of str, or Corpus
            The text, as `Corpus.encode` takes it.
        y : ignored
            There for scikit-learn's sake.

        Returns
        -------
        self

        Raises
        ------
        UnlabeledError
            If the text or a setting is not usable.
        """
        check_whole_number("min_count", self.min_count)
        if not self.threshold >= 0:
            raise UnlabeledError(f"threshold must be at least 0, got {self.threshold!r}")
        corpus = Corpus.encode(X, tokenizer=self.tokenizer)
        words = corpus.vocabulary.words
        found: list[tuple[float, int]] = []
        for pairs, counts in _counted_pairs(corpus, self.min_count):
            seen = corpus.vocabulary.counts.astype(np.float64)
            scores = (counts - self.min_count) * corpus.tokens / (seen[pairs >> 32] * seen[pairs & _SECOND])
            high = scores > self.threshold
            found.extend(zip((-scores[high]).tolist(), pairs[high].tolist(), strict=True))
        self.phrases_ = {(words[pair >> 32], words[pair & _SECOND]): -score for score, pair in sorted(found)}
        return self

    def transform(self, X: Any) -> Corpus:
        """Join the phrases of a text.

        Parameters
        ----------
        X : path, list of paths, folder, list of str, iterable of lists of str, or Corpus

        Returns
        -------
        Corpus
            With phrases in its vocabulary, and without the words that are left in no sentence. `Corpus.trimmed` leaves
            out the rare ones.
        """
        self._check_is_fitted()
        corpus = Corpus.encode(X, tokenizer=self.tokenizer)
        starts, seconds, joined = self._table(corpus)
        if not joined:
            return corpus
        return _joined_corpus(corpus, starts, seconds, joined)

    def join(self, sentence: Sequence[str]) -> list[str]:
        """Join the phrases of one sentence, given as a list of words."""
        self._check_is_fitted()
        if isinstance(sentence, str):
            raise UnlabeledError(f"join takes a list of words, got the string {sentence!r:.60}")
        out: list[str] = []
        words = iter(sentence)
        word = next(words, None)
        while word is not None:
            following = next(words, None)
            if following is not None and (word, following) in self.phrases_:
                word, following = f"{word}{self.delimiter}{following}", next(words, None)
            out.append(word)
            word = following
        return out

    def to_dict(self) -> dict[str, Any]:
        """Give the phrases as plain values that JSON can hold; `from_dict` makes them again."""
        listed = [[first, second, score] for (first, second), score in self.phrases_.items()]
        settings = {"threshold": self.threshold, "min_count": self.min_count, "delimiter": self.delimiter}
        return {**settings, "tokenizer": described(self.tokenizer), "phrases": listed}

    @classmethod
    def from_dict(cls, saved: Any) -> Self:
        """Make the phrases that `to_dict` described.

        Raises
        ------
        UnlabeledError
            If `saved` is something else.
        """
        try:
            settings = {name: saved[name] for name in ("threshold", "min_count", "delimiter")}
            self = cls(**settings, tokenizer=LostTokenizer.of(saved["tokenizer"]))
            self.phrases_ = {(str(first), str(second)): float(score) for first, second, score in saved["phrases"]}
        except (KeyError, TypeError, ValueError) as error:
            raise UnlabeledError(f"the phrases are damaged ({error!r})") from error
        return self

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Save as a folder with a JSON file. A tokenizer of your own is not saved: give it again to what was loaded."""
        self._check_is_fitted()
        with folder_written_aside(folder) as aside:
            write_json(aside / "model.json", {"method": "phrases", **self.to_dict()})

    @classmethod
    @refuses_damage
    def load(cls, folder: str | os.PathLike[str]) -> Self:
        """Load what `save` wrote."""
        return cls.from_dict(read_json(Path(folder) / "model.json"))

    def _check_is_fitted(self) -> None:
        if not hasattr(self, "phrases_"):
            from sklearn.utils.validation import check_is_fitted

            check_is_fitted(self)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "phrases_")

    def _table(self, corpus: Corpus) -> tuple[Integers, NDArray[np.int32], list[str]]:
        """Give for each word of a corpus the words it forms phrases with, and the phrases spelt."""
        index, words = corpus.vocabulary.index, corpus.vocabulary.words
        pairs = np.sort(
            np.array([(index[a] << 32) | index[b] for a, b in self.phrases_ if a in index and b in index], np.int64)
        )
        firsts, seconds = pairs >> 32, pairs & _SECOND
        starts = np.searchsorted(firsts, np.arange(len(words) + 1))
        names = [f"{words[a]}{self.delimiter}{words[b]}" for a, b in zip(firsts, seconds, strict=True)]
        return starts, seconds.astype(np.int32), names


_SECOND = 0xFFFFFFFF


def _counted_pairs(corpus: Corpus, min_count: int) -> Iterator[tuple[Integers, Integers]]:
    """Count all pairs of words seen at least `min_count` times, for some first words after the other.

    A first word has no more pairs than it is seen, nor more than there are words. So many first words are taken at a
    time as have room in a table of fixed size, whatever the size of the text.
    """
    from unlabeled.kernels.text.bigrams import NOTHING, count_pairs

    counts = corpus.vocabulary.counts
    frequent = int(np.count_nonzero(counts >= min_count))
    most = np.cumsum(np.minimum(counts[:frequent], frequent))
    low = 0
    while low < frequent:
        before = most[low - 1] if low else 0
        high = max(low + 1, int(np.searchsorted(most, before + PAIRS, side="right")))
        size = 1 << int(2 * (most[high - 1] - before)).bit_length()
        pairs, seen = np.full(size, NOTHING), np.zeros(size, np.int64)
        count_pairs(corpus.ids, corpus.offsets, low, high, frequent, pairs, seen)
        there = np.flatnonzero(seen > min_count)
        yield pairs[there], seen[there]
        low = high


def _joined_corpus(corpus: Corpus, starts: Integers, seconds: NDArray[np.int32], joined: list[str]) -> Corpus:
    """Write the corpus anew with phrases joined, block by block."""
    from unlabeled.kernels.text.bigrams import join_pairs

    words = len(corpus.vocabulary)
    numbers = np.full(words + len(joined) + 1, -1, np.int32)
    numbers[-1] = 0
    counts = np.zeros(words + len(joined), np.int64)
    ids, offsets = Spool(np.int32), Spool(np.int64)
    offsets.append(np.zeros(1, np.int64))
    for block in corpus.blocks():
        bounds = corpus.offsets[block.start : block.stop + 1]
        out = np.empty(bounds[-1] - bounds[0], np.int32)
        ends = np.empty(len(bounds) - 1, np.int64)
        written = join_pairs(corpus.ids, bounds, starts, seconds, words, numbers, out, ends)
        counts += np.bincount(out[:written], minlength=len(counts))
        offsets.append(ends + len(ids))
        ids.append(out[:written])
    appeared = np.flatnonzero(numbers[:-1] >= 0)
    spelled = [*corpus.vocabulary.words, *joined]
    in_order = [spelled[place] for place in appeared[np.argsort(numbers[appeared])].tolist()]
    left_out = corpus.tokens - len(corpus.ids)
    encoded = Encoded(ids.finish(), offsets.finish(), in_order, counts[: len(in_order)])
    return Corpus.of(encoded, len(ids) + left_out)
