"""The embedded store: vectors and metadata in a LanceDB folder, with an approximate index once there are many."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unlabeled.errors import UnlabeledError
from unlabeled.files import CONTENTS, folder_lock, folder_written_aside, refuses_damage, renew_contents
from unlabeled.search.card import card_stamp, read_card, write_card
from unlabeled.search.changed_rows import OWN, added_rows, checked_ids, updated_rows
from unlabeled.search.engine import bad_filter, check_condition, connect
from unlabeled.search.inner_product import map_items, map_queries
from unlabeled.search.metric import checked_metric, checked_vectors, middle_of, row_lengths, unit_rows
from unlabeled.search.store import Metadata, Neighbours, checked_k, rows_table

if TYPE_CHECKING:
    import pyarrow as pa

# Below this many rows a full scan takes a few milliseconds, and is exact.
INDEXED_FROM = 10_000

# When this part of the rows has come after the index was made, it is made again: until then they are scanned.
UNINDEXED = 0.25

# Cosine is the inner product of unit vectors; so zeros are at distance 1, where LanceDB's own cosine drops them.
# Inner products are searched as distances of mapped vectors, because cells are made of what lies near.
_DISTANCE = {"euclidean": "l2", "cosine": "dot", "inner_product": "l2"}


class LanceStore:
    """Vectors and metadata in a folder, searched by LanceDB.

    From 10,000 rows on it has an inverted-file index: √n cells of vectors that lie together, of which a search visits
    the nearest quarter, at least 20. Vectors are kept whole, so distances are exact and only a neighbour in a cell not
    visited can be missed. Fewer rows are scanned one and all. Embeddings have clusters, and on such data ten
    neighbours in ten are usually found; on pure noise, where no index helps, it may be six or seven.

    With ``"inner_product"`` it keeps vectors mapped by `map_items`, whose Euclidean neighbours have the largest
    products; what is found is measured again as it was given. A vector longer than all before changes the mapping, so
    that adding it writes the whole store anew.

    `add`, `update` and `delete` change the folder, one process at a time. Every `LanceStore` that is open on it, also
    in another process, sees the change with its next query.

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

    def __init__(
        self, folder: Path, table: Any, metric: str, deletions: bool, origin: NDArray[np.float64] | None
    ) -> None:
        self.folder = folder.absolute()
        self._opened = card_stamp(folder)
        self._hold(table, metric, deletions, origin)

    def _hold(self, table: Any, metric: str, deletions: bool, origin: NDArray[np.float64] | None) -> None:
        self._table = table
        self.metric = metric
        self._deletions = deletions
        self._origin = origin  # what Euclidean vectors are kept relative to
        self._positions: NDArray[np.int64] | None = None  # of all rows, ascending; read when deletions left gaps
        self._length: float | None = None  # M of the mapping of inner products

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
            Any real type; kept as float32, with ``"cosine"`` scaled to unit length, and for ``"euclidean"`` after
            they are moved to near zero.
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
        metric = checked_metric(metric)
        array = checked_vectors(vectors, keep_double=metric == "euclidean")
        rows = rows_table(ids, metadata, len(array))
        origin = None
        if metric == "cosine":
            array = unit_rows(array)
        elif metric == "inner_product":
            array = map_items(array)
        else:
            origin = middle_of(array)
            array = (array - origin).astype(np.float32)
        with folder_written_aside(folder, "store") as aside:
            _write_card(aside, metric, False, origin)
            try:
                _keep_indexed(connect(aside).create_table("vectors", _with_vectors(rows, array)), metric)
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
        card = read_card(folder, "lance")
        metric = checked_metric(card["metric"])
        if metric == "inner_product" and not card.get("mapped"):
            raise UnlabeledError(f"the store in {folder} is of an earlier version without the mapping; build it again")
        try:
            table = connect(folder).open_table("vectors")
        except (ValueError, RuntimeError) as error:
            raise _damaged(folder, error) from error
        origin = None if card.get("origin") is None else np.array(card["origin"], dtype=np.float64)
        store = cls(folder, table, metric, bool(card.get("deletions")), origin)
        if store.dim < 1 or table.count_rows() < 0:  # which reads the schema and the rows of a damaged table too
            raise UnlabeledError(f"the store in {folder} holds no vectors")
        return store

    def save(self, folder: str | PathLike[str]) -> None:
        """Copy the store into `folder`, whole or not at all."""
        with folder_written_aside(folder, "store") as aside:
            shutil.copytree(self.folder, aside, dirs_exist_ok=True, ignore=shutil.ignore_patterns(CONTENTS, ".lock"))

    def add(self, ids: Sequence[str], vectors: ArrayLike, metadata: Metadata | None = None) -> None:
        """Add rows with new ids after the last.

        Parameters
        ----------
        ids : sequence of str, length n
            Names that the store does not hold yet.
        vectors : array-like, shape (n, d)
        metadata : mapping of str to sequence of length n, optional
            Columns that the store has; one that is not given is empty in the new rows.

        Raises
        ------
        UnlabeledError
            If an id is taken, vectors or metadata do not fit, another process is changing the store, or the file system
            refuses the write. The store is then as it was.
        """
        array = self._checked(vectors)
        with self._changing():
            taken = set(self._rows_of(ids)["id"].to_pylist())
            first = int(self._all_positions().max(initial=-1)) + 1
            rows = added_rows(self._table.schema, taken, ids, metadata, len(array), first)
            if self._is_longer(array):
                self._write_anew(self._table.to_arrow(), rows, array)
            else:
                self._table.add(_with_vectors(rows, self._kept(array)))
            _keep_indexed(self._table, self.metric)

    def update(self, ids: Sequence[str], vectors: ArrayLike | None = None, metadata: Metadata | None = None) -> None:
        """Replace the vectors, or metadata columns, or both, of rows that are there; they keep their places.

        Parameters
        ----------
        ids : sequence of str, length n
        vectors : array-like, shape (n, d), optional
        metadata : mapping of str to sequence of length n, optional
            The columns to replace.

        Raises
        ------
        UnlabeledError
            As `add`, and if an id is unknown.
        """
        import pyarrow.compute as pc

        array = None if vectors is None else self._checked(vectors)
        with self._changing():
            old = self._rows_of(ids)
            where = {name: row for row, name in enumerate(old["id"].to_pylist())}
            old = old.take([where[name] for name in checked_ids(ids, where)])
            if array is not None and len(array) != len(old):
                raise UnlabeledError(f"there are {len(old)} ids for {len(array)} vectors; give one id for each")
            rows = updated_rows(old.drop_columns("vector"), metadata)
            if array is not None and self._is_longer(array):
                every = self._table.to_arrow()
                others = every.filter(pc.invert(pc.is_in(every["position"], old["position"].combine_chunks())))
                self._write_anew(others, rows, array)
            else:
                kept = _vectors_of(old) if array is None else self._kept(array)
                self._table.merge_insert("id").when_matched_update_all().execute(_with_vectors(rows, kept))
            _keep_indexed(self._table, self.metric)

    def delete(self, ids: Sequence[str]) -> None:
        """Remove rows; those after them move up.

        They are found no more, but stay in files of the folder until `compact` or a new `build`.

        Raises
        ------
        UnlabeledError
            As `add`, and if an id is unknown.
        """
        with self._changing():
            old = self._rows_of(ids)
            checked_ids(ids, set(old["id"].to_pylist()))
            if len(old) > 0:
                _write_card(self.folder, self.metric, True, self._origin)  # before: it is harmless without a deletion
                self._deletions = True
                self._table.delete(f"position IN ({', '.join(map(str, old['position'].to_pylist()))})")

    def compact(self) -> None:
        """Remove from the disk what was deleted or replaced, while no other process searches the store."""
        import warnings

        with self._changing(), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # it warns of readers at work, as the docstring does
            self._table.optimize(cleanup_older_than=timedelta(0), delete_unverified=True)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Hold the store for one writer, and let everyone who has it open know of the change."""
        with folder_lock(self.folder):
            self._follow_changes()
            try:
                yield
            except UnlabeledError:
                raise
            except (RuntimeError, ValueError) as error:  # LanceDB's name for a refusal by the file system
                raise UnlabeledError(f"LanceDB could not change the store in {self.folder}: {error}") from error
            finally:
                self._positions = self._length = None
            _write_card(self.folder, self.metric, self._deletions, self._origin)
            renew_contents(self.folder, "store")
            self._opened = card_stamp(self.folder)

    def _rows_of(self, ids: Sequence[str]) -> pa.Table:
        """Give the rows, in any order, of those ids that are there."""
        quoted = ", ".join("'" + str(name).replace("'", "''") + "'" for name in ids)
        names = self._table.schema.names
        search = self._table.search().select(names).where(f"id IN ({quoted})" if quoted else "false")
        return search.limit(max(1, len(ids))).to_arrow().select(names)

    def _all_positions(self) -> NDArray[np.int64]:
        """Give the positions of all rows, ascending."""
        if self._positions is None:
            found = self._table.search().select(["position"]).limit(max(1, self._count(None))).to_arrow()
            self._positions = np.sort(found["position"].to_numpy())
        return self._positions

    def _is_longer(self, array: NDArray[np.float32]) -> bool:
        """Tell whether the mapping must change, because a vector is longer than all those in the store."""
        if self.metric != "inner_product":
            return False
        return float(row_lengths(array).max(initial=0)) > self._longest()

    def _longest(self) -> float:
        """Give M of the mapping, which is the length of every mapped vector."""
        if self._length is None:
            self._length = float(row_lengths(_vectors_of(self._table.head(1))).max(initial=0))
        return self._length

    def _checked(self, vectors: ArrayLike) -> NDArray[Any]:
        return checked_vectors(vectors, self.dim, keep_double=self._origin is not None)

    def _kept(self, array: NDArray[Any]) -> NDArray[np.float32]:
        """Give vectors as the store keeps them."""
        if self.metric == "inner_product":
            return map_items(array, self._longest())
        if self.metric == "cosine":
            return unit_rows(array)
        return array if self._origin is None else (array - self._origin).astype(np.float32)

    def _write_anew(self, others: pa.Table, rows: pa.Table, array: NDArray[np.float32]) -> None:
        """Write other rows and these with the mapping that they need together."""
        import pyarrow as pa

        vectors = map_items(np.concatenate([_vectors_of(others)[:, :-1], array]))
        joined = pa.concat_tables(
            [others.drop_columns("vector"), rows.select(others.drop_columns("vector").schema.names)]
        )
        new = _with_vectors(joined, vectors)
        self._table = connect(self.folder).create_table("vectors", new, mode="overwrite")

    @property
    def dim(self) -> int:
        """The dimension of the vectors."""
        return int(self._table.schema.field("vector").type.list_size) - (self.metric == "inner_product")

    @property
    def columns(self) -> list[str]:
        """Names of the metadata columns."""
        return [name for name in self._table.schema.names if name not in OWN]

    def __len__(self) -> int:
        self._follow_changes()
        return self._count(None)

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
        self._follow_changes()
        queries = self._checked(vectors)
        # The length of a query does not change who has the largest product. With the length of the mapped vectors it
        # lies among them, and the nearest cells are the right ones.
        asked = (
            map_queries(self._longest() * unit_rows(queries)) if self.metric == "inner_product" else self._kept(queries)
        )
        left = self._count(where)
        k = min(k, left)
        if k == 0 or len(queries) == 0:
            shape = (len(queries), k)
            return Neighbours(np.empty(shape, object), np.empty(shape, np.int64), np.empty(shape, np.float32))
        # A scan of the rows that a filter leaves is exact, and quick if they are no more than the cells visited hold.
        few = where is not None and left <= max(INDEXED_FROM, self._count(None) // 4)
        try:
            found = self._found(asked, k, where, exhaustive=few)
            if len(found) < k * len(queries):  # the cells visited held too few
                found = self._found(asked, k, where, exhaustive=True)
        except UnlabeledError:
            raise
        except Exception as error:  # a damaged file makes LanceDB panic, for which it has a class of its own
            raise _damaged(self.folder, error) from error
        return self._neighbours(found, queries, k)

    def _follow_changes(self) -> None:
        """Open the folder again if another store has been built in it since, or its rows were changed."""
        if card_stamp(self.folder) != self._opened:
            new = LanceStore.open(self.folder)
            self._opened = new._opened
            self._hold(new._table, new.metric, new._deletions, new._origin)

    def _count(self, where: str | None) -> int:
        """Count the rows of the opened table for which `where` is true; without it, all."""
        if where is not None:
            check_condition(where)
        try:
            return int(self._table.count_rows(where))
        except (ValueError, RuntimeError) as error:
            if where is None:
                raise _damaged(self.folder, error) from error
            raise bad_filter(where, self._table.schema.names, error) from error

    def _found(self, queries: NDArray[np.float32], k: int, where: str | None, *, exhaustive: bool) -> Any:
        """Ask LanceDB for the neighbours of all queries, in one table."""
        search = self._table.search(queries).distance_type(_DISTANCE[self.metric]).limit(k)
        measured = ["vector"] if self.metric == "inner_product" else []
        search = search.select(["id", "position", "_distance", *measured])
        if where is not None:
            search = search.where(where)
        if exhaustive:
            search = search.bypass_vector_index()
        else:
            visited = max(20, _cells(self._count(None)) // 4)
            search = search.maximum_nprobes(visited).minimum_nprobes(visited)
        return search.to_arrow()

    def _neighbours(self, found: Any, queries: NDArray[np.float32], k: int) -> Neighbours:
        """Arrange LanceDB's rows by query, distance and position."""
        query = found["query_index"].to_numpy() if len(queries) > 1 else np.zeros(k, np.int64)
        distances = found["_distance"].to_numpy()
        if self.metric == "euclidean":
            distances = np.sqrt(distances)
        elif self.metric == "cosine":
            distances = np.maximum(distances, 0)
        else:
            vectors = _vectors_of(found)[:, :-1]
            distances = -np.einsum("nd,nd->n", queries[query], vectors, dtype=np.float64).astype(np.float32)
        positions = found["position"].to_numpy()
        order = np.lexsort((positions, distances, query)).reshape(len(queries), k)
        ids, rows = found["id"].to_numpy(), positions[order]
        if self._deletions:
            rows = np.searchsorted(self._all_positions(), rows)
        return Neighbours(ids[order], rows, distances[order])


