"""How rows were made comparable, kept so that later rows are made the same way."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from unlabeled.data import Vectors
from unlabeled.data.arrays import deviations
from unlabeled.data.paths import existing
from unlabeled.data.tabular.table_encoding import TableEncoding
from unlabeled.data.tabular.tables import frame_columns, id_and_label, read_columns, row_names
from unlabeled.data.text.documents import Documents
from unlabeled.data.text.tokenization.tokenizers import Tokenizer
from unlabeled.errors import UnlabeledError
from unlabeled.files import load_arrays, read_json, refuses_damage, save_arrays, write_json
from unlabeled.runs.embedded_words import holds_words, open_embeddings
from unlabeled.search.metric import unit_rows

CARD, ARRAYS = "encoding.json", "encoding.safetensors"


@dataclass(frozen=True)
class RowEncoding:
    """What turns a source into rows of numbers: at most one of a table's columns, or of documents' words, and a scale.

    Attributes
    ----------
    dim : int
        Columns of the rows.
    scale : {"unit", "standard", "none"}
        Rows to length 1, columns to mean 0 and variance 1, or neither.
    mean, deviation : ndarray, shape (dim,), or None
        Of the columns, with ``"standard"``, where the table's encoding has not done it.
    table : TableEncoding or None
    codes : bool
        Whether the categories of the table are codes, and missing values NaN: what `MixedMixture` takes.
    words : list of str or None
        What is counted in documents.
    tokenizer : str
        How documents become words: the name of a tokenizer, or of a function that was given.
    idf : ndarray, shape (words,), or None
        Their inverse document frequencies.
    components : ndarray, shape (dim, words), or None
        The directions to which tf-idf is reduced; None if it is not.
    """

    dim: int
    scale: str = "none"
    mean: NDArray[np.float64] | None = None
    deviation: NDArray[np.float64] | None = None
    table: TableEncoding | None = None
    words: list[str] | None = None
    idf: NDArray[np.float64] | None = None
    components: NDArray[np.float64] | None = None
    codes: bool = False
    tokenizer: str = "words"

    def scaled(self, scale: str, array: NDArray[Any]) -> Self:
        """Give the encoding that also scales rows as these are to be scaled."""
        if scale != "standard" or self.table is not None:
            return replace(self, scale=scale)
        deviation = deviations(array)
        mean = array.mean(axis=0, dtype=np.float64)
        return replace(self, scale=scale, mean=mean, deviation=np.where(deviation > 0, deviation, 1.0))

    def rescale(self, array: NDArray[Any]) -> NDArray[Any]:
        """Scale rows."""
        if self.scale == "unit":
            return unit_rows(array.astype(np.float32))
        if self.mean is None or self.deviation is None:
            return array
        return ((array - self.mean) / self.deviation).astype(np.float32)

    def encode(self, source: Any, column: str | None = None) -> tuple[list[str], NDArray[Any], list[str]]:
        """Turn another source into rows.

        Parameters
        ----------
        source : path or object
            Of the kind that the encoding was made from: vectors, a table, or documents.
        column : str, optional
            The column of a table that holds text.

        Returns
        -------
        ids : list of str
        rows : ndarray of shape (n, dim)
        remarks : list of str

        Raises
        ------
        UnlabeledError
            If the source is of another kind, or lacks a column.
        """
        if column is not None and self.words is None:
            raise UnlabeledError(f"a column ({column}) is for text, and the model was not made from text; leave it out")
        if self.table is not None:
            ids, array, remarks = _encode_table(self.table, source, self.codes)
        elif self.words is not None:
            ids, array, remarks = self._encode_documents(source, column)
        elif isinstance(source, str | os.PathLike) and holds_words(Path(source)):
            found, remarks = open_embeddings(Path(source))
            ids, array = found.ids, found.vectors
        else:
            vectors = Vectors(source)
            # Not rounded, for that could lose how rows far from zero differ.
            ids, array, remarks = vectors.ids, vectors.array, []
        if array.shape[1] != self.dim:
            raise UnlabeledError(
                f"{source} has rows of {array.shape[1]} numbers, and the model was made from rows of {self.dim}"
            )
        return ids, self.rescale(array), remarks

    def count_words(self, source: Any, column: str | None = None) -> tuple[list[str], sp.csr_matrix, list[str]]:
        """Count the words of other documents; give ids, counts of shape (n, words), and remarks, as `encode` does."""
        documents = Documents.count(source, column=column, tokenizer=self.tokenizer, vocabulary=self.words)
        remarks = [f"{documents.empty:,} documents have no word that the model knows"] if documents.empty else []
        return documents.ids, documents.counts, remarks

    def _encode_documents(self, source: Any, column: str | None) -> tuple[list[str], NDArray[Any], list[str]]:
        from sklearn.preprocessing import normalize

        ids, counts, remarks = self.count_words(source, column)
        weights = counts.astype(np.float64)
        weights.data = (np.log(weights.data) + 1) * np.asarray(self.idf)[weights.indices]
        weights = normalize(weights)
        array = weights.toarray() if self.components is None else weights @ self.components.T
        return ids, np.asarray(array, dtype=np.float32), remarks

    def write(self, folder: Path) -> None:
        """Write the encoding into an existing folder."""
        names = ("mean", "deviation", "idf", "components")
        arrays = {name: value for name in names if (value := getattr(self, name)) is not None}
        save_arrays(arrays, folder / ARRAYS)
        table = None if self.table is None else self.table.to_dict()
        plain = {name: getattr(self, name) for name in ("dim", "scale", "codes", "words", "tokenizer")}
        write_json(folder / CARD, plain | {"table": table})

    @classmethod
    @refuses_damage
    def read(cls, folder: Path) -> Self:
        """Read what `write` wrote."""
        card, arrays = read_json(folder / CARD), load_arrays(folder / ARRAYS)
        try:
            table = None if card["table"] is None else TableEncoding.from_dict(card["table"])
            plain: dict[str, Any] = {"codes": bool(card.get("codes", False)), **arrays}
            plain["tokenizer"] = str(card.get("tokenizer", "words"))
            return cls(int(card["dim"]), str(card["scale"]), table=table, words=card["words"], **plain)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UnlabeledError(f"{folder / CARD} does not describe rows ({error!r}); it is damaged") from error


def of_documents(
    words: list[str],
    idf: NDArray[Any],
    components: NDArray[Any] | None,
    tokenizer: str | Tokenizer | None = None,
) -> RowEncoding:
    """Give the encoding of documents by the tf-idf of words, reduced or not."""
    own = getattr(tokenizer, "__qualname__", type(tokenizer).__name__)  # of an object that is called, its class
    name = "words" if tokenizer is None else tokenizer if isinstance(tokenizer, str) else own
    dim = len(words) if components is None else len(components)
    return RowEncoding(dim, words=list(words), idf=np.asarray(idf), components=components, tokenizer=name)


def _encode_table(encoding: TableEncoding, source: Any, codes: bool) -> tuple[list[str], NDArray[Any], list[str]]:
    if isinstance(source, str | os.PathLike):
        path = existing(os.fspath(source))
        columns, name = read_columns(path, encoding.texts), str(path)
    elif hasattr(source, "columns"):
        columns, name = frame_columns(source), "the frame"
    else:
        raise UnlabeledError("the model was made from a table; give a table with the same columns")
    array, remarks = encoding.encode(dict(columns), name, codes=codes)
    identity, _ = id_and_label([column for column, _ in columns])
    named = dict(columns).get(encoding.identity or "", None if identity is None else columns[identity][1])
    ids = [str(row) for row in range(len(array))] if named is None else row_names(named.tolist())
    return ids, array, remarks
