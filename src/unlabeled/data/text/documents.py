"""Documents as counts of words: text from files, tables and lists."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from unlabeled.data.paths import id_of
from unlabeled.data.tabular.columns import ID_COLUMNS, LABEL_COLUMNS, find_column
from unlabeled.data.tabular.tables import TABLES, delimiter_in
from unlabeled.data.text.json_lines import LINES_OF_JSON, read_json_lines
from unlabeled.data.text.text_files import Files, Strings, open_decoded, open_text
from unlabeled.data.text.tokenization.stop_words import stop_words as stop_words_of
from unlabeled.data.text.tokenization.tokenizers import Tokenizer, checked_tokenizer, is_unspaced, tokenize
from unlabeled.errors import UnlabeledError, nearest_name

TABLES_OF_TEXT = (*TABLES, *LINES_OF_JSON)
TEXT_COLUMNS = ("text", "document", "content", "body", "abstract", "review", "message", "sentence")


_LONGEST_NAME = 6  # words of a column's name; what is longer is a text


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
            raise UnlabeledError(
                f"no vocabulary can be made of {len(texts)} documents, of which {filled} hold any text: "
                f"{str(error).rstrip('.')}. "
                f"The filters are stop_words={stop_words!r}, min_df={min_df}, max_df={max_df}, "
                f"max_features={max_features}"
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


def is_token_lists(source: Any) -> bool:
    """Say whether `source` is a list of texts that are cut into words already."""
    if not isinstance(source, Sequence) or isinstance(source, str | bytes) or not len(source):
        return False
    lists = [isinstance(words, list | tuple) and all(isinstance(word, str) for word in words) for words in source]
    if lists[0] and len(source[0]) and not all(lists):
        raise UnlabeledError(f"document {lists.index(False)} is no list of words, unlike the first")
    return all(lists) and any(len(words) for words in source)


def is_text(source: Any) -> bool:
    """Say whether `source` is text, or the path of text, rather than a matrix."""
    if isinstance(source, str | os.PathLike):
        return Path(source).suffix.lower() not in (".npy", ".npz")
    if isinstance(source, type) or getattr(source, "ndim", 1) != 1 or sp.issparse(source):
        return False
    if is_token_lists(source):
        return True
    if isinstance(source, Iterator):
        raise UnlabeledError("the documents come from an iterator, which can be read only once; give a list of them")
    first = next(iter(source), None) if isinstance(source, Iterable) and hasattr(source, "__len__") else None
    return isinstance(first, str | os.PathLike) or (isinstance(source, list | tuple) and not source)


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


def read_texts(source: Any, column: str | None = None) -> tuple[list[str], list[str]]:
    """Read the texts that `Documents.count` would count, as they are, with their ids.

    Raises
    ------
    UnlabeledError
        If there are none.
    """
    texts, ids = _texts(source, column)
    if not texts:
        raise UnlabeledError(f"there are no documents: {_named(source)} holds none")
    return texts, ids


def _texts(source: Any, column: str | None) -> tuple[list[str], list[str]]:
    suffix = Path(source).suffix.lower() if isinstance(source, str | os.PathLike) else ""
    if suffix in TABLES_OF_TEXT and Path(source).is_file():
        return _table(Path(source), column)
    if column is not None:
        raise UnlabeledError(
            f"column={column!r} is for tables ({', '.join(TABLES_OF_TEXT)}), and {_named(source)} is none"
        )
    opened = open_text(source)
    if isinstance(opened, Strings):
        texts = list(opened.texts)
        return texts, [str(i) for i in range(len(texts))]
    if not isinstance(opened, Files):
        raise UnlabeledError("a list of documents holds strings, or lists of words, and nothing else")
    root = Path(os.fspath(source)) if isinstance(source, str | os.PathLike) else None
    if root is None or root.is_dir():
        names = [id_of(path.relative_to(root) if root else path) for path in opened.paths]
        return [_read(opened, path) for path in opened.paths], names
    lines = [(number, line) for number, line in enumerate(_read(opened, root).splitlines(), start=1) if line.strip()]
    return [line for _, line in lines], [f"line {number}" for number, _ in lines]


def _read(files: Files, path: Path) -> str:
    content = b"".join(files.pieces(path))
    if b"\0" in content:
        raise UnlabeledError(f"{path} holds NUL bytes, so it is no text; take it out, or give a list of the text files")
    return content.decode("utf-8", errors="replace")


def _table(path: Path, column: str | None) -> tuple[list[str], list[str]]:
    """Read a column of text; a missing value is a document without words."""
    table = open_table(path)
    chosen = text_column(table, path, column)
    names = [name for name in table.column_names if name != chosen]
    identity = find_column(names, ID_COLUMNS)
    ids = range(table.num_rows) if identity is None else table.column(names[identity]).to_pylist()
    return [text or "" for text in table.column(chosen).to_pylist()], [str(name) for name in ids]


def open_table(path: Path) -> Any:
    """Read a table of texts as Arrow's: of a parquet file the columns of strings, ids and labels."""
    import pyarrow as pa

    try:
        if path.suffix.lower() in LINES_OF_JSON:
            table = pa.Table.from_pydict(read_json_lines(path))
        else:
            table = _read_parquet(path) if path.suffix.lower() == ".parquet" else _read_csv(path)
    except (OSError, pa.ArrowException) as error:
        raise UnlabeledError(f"cannot read {path} as a table: {error}") from error
    if table.column_names and not table.num_rows:
        raise UnlabeledError(f"there are no documents: {path} has no rows")
    return table


