"""The embedded store: vectors and metadata in a LanceDB folder, with an approximate index once there are many."""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unlabeled.errors import UnlabeledError
from unlabeled.files import CONTENTS, folder_written_aside, refuses_damage
from unlabeled.search.card import card_stamp, read_card, write_card
from unlabeled.search.engine import bad_filter, connect
from unlabeled.search.metric import checked_metric, checked_vectors, unit_rows
from unlabeled.search.store import Metadata, Neighbours, checked_k, rows_table

# Below this many rows a full scan takes a few milliseconds, and is exact.
INDEXED_FROM = 10_000

# Cosine is the inner product of unit vectors; so zeros are at distance 1, where LanceDB's own cosine drops them.
_DISTANCE = {"euclidean": "l2", "cosine": "dot", "inner_product": "dot"}


class LanceStore:
    """Vectors and metadata in a folder, searched by LanceDB.

    From 10,000 rows on it has an inverted-file index: √n cells of vectors that lie together, of which a search visits
    the nearest quarter, at least 20. Vectors are kept whole, so distances are exact and only a neighbour in a cell not
    visited can be missed. Fewer rows are scanned one and all. Embeddings have clusters, and on such data ten
    neighbours in ten are usually found; on pure noise, where no index helps, it may be six or seven.

    Build it with `LanceStore.build` or read it with `LanceStore.open`.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.mkdtemp() + "/index"
    >>> pets = {"kind": ["cat", "dog", "cat"]}
    >>> store = LanceStore.build(["a", "b", "c"], [[0, 0], [3, 4], [6, 8]], pets, metric="euclidean", folder=folder)
    >>> LanceStore.open(folder).query([[3, 3]], k=1, where="kind = 'cat'").ids.tolist()
    [['a']]
    """

    def __init__(self, folder: Path, table: Any, metric: str) -> None:
        self.folder = folder.absolute()
        self._table = table
        self.metric = metric
        self._opened = card_stamp(folder)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the folder's path alone: another process opens the store there."""
        return LanceStore.open, (self.folder,)

    @classmethod
    def build(
        cls,
        ids: Sequence[str],
        vectors: ArrayLike,
        metadata: Metadata | None = None,
        *,
        metric: str = "cosine",
        folder: str | PathLike[str],
    ) -> Self:
        """Write a store into `folder`, whole or not at all, and open it.

        Parameters
        ----------
        ids : sequence of str, length n
            Distinct names.
        vectors : array-like, shape (n, d)
            Any real type; kept as float32, and with ``"cosine"`` scaled to unit length.
        metadata : mapping of str to sequence of length n, or data frame, optional
            Columns for filters.
        metric : {"cosine", "euclidean", "inner_product"}
            What near means; see `Neighbours`.
        folder : path
            Where the store lives. A store that is already there is replaced.

        Raises
        ------
        UnlabeledError
            For NaN or infinite vectors, repeated ids, lengths that differ, an unknown metric, or a full disk.
        """
        import pyarrow as pa

        metric = checked_metric(metric)
        array = checked_vectors(vectors)
        rows = rows_table(ids, metadata, len(array))
        if metric == "cosine":
            array = unit_rows(array)
        column = pa.FixedSizeListArray.from_arrays(pa.array(array.ravel()), array.shape[1])
        with folder_written_aside(folder, "store") as aside:
            write_card(aside, "lance", metric)
            try:
                table = connect(aside).create_table("vectors", rows.append_column("vector", column))
                if len(array) >= INDEXED_FROM:
                    _index(table, metric, len(array))
            except (RuntimeError, ValueError) as error:  # LanceDB's name for a refusal by the file system
                raise UnlabeledError(f"LanceDB could not write the store for {folder}: {error}") from error
        return cls.open(folder)

    @classmethod
    @refuses_damage
    def open(cls, folder: str | PathLike[str]) -> Self:
        """Open a store that was built or saved in `folder`.

        Raises
        ------
        UnlabeledError
            If the folder is missing, damaged, or holds something else.
        """
        folder = Path(folder)
        metric = read_card(folder, "lance")
        try:
            table = connect(folder).open_table("vectors")
        except (ValueError, RuntimeError) as error:
            raise _damaged(folder, error) from error
        store = cls(folder, table, metric)
        if store.dim < 1 or len(store) < 0:  # which reads the schema and counts the rows of a damaged table too
            raise UnlabeledError(f"the store in {folder} holds no vectors")
        return store

    def save(self, folder: str | PathLike[str]) -> None:
        """Copy the store into `folder`, whole or not at all."""
        with folder_written_aside(folder, "store") as aside:
            shutil.copytree(self.folder, aside, dirs_exist_ok=True, ignore=shutil.ignore_patterns(CONTENTS))

    @property
    def dim(self) -> int:
        """The dimension of the vectors."""
        return int(self._table.schema.field("vector").type.list_size)

    def __len__(self) -> int:
        return int(self._table.count_rows())

    def query(self, vectors: ArrayLike, k: int, where: str | None = None) -> Neighbours:
        """Find the (approximately) `k` nearest stored vectors of each query.

        Parameters
        ----------
        vectors : array-like, shape (q, d)
            The queries.
        k : int
            How many neighbours; fewer are returned where there are not so many.
        where : str, optional
            An SQL condition over the metadata and ``id``, such as ``"label = 'cat' AND size > 64"``. It is applied
            before the search, so it does not lower the number of neighbours found.

        Returns
        -------
        Neighbours
            Ids, rows and distances, each of shape (q, k), nearest first.

        Raises
        ------
        UnlabeledError
            For NaN, another dimension than the store's, k below 1, a condition that SQL cannot read, or damage.
        """
        k = checked_k(k)
        self._follow_rebuild()
        queries = checked_vectors(vectors, self.dim)
        if self.metric == "cosine":
            queries = unit_rows(queries)
        left = self._count(where)
        k = min(k, left)
        if k == 0 or len(queries) == 0:
            shape = (len(queries), k)
            return Neighbours(np.empty(shape, object), np.empty(shape, np.int64), np.empty(shape, np.float32))
        # A scan of the rows that a filter leaves is exact, and quick if they are no more than the cells visited hold.
        few = where is not None and left <= max(INDEXED_FROM, len(self) // 4)
        try:
            found = self._found(queries, k, where, exhaustive=few)
            if len(found) < k * len(queries):  # the cells visited held too few
                found = self._found(queries, k, where, exhaustive=True)
        except UnlabeledError:
            raise
        except Exception as error:  # a damaged file makes LanceDB panic, for which it has a class of its own
            raise _damaged(self.folder, error) from error
        return self._neighbours(found, len(queries), k)

    def _follow_rebuild(self) -> None:
        """Open the folder again if another store has been built in it since."""
        if card_stamp(self.folder) != self._opened:
            new = LanceStore.open(self.folder)
            self._table, self.metric, self._opened = new._table, new.metric, new._opened

    def _count(self, where: str | None) -> int:
        """Count the rows for which `where` is true."""
        try:
            return int(self._table.count_rows(where))
        except (ValueError, RuntimeError) as error:
            if where is None:
                raise _damaged(self.folder, error) from error
            raise bad_filter(where, self._table.schema.names, error) from error

    def _found(self, queries: NDArray[np.float32], k: int, where: str | None, *, exhaustive: bool) -> Any:
        """Ask LanceDB for the neighbours of all queries, in one table."""
        search = self._table.search(queries).distance_type(_DISTANCE[self.metric]).limit(k)
        search = search.select(["id", "position", "_distance"])
        if where is not None:
            search = search.where(where)
        if exhaustive:
            search = search.bypass_vector_index()
        else:
            visited = max(20, _cells(len(self)) // 4)
            search = search.maximum_nprobes(visited).minimum_nprobes(visited)
        return search.to_arrow()

    def _neighbours(self, found: Any, count: int, k: int) -> Neighbours:
        """Arrange LanceDB's rows by query, distance and position."""
        distances = found["_distance"].to_numpy()
        if self.metric == "euclidean":
            distances = np.sqrt(distances)
        elif self.metric == "cosine":
            distances = np.maximum(distances, 0)
        else:
            distances = distances - 1  # LanceDB's "dot" is 1 − q·c
        positions = found["position"].to_numpy()
        query = found["query_index"].to_numpy() if count > 1 else np.zeros(k, np.int64)
        order = np.lexsort((positions, distances, query)).reshape(count, k)
        ids = found["id"].to_numpy()
        return Neighbours(ids[order], positions[order], distances[order])


def _cells(count: int) -> int:
    return round(math.sqrt(count))


def _index(table: Any, metric: str, count: int) -> None:
    from lancedb.index import IvfFlat

    config = IvfFlat(distance_type=_DISTANCE[metric], num_partitions=_cells(count))
    table.create_index("vector", config=config)


def _damaged(folder: Path, error: Exception) -> UnlabeledError:
    reason = str(error).splitlines()[0]
    return UnlabeledError(f"the store in {folder} cannot be read ({reason}); build it again")
