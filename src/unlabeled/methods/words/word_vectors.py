"""Words and their vectors: looked up, compared, saved and loaded."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unlabeled.data.finite import first_not_finite
from unlabeled.errors import UnknownWordError, UnlabeledError, unknown_name
from unlabeled.methods.words.formats import Selection, read_words, write_words
from unlabeled.methods.words.lookup import nearest_words
from unlabeled.methods.words.lookup.checks import (
    OOV,
    check_k,
    check_method,
    check_restrict,
    checked_counts,
    checked_index,
    checked_policy,
    checked_vectors,
    read_only,
    refuse,
)
from unlabeled.search.metric import row_lengths, unit_rows
from unlabeled.setting_checks import check_whole_number

if TYPE_CHECKING:
    import torch

    from unlabeled.data.text.indexing.vocabulary import Vocabulary


class Neighbour(NamedTuple):
    """A word and how similar it is to what was asked."""

    word: str
    similarity: float

    def __repr__(self) -> str:
        return f"({self.word!r}, {self.similarity:.4f})"


@dataclass(frozen=True)
class UnitLength:
    """Brings the vectors that a function makes for unseen words to unit length."""

    make: Callable[[str], ArrayLike]

    def __call__(self, word: str) -> NDArray[Any]:
        """Give the vector of an unseen word at unit length."""
        return np.asarray(unit_rows(np.asarray(self.make(word))[None])[0])


class WordVectors:
    """Words with a vector each; cannot be changed.

    Parameters
    ----------
    words : sequence of str, length n
        Distinct words, by convention the most frequent first.
    vectors : array, shape (n, dim)
        One row a word. Float16 and float32 are kept as they are, without a copy; other types become float32. The array
        may be a `numpy.memmap`, which is then not read through to look for NaN.
    counts : array of int, shape (n,), optional
        How often each word was seen.
    oov : {"raise", "zero"} or callable, default "raise"
        What a look-up does with a word that is not among `words`, where it is not told otherwise: see `lookup`. A
        function from word to vector is how subword models make vectors of unseen words.

    Attributes
    ----------
    words : tuple of str
    vectors : read-only ndarray of float32 or float16, shape (n, dim)
    counts : read-only ndarray of int64, shape (n,), or None
    index : mapping of str to int
        The row of each word.
    dim : int
        Length of a vector.

    Raises
    ------
    UnlabeledError
        If there are no words, one occurs twice, lengths differ, or a number is NaN or infinite.

    Examples
    --------
    >>> vectors = WordVectors(["king", "queen", "man", "woman"], [[2, 1], [2, 3], [0, 1], [0, 3]])
    >>> vectors["queen"]
    array([2., 3.], dtype=float32)
    >>> vectors.analogy("king", minus="man", plus="woman")
    [('queen', 0.8682)]
    >>> "prince" in vectors
    False
    """

    def __init__(
        self, words: Sequence[str], vectors: ArrayLike, counts: ArrayLike | None = None, *, oov: OOV = "raise"
    ) -> None:
        self.words = tuple(words)
        self._index = checked_index(self.words)
        self.vectors = checked_vectors(vectors, self.words)
        self.counts = None if counts is None else checked_counts(counts, len(self.words))
        if oov == "skip":
            raise UnlabeledError('oov="skip" is for a look-up of several words: write lookup(words, oov="skip")')
        self.oov = checked_policy(oov)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self.vectors.shape[1])

    @property
    def index(self) -> Mapping[str, int]:
        """The row of each word."""
        return MappingProxyType(self._index)

    def __len__(self) -> int:
        return len(self.words)

    def __iter__(self) -> Iterator[str]:
        return iter(self.words)

    def __contains__(self, word: object) -> bool:
        """Say whether a word has a vector: one of its own, or one that the function `oov` makes."""
        if word in self._index:
            return True
        if not callable(self.oov) or not isinstance(word, str):
            return False
        try:
            self._unseen(word, self.oov)
        except KeyError:
            return False
        return True

    def __getitem__(self, words: str | Sequence[str]) -> NDArray[Any]:
        """Give the vector of a word, shape (dim,), or those of several, shape (n, dim)."""
        return self.lookup([words])[0] if isinstance(words, str) else self.lookup(words)

    def __repr__(self) -> str:
        return f"WordVectors({len(self):,} words of {self.dim} numbers, {self.vectors.dtype})"

    def lookup(self, words: Sequence[str], oov: OOV | None = None) -> NDArray[Any]:
        """Look up the vectors of several words.

        Parameters
        ----------
        words : sequence of str, length n
            Words.
        oov : {"raise", "zero", "skip"} or callable, optional
            What to do with a word that has no vector: stop with an error that suggests the nearest known words, take
            zeros, leave it out, or call a function from the word to its vector. By default what the object was made
            with.

        Returns
        -------
        ndarray, shape (n, dim), or fewer rows with "skip"

        Raises
        ------
        UnknownWordError
            If a word is unknown and `oov` is "raise"; it is an `UnlabeledError` and a `KeyError`.
        """
        if isinstance(words, str) or not isinstance(words, Iterable):
            raise UnlabeledError(f"lookup takes several words, got {words!r}; write [{words!r}]")
        policy = self.oov if oov is None else checked_policy(oov)
        words = list(words)
        if policy == "skip":
            words = [word for word in words if word in self]
            policy = self.oov
        rows = np.array([self._index.get(word, -1) for word in words], np.int64)
        found = self.vectors[rows]  # a copy, with the last word's vector where the word is unknown
        for place in np.flatnonzero(rows < 0):
            found[place] = self._unseen(words[place], policy)
        return found

    def _unseen(self, word: str, policy: OOV) -> Any:
        if callable(policy):
            vector = np.asarray(policy(word), self.vectors.dtype)
            if vector.shape != (self.dim,):
                raise UnlabeledError(
                    f"the function given for unknown words made {vector.shape} numbers for {word!r}, not ({self.dim},)"
                )
            return vector
        if policy == "zero":
            return 0
        raise self._unknown(word)

    def _unknown(self, word: object) -> UnlabeledError:
        if not isinstance(word, str):
            return UnlabeledError(f"a word is a string, not {word!r}")
        return UnknownWordError(
            f"the word {word!r} is not among the {len(self):,} words", lambda: self._spellings.nearest(word)
        )

    @cached_property
    def _spellings(self) -> Vocabulary:
        from unlabeled.data.text.indexing.vocabulary import Vocabulary

        return Vocabulary(self.words, np.zeros(len(self), np.int64))

    def similarity(self, a: str, b: str) -> float:
        """Give the cosine of two words' vectors, from −1 to 1; 0 with a vector of zeros.

        Examples
        --------
        >>> WordVectors(["up", "down"], [[0, 1], [0, -2]]).similarity("up", "down")
        -1.0
        """
        first, second = unit_rows(self.lookup([a, b]))
        return float(np.clip(first @ second, -1, 1))

    @overload
    def most_similar(self, query: str, k: int = 10, *, restrict: int | None = None) -> list[Neighbour]: ...
    @overload
    def most_similar(
        self, query: list[str] | tuple[str, ...], k: int = 10, *, restrict: int | None = None
    ) -> list[list[Neighbour]]: ...
    @overload
    def most_similar(self, query: NDArray[Any], k: int = 10, *, restrict: int | None = None) -> list[Any]: ...
    @overload
    def most_similar(
        self,
        *,
        positive: str | Sequence[str | ArrayLike] = (),
        negative: str | Sequence[str | ArrayLike] = (),
        k: int = 10,
        restrict: int | None = None,
    ) -> list[Neighbour]: ...
    def most_similar(
        self,
        query: str | Sequence[str] | NDArray[Any] | None = None,
        k: int = 10,
        *,
        positive: str | Sequence[str | ArrayLike] = (),
        negative: str | Sequence[str | ArrayLike] = (),
        restrict: int | None = None,
    ) -> list[Any]:
        """Find the words nearest to a word, a vector, or a sum of several, by cosine.

        Parameters
        ----------
        query : str, sequence of str, or array of shape (dim,) or (q, dim)
            What to search by. A word never finds itself.
        k : int, default 10
            How many; fewer if there are no more words.
        positive, negative : word, or sequence of words and vectors
            Instead of `query`: search by the sum of the unit vectors of `positive` less those of `negative`.
        restrict : int, optional
            Search among the first so many words only.

        Returns
        -------
        list of Neighbour, or a list of such lists for several queries
            Nearest first, words at the same distance in their order.

        Examples
        --------
        >>> vectors = WordVectors(["cat", "dog", "car"], [[3, 1], [3, 2], [-1, 3]])
        >>> vectors.most_similar("cat", k=1)
        [('dog', 0.9648)]
        >>> vectors.most_similar(positive=["dog", "car"], k=1)
        [('cat', 0.6070)]
        """
        plus, minus = ([part] if isinstance(part, str) else list(part) for part in (positive, negative))
        if (query is not None) == bool(plus or minus):
            raise UnlabeledError("give most_similar either a query, or positive and negative words")
        if query is None:
            signed = [(part, 1) for part in plus] + [(part, -1) for part in minus]
            total = sum(sign * self._unit(part) for part, sign in signed)
            own = [row for part, _ in signed if isinstance(part, str) for row in self._rows(part)]
            return self._nearest(np.atleast_2d(total), [own], k, restrict)[0]
        if isinstance(query, str):
            return self._nearest(self.lookup([query]), [self._rows(query)], k, restrict)[0]
        if isinstance(query, np.ndarray):
            found = self._nearest(self._checked_queries(query), [[]] * len(np.atleast_2d(query)), k, restrict)
            return found[0] if query.ndim == 1 else found
        return self._nearest(self.lookup(query), [self._rows(word) for word in query], k, restrict)

    def _unit(self, part: str | ArrayLike) -> NDArray[np.float32]:
        """Give the vector of a word, or the vector given, at unit length."""
        rows = self.lookup([part]) if isinstance(part, str) else self._checked_queries(np.asarray(part))
        return np.asarray(unit_rows(rows)[0])

    def _nearest(
        self, queries: NDArray[Any], own: Sequence[Sequence[int]], k: int, restrict: int | None
    ) -> list[list[Neighbour]]:
        check_k(k)
        check_restrict(restrict)
        among = self.vectors[:restrict]
        own = [[row for row in rows if row < len(among)] for rows in own]
        found = nearest_words.nearest(among, self.lengths[:restrict], unit_rows(queries), k, own)
        return [self._named(rows, similarities) for rows, similarities in found]

    def analogy(
        self, word: str, *, minus: str, plus: str, k: int = 5, method: nearest_words.AnalogyMethod = "3CosAdd"
    ) -> list[Neighbour]:
        """Find x such that `word` is to `minus` as x is to `plus`; none of the three is an answer.

        Parameters
        ----------
        word, minus, plus : str
            As in king − man + woman.
        k : int, default 5
            How many answers; fewer if there are no more words.
        method : {"3CosAdd", "3CosMul"}, default "3CosAdd"
            Rank by the cosine with the sum of the three unit vectors [1]_, or by the product of similarities, in which
            no single large one outweighs the others [2]_.

        Returns
        -------
        list of Neighbour
            Best first. The similarity is the cosine with the sum, or the product.

        References
        ----------
        .. [1] Mikolov, Yih & Zweig, Linguistic Regularities in Continuous Space Word Representations, NAACL 2013.
        .. [2] Levy & Goldberg, Linguistic Regularities in Sparse and Explicit Word Representations, CoNLL 2014.
        """
        check_k(k)
        check_method(method)
        for asked in (word, minus, plus):
            if not isinstance(asked, str):
                raise self._unknown(asked)
        three = unit_rows(self.lookup([word, minus, plus]))
        scores = nearest_words.analogy_scores(method, *nearest_words.cosines(self.vectors, self.lengths, three))
        if method == "3CosAdd":
            scores /= np.linalg.norm(three[0] - three[1] + three[2]) or 1  # so that it is a cosine
        scores[[row for asked in (word, minus, plus) for row in self._rows(asked)]] = -np.inf
        rows = nearest_words.top(scores, k)
        return self._named(rows, scores[rows])

    def doesnt_match(self, words: Sequence[str]) -> str:
        """Find the word that is least like the others: the one farthest from the mean of all unit vectors.

        Examples
        --------
        >>> WordVectors(["cat", "dog", "car"], [[3, 1], [3, 2], [-1, 3]]).doesnt_match(["car", "cat", "dog"])
        'car'
        """
        if isinstance(words, str) or not len(words):
            raise UnlabeledError(f"doesnt_match needs a list of at least one word, got {words!r}")
        unit = unit_rows(self.lookup(words))
        return words[int((unit @ unit.mean(axis=0)).argmin())]

    def n_similarity(self, a: Sequence[str], b: Sequence[str]) -> float:
        """Give the cosine of the mean vectors of two lists of words, from −1 to 1.

        Examples
        --------
        >>> round(WordVectors(["up", "down", "on"], [[0, 1], [0, -2], [1, 1]]).n_similarity(["up", "on"], ["down"]), 4)
        -0.8944
        """
        for words in (a, b):
            if isinstance(words, str) or not len(words):
                raise UnlabeledError(f"n_similarity needs two lists of at least one word, got {words!r}")
        means = [self.lookup(words).mean(axis=0, dtype=np.float64) for words in (a, b)]
        first, second = unit_rows(np.stack(means))
        return float(np.clip(first @ second, -1, 1))

    def synonym(self, word: str, choices: Sequence[str]) -> Neighbour:
        """Choose, among some words, the one nearest to a word; the first of equals.

        Examples
        --------
        >>> vectors = WordVectors(["big", "large", "red"], [[3, 1], [2, 1], [-1, 3]])
        >>> vectors.synonym("big", ["red", "large"])
        ('large', 0.9899)
        """
        if isinstance(choices, str) or not len(choices):
            raise UnlabeledError(f"synonym needs a list of at least one word to choose from, got {choices!r}")
        vectors = unit_rows(self.lookup([word, *choices]))
        similarities = vectors[1:] @ vectors[0]
        best = int(similarities.argmax())
        return Neighbour(choices[best], float(similarities[best]))

    def subset(self, words: Sequence[str]) -> Self:
        """Keep only some words, in the order given.

        Raises
        ------
        UnlabeledError
            If one of them is unknown or occurs twice.
        """
        unknown = next((word for word in words if word not in self._index), None)
        if unknown is not None:
            raise self._unknown(unknown)
        rows = [self._index[word] for word in words]
        counts = None if self.counts is None else self.counts[rows]
        return type(self)(words, self.vectors[rows], counts, oov=self.oov)

    def normalised(self) -> Self:
        """Bring all vectors to unit length, those made for unseen words too; those of zeros stay."""
        unit = unit_rows(self.vectors).astype(self.vectors.dtype, copy=False)
        oov = UnitLength(self.oov) if callable(self.oov) else self.oov
        return type(self)(self.words, unit, self.counts, oov=oov)

    def astype(self, dtype: Any) -> Self:
        """Convert to float32 or float16, which halves the memory and keeps about three digits."""
        if np.dtype(dtype) not in (np.float32, np.float16):
            raise UnlabeledError(f"word vectors are float32 or float16, not {np.dtype(dtype)}")
        with np.errstate(over="ignore"):  # what float16 cannot hold becomes infinite, and is refused by the constructor
            return self._with(self.vectors.astype(dtype))

    def _with(self, vectors: NDArray[Any]) -> Self:
        return type(self)(self.words, vectors, self.counts, oov=self.oov)

    def to_embedding(self, frozen: bool = True) -> torch.nn.Embedding:
        """Make the input layer of a PyTorch network, float32, with a copy of the vectors; row i is ``words[i]``.

        Parameters
        ----------
        frozen : bool, default True
            Keep the vectors as they are in training.
        """
        import torch

        weight = torch.from_numpy(self.vectors.astype(np.float32))
        layer: torch.nn.Embedding = torch.nn.Embedding.from_pretrained(weight, freeze=frozen)
        return layer

    def to_sentence_transformer(self, tokenizer: Literal["words", "whitespace"] = "words") -> Any:
        """Make a model of the package sentence-transformers: a `StaticEmbedding`, which averages words' vectors.

        Parameters
        ----------
        tokenizer : {"words", "whitespace"}, default "words"
            How it cuts texts: as the vectors' words were cut. Scripts without spaces stay whole.

        Returns
        -------
        sentence_transformers.SentenceTransformer
            Save it by its own `save_pretrained`. Words without a vector count as zeros in the mean.
        """
        from unlabeled.methods.words.static_embedding import static_embedding

        return static_embedding(self.words, self.vectors, tokenizer)

    def save(self, path: str | os.PathLike[str], format: str | None = None) -> None:
        """Save to a file, replaced in one step if it exists.

        Parameters
        ----------
        path : path
            Its ending chooses the format: ``.txt`` word2vec text, ``.vec`` fastText text, ``.bin`` word2vec binary,
            ``.safetensors``; ``.parquet`` a table of ``id`` and ``vector``; text also with ``.gz`` after it.
        format : {"word2vec", "glove", "word2vec_binary", "safetensors", "parquet"}, optional
            The format, whatever the ending. "glove" is text without a header.

        Raises
        ------
        UnlabeledError
            If the format cannot hold a word (all but safetensors separate words by white space), or the file cannot be
            written.

        Notes
        -----
        All formats keep every float32 exactly. Safetensors alone keeps float16 as such, and `oov`, but for a function,
        which is not saved; the counts are in safetensors and parquet.
        """
        oov = self.oov if isinstance(self.oov, str) else "raise"
        write_words(path, self.words, self.vectors, self.counts, format, oov)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        mmap: bool = False,
        limit: int | None = None,
        words: Iterable[str] | None = None,
        errors: Literal["strict", "replace"] = "strict",
    ) -> Self:
        """Load a file of word vectors, whatever made it; the format is found by looking into the file.

        Parameters
        ----------
        path : path
            Word2vec text or binary, GloVe text, fastText ``.vec`` or ``.bin``, or safetensors or parquet as `save`
            writes them. Word2vec's and GloVe's may be compressed by gzip, bzip2 or xz, or be the only file of a
            ``.zip``. A model of fastText makes vectors of unseen words too, from n-grams that stay on disk.
        mmap : bool, default False
            Leave the numbers on disk and read those that are asked for; for safetensors only, because in the other
            formats words and numbers are mixed.
        limit : int, optional
            Keep the first so many words: those used most, in files sorted as usual.
        words : iterable of str, optional
            Keep these words only, where the file has them.
        errors : {"strict", "replace"}, default "strict"
            What to do about words that are not UTF-8: refuse the file, or put U+FFFD in place of wrong bytes.

        Raises
        ------
        UnlabeledError
            If the file is malformed; the message names the line. A header that promises another number of words, and
            words that come twice, of which the first is kept, are only warned of.
        """
        if limit is not None:
            check_whole_number("limit", limit)
        if errors not in ("strict", "replace"):
            raise unknown_name("setting of errors", errors, ["strict", "replace"])
        if isinstance(words, str):
            raise UnlabeledError(f"words is a list of words to load, not one string; write [{words!r}]")
        listed = None if words is None else list(words)
        if listed is not None and not all(isinstance(word, str) for word in listed):
            raise UnlabeledError(f"words is a list of strings, got {listed!r:.60}")
        chosen = None if listed is None else frozenset(listed)
        if chosen is not None and not chosen:
            raise UnlabeledError("words is empty, so there is nothing to load; leave it out to load all words")
        content = read_words(path, mmap, Selection(limit, chosen, errors))
        return cls(content.words, content.vectors, content.counts, oov=content.oov)

    @cached_property
    def lengths(self) -> NDArray[np.float32]:
        """Euclidean length of each vector, shape (n,); measured when first needed."""
        measured = row_lengths(self.vectors).astype(np.float32)
        refuse(first_not_finite(measured[:, None]), self.words)
        return read_only(measured)

    def _checked_queries(self, queries: NDArray[Any]) -> NDArray[Any]:
        rows = np.atleast_2d(queries)
        numeric = rows.dtype.kind in "fiu" and rows.ndim == 2 and rows.shape[1] == self.dim
        if not numeric or not np.isfinite(rows).all():
            raise UnlabeledError(
                f"a query vector is {self.dim} finite numbers; got {queries.dtype} of shape {queries.shape}"
            )
        return rows

    def _rows(self, word: str) -> list[int]:
        return [self._index[word]] if word in self._index else []

    def _named(self, rows: NDArray[np.int64], similarities: NDArray[np.float32]) -> list[Neighbour]:
        return [Neighbour(self.words[row], float(s)) for row, s in zip(rows, similarities, strict=True)]
