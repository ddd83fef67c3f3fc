"""Exact search: every query against every vector, tile by tile; the ground truth of every other store."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unlabeled.errors import UnlabeledError
from unlabeled.files import folder_written_aside, refuses_damage
from unlabeled.search.card import read_card, write_card
from unlabeled.search.changed_rows import added_rows, checked_ids, updated_rows
from unlabeled.search.engine import positions_where
from unlabeled.search.metric import checked_metric, checked_vectors, middle_of, row_squares, unit_rows
from unlabeled.search.scanning.exact_search import exact_search
from unlabeled.search.store import Metadata, Neighbours, checked_k, rows_table

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


class ExactStore:
    """Vectors in memory, searched exhaustively.

    Queries are compared by matrix products, tile by tile, each thread with queries of its own; a compiled scan keeps
    the best. Those are measured again in float64, and a query for which rounding of the scan could have lost a
    neighbour is compared with all vectors in float64. So the neighbours are those of the stored float32 vectors
    wherever these lie, to the rounding of float64, and do not depend on tiles or threads. Neighbours at equal distance
    come in order of their row.

    A store that was opened is a copy in memory: it does not follow what others change in the folder, and what is added,
    updated or deleted here reaches a folder with `save`.

    Memory beyond the vectors is a few MiB a thread, whatever the number of queries, plus the result.

    Parameters
    ----------
    ids : sequence of str, length n
        Distinct names.
    vectors : array-like, shape (n, d)
        Any real type; kept as float32, for ``"euclidean"`` after they are moved to near zero. With ``"cosine"`` a row
        of zeros is at distance 1 from everything.
    metadata : mapping of str to sequence of length n, optional
        Columns for filters.
    metric : {"cosine", "euclidean", "inner_product"}
        What near means; see `Neighbours`.

    Raises
    ------
    UnlabeledError
        For NaN or infinite vectors, repeated ids, lengths that differ, or an unknown metric.

    Examples
    --------
    >>> store = ExactStore.build(["a", "b", "c"], [[0, 0], [3, 4], [6, 8]], metric="euclidean")
    >>> found = store.query([[3, 3]], k=2)
    >>> found.ids.tolist(), found.distances.round(2).tolist()
    ([['b', 'a']], [[1.0, 4.239999771118164]])
    """

    def __init__(self, rows: pa.Table, vectors: Floats, origin: NDArray[np.float64], metric: str) -> None:
        self._origin = origin
        self.metric = metric
        self._hold(rows, vectors)

    def _hold(self, rows: pa.Table, vectors: Floats) -> None:
        self._rows = rows
        self._ids = np.array(rows["id"].to_pylist(), dtype=object)
        self._vectors = vectors  # as compared: unit length for cosine, seen from the origin for Euclidean
        self._squares = row_squares(vectors)

    @classmethod
    def build(
        cls, ids: Sequence[str], vectors: ArrayLike, metadata: Metadata | None = None, *, metric: str = "cosine"
    ) -> Self:
        """Make a store of `vectors`; the parameters are those of the class."""
        metric = checked_metric(metric)
        array = checked_vectors(vectors, keep_double=True)
        rows = rows_table(ids, metadata, len(array))
        origin = middle_of(array) if metric == "euclidean" else np.zeros(array.shape[1])
        return cls(rows, _as_compared(array, origin, metric), origin, metric)

    @property
    def dim(self) -> int:
        """The dimension of the vectors."""
        return int(self._vectors.shape[1])

    def __len__(self) -> int:
        return len(self._vectors)

    def query(
        self, vectors: ArrayLike, k: int, where: str | None = None, *, exclude: ArrayLike | None = None
    ) -> Neighbours:
        """Find the `k` nearest stored vectors of each query.

        Parameters
        ----------
        vectors : array-like, shape (q, d)
            The queries.
        k : int
            How many neighbours; fewer are returned where there are not so many.
        where : str, optional
            An SQL condition over the metadata and ``id``, such as ``"label = 'cat' AND size > 64"``.
        exclude : array-like of int, shape (q,), optional
            For each query the row that must not be its neighbour: ``range(n)`` when the store searches itself. Where
            that leaves one query fewer neighbours than another, its last is filled in as None, row −1, infinitely far.

        Returns
        -------
        Neighbours
            Ids, rows and distances, each of shape (q, k), nearest first.

        Raises
        ------
        UnlabeledError
            For NaN, another dimension than the store's, k below 1, or a condition that SQL cannot read.
        """
        k = checked_k(k)
        queries = _as_compared(checked_vectors(vectors, self.dim, keep_double=True), self._origin, self.metric)
        rows = None if where is None else positions_where(self._rows, where)
        corpus, squares = self._vectors, self._squares
        if rows is not None:
            corpus, squares = corpus[rows], squares[rows]
        banned = np.full(len(queries), -1)
        if exclude is not None:
            banned = np.asarray(exclude, dtype=np.int64)
            if banned.shape != (len(queries),) or np.any((banned < 0) | (banned >= len(self))):
                raise UnlabeledError(f"exclude must hold one row number below {len(self)} for each query")
            if rows is not None:
                banned = _inverse(rows, len(self))[banned]
        # As many as the query with the most has.
        k = max(0, min(k, len(corpus) - bool(len(banned) and (banned >= 0).all())))
        indices, distances = exact_search(queries, corpus, k, self.metric, banned, squares=squares)
        nothing = indices < 0
        if rows is not None:
            indices = np.where(nothing, -1, rows[indices])
        ids = self._ids[indices]
        ids[nothing] = None
        return Neighbours(ids, indices, distances)

    def add(self, ids: Sequence[str], vectors: ArrayLike, metadata: Metadata | None = None) -> None:
        """Add rows with new ids after the last.

        Parameters
        ----------
        ids : sequence of str, length n
            Names that the store does not hold yet.
        vectors : array-like, shape (n, d)
        metadata : mapping of str to sequence of length n, optional
            Columns that the store has; one that is not given is empty in the new rows.

        Examples
        --------
        >>> store = ExactStore.build(["a", "b"], [[0, 0], [3, 4]], metric="euclidean")
        >>> store.add(["c"], [[6, 8]])
        >>> store.update(["a"], [[6, 9]])
        >>> store.delete(["b"])
        >>> store.query([[6, 8]], k=2).ids.tolist()
        [['c', 'a']]
        """
        import pyarrow as pa

        array = checked_vectors(vectors, self.dim, keep_double=True)
        taken = {str(name) for name in ids}.intersection(self._ids)
        rows = added_rows(self._rows.schema, taken, ids, metadata, len(array), len(self))
        compared = _as_compared(array, self._origin, self.metric)
        self._hold(pa.concat_tables([self._rows, rows]), np.concatenate([self._vectors, compared]))

    def update(self, ids: Sequence[str], vectors: ArrayLike | None = None, metadata: Metadata | None = None) -> None:
        """Replace the vectors, or metadata columns, or both, of rows that are there; they keep their places.

        Parameters
        ----------
        ids : sequence of str, length n
        vectors : array-like, shape (n, d), optional
        metadata : mapping of str to sequence of length n, optional
            The columns to replace.
        """
        import pyarrow as pa

        places = self._places(ids)
        kept = self._vectors
        if vectors is not None:
            array = checked_vectors(vectors, self.dim, keep_double=True)
            if len(array) != len(places):
                raise UnlabeledError(f"there are {len(places)} ids for {len(array)} vectors; give one id for each")
            kept = kept.copy()
            kept[places] = _as_compared(array, self._origin, self.metric)
        changed = updated_rows(self._rows.take(places), metadata)
        order = np.arange(len(self))
        order[places] = len(self) + np.arange(len(places))
        self._hold(pa.concat_tables([self._rows, changed]).take(order), kept)

    def delete(self, ids: Sequence[str]) -> None:
        """Remove rows; those after them move up."""
        import pyarrow as pa

        left = np.delete(np.arange(len(self)), self._places(ids))
        rows = self._rows.take(left)
        numbers = pa.array(np.arange(len(left)))
        rows = rows.set_column(rows.schema.get_field_index("position"), "position", numbers)
        self._hold(rows, self._vectors[left])

    def _places(self, ids: Sequence[str]) -> Integers:
        where = {name: row for row, name in enumerate(self._ids)}
        return np.array([where[name] for name in checked_ids(ids, where)], dtype=np.int64)

    def save(self, folder: str | PathLike[str]) -> None:
        """Write the store into `folder`, whole or not at all, replacing what was there."""
        import pyarrow.parquet as pq

        with folder_written_aside(folder, "store") as aside:
            write_card(aside, "exact", self.metric)
            np.save(aside / "vectors.npy", self._vectors, allow_pickle=False)
            np.save(aside / "origin.npy", self._origin, allow_pickle=False)
            pq.write_table(self._rows, aside / "rows.parquet")

    @classmethod
    @refuses_damage
    def open(cls, folder: str | PathLike[str]) -> Self:
        """Read a store that `save` wrote.

        Raises
        ------
        UnlabeledError
            If the folder is missing, damaged, or holds something else.
        """
        from unlabeled.data.tabular.parquet import read_parquet

        folder = Path(folder)
        metric = checked_metric(read_card(folder, "exact")["metric"])
        try:
            vectors = np.load(folder / "vectors.npy", allow_pickle=False)
            origin = np.load(folder / "origin.npy", allow_pickle=False)
            rows = read_parquet(folder / "rows.parquet")
        except (OSError, ValueError, EOFError, UnlabeledError) as error:
            raise UnlabeledError(f"the store in {folder} is damaged ({error}); build it again") from error
        if len(vectors) != len(rows):
            raise UnlabeledError(f"the store in {folder} is damaged: {len(vectors)} vectors, {len(rows)} rows")
        return cls(rows, vectors, origin, metric)


def _as_compared(vectors: NDArray[Any], origin: NDArray[np.float64], metric: str) -> Floats:
    if metric == "cosine":
        return unit_rows(vectors)
    return (
        vectors.astype(np.float32, copy=False) if metric == "inner_product" else (vectors - origin).astype(np.float32)
    )


def _inverse(rows: Integers, count: int) -> Integers:
    """Give for each of `count` rows its place in `rows`, or -1."""
    places = np.full(count, -1)
    places[rows] = np.arange(len(rows))
    return places