def text_column(table: Any, path: Path, column: str | None) -> str:
    """Name a table's column of text: the one asked for, or else the one that is plainly meant."""
    strings = [field.name for field in table.schema if _is_string(field.type)]
    chosen = column
    if chosen is None:
        found = find_column(strings, TEXT_COLUMNS)
        chosen = strings[found] if found is not None else strings[0] if len(strings) == 1 else None
    if chosen not in table.column_names:
        wrong = (
            f"it is not clear which column of {path} holds the text"
            if column is None
            else f"there is no column {column!r} of text in {path}{nearest_name(column, table.column_names)}"
        )
        raise UnlabeledError(
            f"{wrong}; its columns are {', '.join(table.column_names)}. Choose one: column=..., on the command line "
            "--column"
        )
    if chosen not in strings:
        raise UnlabeledError(f"the column {chosen!r} of {path} is of type {table.schema.field(chosen).type}, no text")
    return str(chosen)


def _read_parquet(path: Path) -> Any:
    import pyarrow.parquet as pq

    from unlabeled.data.tabular.parquet import check_parquet_memory  # here, for CSV needs no parquet

    with pq.ParquetFile(path) as parquet:
        names = [field.name for field in parquet.schema_arrow if _is_string(field.type)]
        every = parquet.schema_arrow.names
        places = (find_column(every, wanted) for wanted in (ID_COLUMNS, LABEL_COLUMNS))
        described = [every[place] for place in places if place is not None]
        wanted = list(dict.fromkeys([*names, *described]))
        check_parquet_memory(parquet, path, wanted)
        return parquet.read(columns=wanted)


def _read_csv(path: Path) -> Any:
    import pyarrow as pa
    from pyarrow import csv

    with open_decoded(path) as file:
        first_line = file.readline().decode("utf-8", errors="replace")
    delimiter = "\t" if path.suffix.lower() == ".tsv" else delimiter_in(first_line)
    with open_decoded(path) as file:
        table = csv.read_csv(
            file,
            read_options=csv.ReadOptions(block_size=16 << 20),  # a row must fit into a block
            parse_options=csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        )
    _check_header(table.column_names, path)
    for place, field in enumerate(table.schema):
        if pa.types.is_binary(field.type):  # what Arrow takes text for that is not UTF-8
            texts = [value and value.decode("utf-8", errors="replace") for value in table.column(place).to_pylist()]
            table = table.set_column(place, field.name, pa.array(texts, pa.string()))
    return table


def _check_header(names: list[str], path: Path) -> None:
    """Refuse a table whose first row is a text: it would be taken for the names of the columns, and lost."""
    for name in names:
        if len(name.split()) > _LONGEST_NAME:
            raise UnlabeledError(
                f"the first row of {path} does not name the columns, but holds a text: {name[:40]!r}...; put a row of "
                "names above it, such as text, or save the texts as a .txt file, one a line"
            )


def _is_string(kind: Any) -> bool:
    import pyarrow as pa

    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    return any(is_one(value) for is_one in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view))


def _named(source: Any) -> str:
    return str(source) if isinstance(source, str | os.PathLike) else f"the {type(source).__name__}"
