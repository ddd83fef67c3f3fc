"""Exact search: every query against every vector, tile by tile; the ground truth of every other store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unlabeled.errors import UnlabeledError
from unlabeled.files import folder_written_aside
from unlabeled.search.card import read_card, write_card
from unlabeled.search.engine import positions_where
from unlabeled.search.metric import checked_metric, checked_vectors, unit_rows
from unlabeled.search.store import Metadata, Neighbours, checked_k, rows_table
from unlabeled.search.threads import blas_threads, thread_pool

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

TILE = 512  # a 512 × 512 tile of float32 is 1 MiB: it stays in one core's cache between its making and its scan
FEW = 1_000_000  # query–vector pairs below which sorting them all is quicker than loading the compiled scan
GATHERED = 1 << 17  # numbers gathered at a time when distances are measured again: half a MiB, for the cache again


class ExactStore:
    """Vectors in memory, searched exhaustively.

    Queries are compared by matrix products, tile by tile, each thread with queries of its own; a compiled scan keeps
    the k best. The distances of those are then measured again, directly, so they are free of the cancellation of
    ‖q‖² − 2q·c + ‖c‖² and do not depend on tiles or threads. Neighbours at equal distance come in order of their row.
    Where two candidates for the last place differ by less than float32 rounding (about 1e-6 of the squared lengths),
    which one is found may depend on the processor's BLAS library.

    Memory beyond the vectors is about 1 MiB a thread, whatever the number of queries, plus the result.

    Parameters
    ----------
    ids : sequence of str, length n
        Distinct names.
    vectors : array-like, shape (n, d)
        Any real type; kept as float32. With ``"cosine"`` a row of zeros is at distance 1 from everything.
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

    def __init__(self, rows: pa.Table, vectors: Floats, origin: Floats, metric: str) -> None:
        self._rows = rows
        self._ids = np.array(rows["id"].to_pylist(), dtype=object)
        self._vectors = vectors  # as compared: unit length for cosine, seen from the origin for Euclidean
        self._origin = origin
        self.metric = metric

    @classmethod
    def build(
        cls, ids: Sequence[str], vectors: ArrayLike, metadata: Metadata | None = None, *, metric: str = "cosine"
    ) -> Self:
        """Make a store of `vectors`; the parameters are those of the class."""
        metric = checked_metric(metric)
        array = checked_vectors(vectors)
        rows = rows_table(ids, metadata, len(array))
        origin = np.zeros(array.shape[1], np.float32)
        if metric == "euclidean":
            # Distances do not change when all is moved, but rounding errors grow with the distance from zero. The
            # median moves far-away data near, ignores outliers, and keeps integers integers, so that ties stay ties.
            sample = array[:: max(1, len(array) // 1000)]
            origin = np.partition(sample, len(sample) // 2, axis=0)[len(sample) // 2]
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
            For each query the row that must not be its neighbour: ``range(n)`` when the store searches itself.

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
        queries = _as_compared(checked_vectors(vectors, self.dim), self._origin, self.metric)
        rows = None if where is None else positions_where(self._rows, where)
        corpus = self._vectors if rows is None else self._vectors[rows]
        banned = np.full(len(queries), -1)
        if exclude is not None:
            banned = np.asarray(exclude, dtype=np.int64)
            if banned.shape != (len(queries),) or np.any((banned < 0) | (banned >= len(self))):
                raise UnlabeledError(f"exclude must hold one row number below {len(self)} for each query")
            if rows is not None:
                banned = _places(rows, len(self))[banned]
        k = max(0, min(k, len(corpus) - (exclude is not None)))
        indices, distances = _search(queries, corpus, banned, k, self.metric)
        if rows is not None:
            indices = rows[indices]
        return Neighbours(self._ids[indices], indices, distances)

    def save(self, folder: str | PathLike[str]) -> None:
        """Write the store into `folder`, whole or not at all, replacing what was there."""
        import pyarrow.parquet as pq

        with folder_written_aside(folder, "store") as aside:
            write_card(aside, "exact", self.metric)
            np.save(aside / "vectors.npy", self._vectors, allow_pickle=False)
            np.save(aside / "origin.npy", self._origin, allow_pickle=False)
            pq.write_table(self._rows, aside / "rows.parquet")

    @classmethod
    def open(cls, folder: str | PathLike[str]) -> Self:
        """Read a store that `save` wrote.

        Raises
        ------
        UnlabeledError
            If the folder is missing, damaged, or holds something else.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        folder = Path(folder)
        metric = read_card(folder, "exact")
        try:
            vectors = np.load(folder / "vectors.npy", allow_pickle=False)
            origin = np.load(folder / "origin.npy", allow_pickle=False)
            rows = pq.read_table(folder / "rows.parquet")
        except (OSError, ValueError, EOFError, pa.ArrowException) as error:
            raise UnlabeledError(f"the store in {folder} is damaged ({error}); build it again") from error
        if len(vectors) != len(rows):
            raise UnlabeledError(f"the store in {folder} is damaged: {len(vectors)} vectors, {len(rows)} rows")
        return cls(rows, vectors, origin, metric)


def _as_compared(vectors: Floats, origin: Floats, metric: str) -> Floats:
    return unit_rows(vectors) if metric == "cosine" else vectors - origin


def _places(rows: Integers, count: int) -> Integers:
    """Give for each of `count` rows its place in `rows`, or -1."""
    places = np.full(count, -1)
    places[rows] = np.arange(len(rows))
    return places


def _search(queries: Floats, corpus: Floats, banned: Integers, k: int, metric: str) -> tuple[Integers, Floats]:
    """Find the k rows of `corpus` nearest to each query, in order, and their distances."""
    # The order of 1 − q·c and of ‖c‖²/2 − q·c is that of the distance, so one scan serves all metrics.
    offsets = np.zeros(len(corpus))
    if metric == "euclidean":
        offsets = np.einsum("nd,nd->n", corpus, corpus, dtype=np.float64) / 2
    if len(queries) * len(corpus) <= FEW or k == 0:
        return _ordered(queries, corpus, _nearest_by_sorting(queries, corpus, offsets, banned, k), metric)

    threads = blas_threads()
    step = min(TILE, -(-len(queries) // threads))
    blocks = [slice(start, start + step) for start in range(0, len(queries), step)]
    halves = offsets.astype(np.float32)

    def one_block(block: slice) -> tuple[Integers, Floats]:
        found = _nearest_by_scanning(queries[block], corpus, halves, banned[block], k)
        return _ordered(queries[block], corpus, found, metric)

    if len(blocks) == 1:
        return one_block(blocks[0])
    with thread_pool(threads) as pool:
        indices, distances = zip(*pool.map(one_block, blocks), strict=True)
    return np.concatenate(indices), np.concatenate(distances)


def _nearest_by_sorting(
    queries: Floats, corpus: Floats, offsets: NDArray[np.float64], banned: Integers, k: int
) -> Integers:
    """Find the k best of few candidates by sorting them all."""
    scores = offsets - queries.astype(np.float64) @ corpus.T.astype(np.float64)
    scores[np.flatnonzero(banned >= 0), banned[banned >= 0]] = np.inf
    return np.argsort(scores, axis=1, kind="stable")[:, :k]


def _nearest_by_scanning(queries: Floats, corpus: Floats, offsets: Floats, banned: Integers, k: int) -> Integers:
    """Find the k best of many candidates, keeping one tile of scores at a time; their order is the heap's."""
    from unlabeled.search.scan import scan

    scores = np.full((len(queries), k), np.inf, np.float32)
    indices = np.full((len(queries), k), len(corpus))
    memory = np.empty(len(queries) * TILE, np.float32)
    for start in range(0, len(corpus), TILE):
        vectors = corpus[start : start + TILE]
        tile = memory[: len(queries) * len(vectors)].reshape(len(queries), len(vectors))
        products = np.matmul(queries, vectors.T, out=tile)
        scan(products, offsets[start : start + TILE], start, banned, scores, indices)
    return indices


def _ordered(queries: Floats, corpus: Floats, indices: Integers, metric: str) -> tuple[Integers, Floats]:
    """Measure the distances of the neighbours found, and sort each row by distance and then by index."""
    distances = np.empty(indices.shape, np.float32)
    for part in _parts(len(queries), max(1, indices.shape[1]) * queries.shape[1]):
        found = corpus[indices[part]]
        if metric == "euclidean":
            found -= queries[part, None]
            distances[part] = np.sqrt(np.einsum("qkd,qkd->qk", found, found))
        else:
            distances[part] = -np.einsum("qkd,qd->qk", found, queries[part])
    if metric == "cosine":
        distances = np.maximum(1 + distances, 0)  # rounding may take the cosine of a vector with itself above 1
    order = np.lexsort((indices, distances), axis=1)
    return np.take_along_axis(indices, order, 1), np.take_along_axis(distances, order, 1)


def _parts(count: int, size: int) -> Iterator[slice]:
    step = max(1, GATHERED // size)
    return (slice(start, start + step) for start in range(0, count, step))
