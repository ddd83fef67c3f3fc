"""Documents as counts of words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from unlabeled.data.text.document_texts import is_token_lists, read_texts
from unlabeled.data.text.tokenization.stop_words import stop_words as stop_words_of
from unlabeled.data.text.tokenization.tokenizers import Tokenizer, checked_tokenizer, is_unspaced, tokenize
from unlabeled.errors import UnlabeledError


@dataclass(frozen=True)
class Documents:
    """How often each word is in each document.

    Attributes
    ----------
    counts : CSR matrix, shape (documents, words)
        A row a document, also for one without words. Whole numbers, none negative.
    words : list of str
        What the columns count.
    ids : list of str
        File names, ids of the table, or numbers.

    Examples
    --------
    >>> documents = Documents.count(["The cat sat.", "A cat, a dog!"])
    >>> documents.words
    ['cat', 'dog', 'sat']
    >>> documents.counts.toarray()
    array([[1, 0, 1],
           [1, 1, 0]])
    """

    counts: sp.csr_matrix
    words: list[str]
    ids: list[str]

    def __post_init__(self) -> None:
        documents, words = self.counts.shape
        if words != len(self.words) or documents != len(self.ids):
            raise UnlabeledError(
                f"counts of shape {(documents, words)} do not go with {len(self.words)} words and {len(self.ids)} ids"
            )

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"Documents({len(self):,} documents, {len(self.words):,} different words, {self.empty:,} without a word)"

    @property
    def empty(self) -> int:
        """How many documents have none of the words."""
        return int((np.diff(self.counts.indptr) == 0).sum())

    @classmethod
    def of_counts(cls, counts: Any, words: Sequence[str], ids: Sequence[str] | None = None) -> Self:
        """Take counts that are made already, such as a vectoriser's.

        Parameters
        ----------
        counts : sparse matrix or array, shape (documents, words)
            Whole numbers, none negative.
        words, ids : sequence of str
            Of the columns and the rows; ids are the rows' numbers by default.

        Raises
        ------
        UnlabeledError
            For negative numbers, fractions and NaN, with the first place; and if there are no words at all.
        """
        if not sp.issparse(counts):
            counts = np.asarray(counts)
            if counts.ndim != 2 or counts.dtype.kind not in "fiub":
                raise UnlabeledError(f"counts must be a matrix of numbers, got {counts.dtype} of shape {counts.shape}")
        matrix = tidy_counts(counts)
        check_whole(matrix)
        check_not_empty(matrix)
        names = [str(i) for i in range(matrix.shape[0])] if ids is None else list(ids)
        return cls(matrix.astype(np.int64), list(words), names)

    @classmethod
    def count(
        cls,
        source: Any,
        *,
        column: str | None = None,
        tokenizer: str | Tokenizer | None = None,
        stop_words: str | Sequence[str] | None = "english",
        min_df: int | float = 1,
        max_df: int | float = 1.0,
        max_features: int | None = None,
        vocabulary: Sequence[str] | None = None,
    ) -> Self:
        """Count the words of texts.

        Words are those of `unlabeled.data.tokenize`; of the words that a built-in tokenizer but ``"whitespace"``
        gives, single letters and digits are left out. scikit-learn's ``CountVectorizer`` does the counting.

        Parameters
        ----------
        source : list of strings, list of lists of words, path, list of paths, or Documents
            Of a folder (and of a list of paths) each file is a document; of a ``.csv``, ``.tsv``, ``.parquet`` or
            ``.jsonl`` file each row; of any other file each line that is not blank. Files may be compressed, and UTF-16
            if they say so by a byte order mark; other bytes that are not UTF-8 count as blanks.
        column : str, optional
            The table's column of text; by default the one called ``text``, ``document`` or the like, or the only one
            that holds strings.
        tokenizer : str or callable, default "words"
            How a text becomes words: see `unlabeled.data.tokenize`. Lists of words are not cut again.
        stop_words : str, list of str or None, default "english"
            Words that are left out: a language's, such as "german" or "de", or those of a list.
        min_df, max_df : int or float
            Leave out words that are in fewer, or more, documents than this: a number of them if int, a share if float.
        max_features : int, optional
            Keep only so many words, the most frequent ones.
        vocabulary : sequence of str, optional
            Count these words, in this order, and no other; the filters are not applied.

        Returns
        -------
        Documents

        Raises
        ------
        UnlabeledError
            If there is no text, or no word is left.
        """
        if isinstance(source, Documents):
            return source if isinstance(source, cls) else cls(source.counts, source.words, source.ids)
        texts: Sequence[str] | Sequence[Sequence[str]]
        if is_token_lists(source):
            texts, ids = [list(words) for words in source], [str(i) for i in range(len(source))]
            cut: Callable[[Any], list[str]] = list
            left_out = stop_words_of(stop_words, lambda word: [word])
        else:
            texts, ids = read_texts(source, column)
            cut = _counted_words(tokenizer)
            left_out = stop_words_of(stop_words, cut)
        if isinstance(vocabulary, str):
            raise UnlabeledError(f"vocabulary is a list of words, not one string; write [{vocabulary!r}]")
        if vocabulary is not None:
            left_out = frozenset()
        from sklearn.feature_extraction.text import CountVectorizer

        def analyse(text: Any) -> list[str]:
            return [word for word in cut(text) if word not in left_out]

        limits = {"min_df": min_df, "max_df": max_df, "max_features": max_features} if vocabulary is None else {}
        chosen = None if vocabulary is None else list(vocabulary)
        vectoriser = CountVectorizer(analyzer=analyse, vocabulary=chosen, **limits)
        try:
            matrix = vectoriser.fit_transform(texts)
        except ValueError as error:
            filled = sum(1 for text in texts if len(text) and (not isinstance(text, str) or text.strip()))
            crossed = "corresponds to" in str(error)
            why = "max_df lets fewer documents pass than min_df asks for" if crossed else str(error).rstrip(".")
            most = "" if max_features is None else f", max_features={max_features}"
            raise UnlabeledError(
                f"no vocabulary can be made of {len(texts)} documents, of which {filled} hold any text: {why}. "
                f"The filters are stop_words={stop_words!r}, min_df={min_df}, max_df={max_df}{most}"
            ) from error
        counts = sp.csr_matrix(matrix)
        counts.sort_indices()
        return cls(counts, vectoriser.get_feature_names_out().tolist(), ids)


def _counted_words(tokenizer: str | Tokenizer | None) -> Callable[[str], list[str]]:
    """Give the function from a text to the words that count."""
    tokenizer = checked_tokenizer(tokenizer)
    if callable(tokenizer) or tokenizer == "whitespace":
        return lambda text: tokenize(text, tokenizer)
    return lambda text: [word for word in tokenize(text, tokenizer) if len(word) > 1 or not _is_letter(word)]


def _is_letter(character: str) -> bool:
    """Tell a letter or digit, which alone is seldom a word, from an emoji and a character that stands for a word."""
    return character.isalnum() and not is_unspaced(character)


def tidy_counts(counts: Any) -> sp.csr_matrix:
    """Give non-negative numbers as a CSR matrix of its own, columns in order, each once, and no zeros stored.

    Raises
    ------
    UnlabeledError
        If a number is negative or NaN; the message names the document.
    """
    matrix = sp.csr_matrix(counts, copy=True)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    wrong = ~(matrix.data >= 0)
    if wrong.any():
        row, column, value = _first(matrix, wrong)
        raise UnlabeledError(
            f"Negative values in data: document {row} has {value} in column {column}; words are counted from 0 up"
        )
    return matrix


def check_whole(matrix: sp.csr_matrix) -> None:
    """Refuse fractions, naming the first."""
    fraction = matrix.data != np.rint(matrix.data)
    if fraction.any():
        row, column, value = _first(matrix, fraction)
        raise UnlabeledError(
            f"document {row} has {value} in column {column}, but words are counted in whole numbers; give the counts "
            "themselves, not tf-idf or scaled ones"
        )


def check_not_empty(matrix: sp.csr_matrix) -> None:
    """Refuse a matrix that is all zero."""
    if matrix.nnz == 0:
        raise UnlabeledError(f"all {matrix.shape[0]} documents are empty: no word is counted in any of them")


def _first(matrix: sp.csr_matrix, wrong: NDArray[np.bool_]) -> tuple[int, int, Any]:
    place = int(wrong.argmax())
    row = int(np.searchsorted(matrix.indptr, place, side="right")) - 1
    return row, int(matrix.indices[place]), matrix.data[place].item()