def _write_card(folder: Path, metric: str, deletions: bool, origin: NDArray[np.float64] | None) -> None:
    place = None if origin is None else origin.tolist()
    write_card(folder, "lance", metric, mapped=metric == "inner_product", deletions=deletions, origin=place)


def _with_vectors(rows: pa.Table, vectors: NDArray[np.float32]) -> pa.Table:
    import pyarrow as pa

    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
    return rows.append_column("vector", column)


def _vectors_of(rows: pa.Table) -> NDArray[np.float32]:
    column = rows["vector"].combine_chunks()
    vectors: NDArray[np.float32] = column.flatten().to_numpy().reshape(len(rows), column.type.list_size)
    return vectors


def _cells(count: int) -> int:
    return round(math.sqrt(count))


def _keep_indexed(table: Any, metric: str) -> None:
    """Make the index if there are many rows, or make it again if many came after it was made."""
    from lancedb.index import IvfFlat

    count = int(table.count_rows())
    indices = table.list_indices()
    indexed = table.index_stats(indices[0].name).num_indexed_rows if indices else 0
    if count >= INDEXED_FROM and count - indexed > UNINDEXED * count:
        config = IvfFlat(distance_type=_DISTANCE[metric], num_partitions=_cells(count))
        table.create_index("vector", config=config)


def _damaged(folder: Path, error: Exception) -> UnlabeledError:
    reason = str(error).splitlines()[0]
    return UnlabeledError(f"the store in {folder} cannot be read ({reason}); build it again")
