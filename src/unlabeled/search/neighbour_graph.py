"""The graph of nearest neighbours: who lies next to whom, as a sparse matrix that can be walked on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.files import folder_written_aside, load_arrays, refuses_damage, save_arrays
from unlabeled.kernels.blas_threads import openmp_threads_kept
from unlabeled.search.card import read_card, write_card
from unlabeled.search.exact import ExactStore
from unlabeled.search.metric import checked_vectors, middle_of, unit_rows
from unlabeled.search.store import VectorStore, checked_k, rows_table

Integers = NDArray[np.int64]
Floats = NDArray[np.float32]
Method = Literal["auto", "exact", "approximate"]
Weights = Literal["gaussian", "uniform"]

EXACT_ROWS = 50_000
"""Rows up to which ``method="auto"`` compares all pairs; beyond, the approximate search is quicker."""
BLOCK = 8192
"""Rows whose neighbours are looked for at a time."""
TINY = np.finfo(np.float32).tiny
"""The length of an edge between copies: many sparse tools take a stored zero for no edge."""
MORE = 3
"""Neighbours, beyond those wanted, that the approximate search looks for; a third of k if that is more."""
PIVOTS = 64
"""Members from which distances are measured to find a medoid; of smaller groups, all."""


@dataclass(frozen=True, eq=False)
class GraphPath:
    """A chain of neighbours from one node to another.

    Attributes
    ----------
    indices : ndarray of int64, shape (m,)
        Nodes, both ends included.
    ids : list of str
        Their names.
    hops : ndarray of float32, shape (m − 1,)
        The distance of each step.
    """

    indices: Integers
    ids: list[str]
    hops: Floats

    @property
    def length(self) -> float:
        """The sum of the steps: the graph distance, for the shortest path."""
        return float(self.hops.sum(dtype=np.float64))

    @property
    def longest(self) -> float:
        """The longest step; 0 for a path that stays where it is."""
        return float(self.hops.max(initial=0.0))


class NeighbourGraph:
    """Each row is joined to its k nearest others; an edge counts in both directions, and no row is its own neighbour.

    Make one with `from_vectors`, `from_store` or `from_matrix`. Distances are Euclidean or 1 − cosine.

    Parameters
    ----------
    directed : CSR array of float32, shape (n, n)
        Row i holds the distances to its nearest neighbours, all above 0.
    ids : sequence of str, optional
        Names of the rows; by default their numbers.
    metric : str
        What the distances are.

    Attributes
    ----------
    directed : CSR array of float32, shape (n, n)
    metric : str

    Raises
    ------
    UnlabeledError
        For a matrix that is no such graph.

    Examples
    --------
    >>> graph = NeighbourGraph.from_vectors([[0.0], [1.0], [2.5], [9.0], [9.5]], k=1, ids=list("abcde"))
    >>> graph.path("a", "c").ids
    ['a', 'b', 'c']
    >>> graph.components.tolist()
    [0, 0, 0, 1, 1]
    """

    def __init__(self, directed: sp.csr_array, ids: Sequence[str] | None = None, metric: str = "euclidean") -> None:
        self.directed, self.metric = directed, metric
        self._ids = None if ids is None else [str(name) for name in ids]
        if self._ids is not None and len(set(self._ids)) != directed.shape[0]:
            raise UnlabeledError(f"a graph of {directed.shape[0]} rows needs as many different ids")

    # --- making one ---------------------------------------------------------------------------------------------------

    @classmethod
    def from_vectors(
        cls,
        vectors: Any,
        k: int = 10,
        *,
        ids: Sequence[str] | None = None,
        metric: str = "euclidean",
        method: Method = "auto",
        random_state: int = 0,
    ) -> Self:
        """Join each vector to its k nearest others.

        Parameters
        ----------
        vectors : array-like or sparse matrix, shape (n, d)
            Sparse rows are compared exactly.
        k : int, default 10
            Neighbours of each row; fewer where there are not so many.
        ids : sequence of str, optional
            Names of the rows.
        metric : {"euclidean", "cosine"}, default "euclidean"
            What near means.
        method : {"auto", "exact", "approximate"}, default "auto"
            All pairs are compared, or PyNNDescent finds nearly all of the neighbours in nearly linear time. ``"auto"``
            compares all pairs of at most 50,000 rows.
        random_state : int, default 0
            Seed of the approximate search.

        Returns
        -------
        NeighbourGraph
        """
        if metric not in ("euclidean", "cosine"):
            raise unknown_name("metric of a graph", metric, ["euclidean", "cosine"])
        if method not in ("auto", "exact", "approximate"):
            raise unknown_name("method", method, ["auto", "exact", "approximate"])
        k = checked_k(k)
        if sp.issparse(vectors):
            rows: Any = vectors
            return cls(_directed(_sparse_neighbours(rows, k, metric), rows.shape[0]), ids, metric)
        array = checked_vectors(vectors, keep_double=True)  # float32 would merge rows that lie far from zero
        if method == "exact" or (method == "auto" and len(array) <= EXACT_ROWS):
            store = ExactStore.build([str(row) for row in range(len(array))], array, metric=metric)
            return cls.from_store(store, array, k, ids=ids)
        return cls(_directed([_approximate_neighbours(array, k, metric, random_state)], len(array)), ids, metric)

    @classmethod
    def from_store(
        cls, store: VectorStore, vectors: ArrayLike, k: int = 10, *, ids: Sequence[str] | None = None
    ) -> Self:
        """Ask a store, exact or approximate, for the neighbours of its own vectors.

        Parameters
        ----------
        store : VectorStore
            A store with the metric ``"euclidean"`` or ``"cosine"``.
        vectors : array-like, shape (n, d)
            The vectors in it, in the order in which it was built.
        k : int, default 10
            Neighbours of each row.
        ids : sequence of str, optional
            Names of the rows.
        """
        array = checked_vectors(vectors, store.dim, keep_double=True)
        if store.metric == "inner_product":
            raise UnlabeledError("inner products are no distances; build the store with metric='cosine' or 'euclidean'")
        if len(array) != len(store):
            raise UnlabeledError(f"the store holds {len(store)} vectors, and {len(array)} are given")
        wanted = min(checked_k(k) + 1, len(array))
        blocks = []
        for start in range(0, len(array), BLOCK):
            found = store.query(array[start : start + BLOCK], wanted)
            blocks.append(_without_self(found.indices, found.distances, start, k))
        return cls(_directed(blocks, len(array)), ids, store.metric)

    @classmethod
    def from_matrix(cls, distances: Any, *, ids: Sequence[str] | None = None, metric: str = "precomputed") -> Self:
        """Take a square matrix of distances, of which only those stored are edges.

        Parameters
        ----------
        distances : sparse matrix or array, shape (n, n)
            In an array, a zero is no edge; in a sparse matrix, a stored zero is an edge between copies. The diagonal is
            passed over.
        ids : sequence of str, optional
            Names of the rows.
        """
        matrix = sp.coo_array(distances)
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.shape[0] == 0:
            raise UnlabeledError(f"a graph is a square matrix of distances, not one of shape {matrix.shape}")
        if not np.isfinite(matrix.data).all() or (matrix.data < 0).any():
            raise UnlabeledError("the distances of a graph must be finite and not negative")
        proper = matrix.row != matrix.col
        lengths = np.maximum(matrix.data[proper].astype(np.float32), TINY)
        return cls(sp.csr_array((lengths, (matrix.row[proper], matrix.col[proper])), shape=matrix.shape), ids, metric)

    # --- the graph as a matrix ----------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return int(self.directed.shape[0])

    def __repr__(self) -> str:
        return f"NeighbourGraph({len(self):,} rows, {self.distances.nnz // 2:,} edges)"

    @property
    def ids(self) -> list[str]:
        """Names of the rows."""
        return [str(row) for row in range(len(self))] if self._ids is None else self._ids

    @cached_property
    def distances(self) -> sp.csr_array:
        """The undirected graph: a symmetric matrix of distances, of edges that either end has among its nearest."""
        matrix = sp.csr_array(self.directed.maximum(self.directed.T))
        matrix.sort_indices()
        return matrix

    def weights(self, kernel: Weights = "gaussian") -> sp.csr_array:
        r"""Give the undirected graph with similarities as its entries.

        .. math:: w_{ij} = \tfrac12 \left( e^{-4 d_{ij}^2 / r_i^2} + e^{-4 d_{ij}^2 / r_j^2} \right)

        with r the distance of a row to its farthest nearest neighbour, so that the scale follows the density.

        Parameters
        ----------
        kernel : {"gaussian", "uniform"}, default "gaussian"
            The above, or 1 for every edge.

        Returns
        -------
        CSR array of float64, shape (n, n)
            Symmetric, with an empty diagonal.
        """
        if kernel not in ("gaussian", "uniform"):
            raise unknown_name("kernel", kernel, ["gaussian", "uniform"])
        matrix = self.distances.astype(np.float64)
        if kernel == "uniform":
            matrix.data[:] = 1.0
            return matrix
        radii = np.maximum(self.directed.max(axis=1).toarray().ravel(), TINY).astype(np.float64)
        ends = np.repeat(np.arange(len(self)), np.diff(matrix.indptr))
        squares = np.square(matrix.data)
        one, other = (np.exp(-4 * squares / np.square(radii[side])) for side in (ends, matrix.indices))
        # An edge whose weight vanishes is still an edge: what hangs on it alone would otherwise be unreached.
        matrix.data = np.maximum((one + other) / 2, 1e-12)
        return matrix

    # --- walking on it ------------------------------------------------------------------------------------------------

    @cached_property
    def components(self) -> Integers:
        """For each row the number of its connected component; component 0 is that of row 0."""
        # The edges of one direction join the same rows as those of both, and are half as many.
        _, labels = sp.csgraph.connected_components(self.directed, directed=False)
        _, first = np.unique(labels, return_index=True)
        order = np.empty(len(first), np.int64)
        order[np.argsort(first, kind="stable")] = np.arange(len(first))
        numbers: Integers = order[labels]
        return numbers

    def path(self, start: int | str, goal: int | str, kind: Literal["shortest", "minimax"] = "shortest") -> GraphPath:
        """Find a chain of neighbours from one row to another.

        Parameters
        ----------
        start, goal : int or str
            Rows, by number or name.
        kind : {"shortest", "minimax"}, default "shortest"
            The path of least length, or one whose longest step is as short as can be: a path in the minimum spanning
            tree.

        Returns
        -------
        GraphPath

        Raises
        ------
        UnlabeledError
            If a name is unknown, or no path joins the two.
        """
        if kind not in ("shortest", "minimax"):
            raise unknown_name("kind of path", kind, ["shortest", "minimax"])
        ends = self._row(start), self._row(goal)
        parts = self.components[list(ends)]
        if parts[0] != parts[1]:
            sizes = np.bincount(self.components)[parts]
            raise UnlabeledError(
                f"no path joins {start!r}, in a component of {sizes[0]:,} rows, and {goal!r}, in one of {sizes[1]:,}; "
                "build the graph with more neighbours (k), or look at the nearest hop between the two (`gap`)"
            )
        from unlabeled.kernels.search.shortest_path import shortest_path

        matrix = self._tree if kind != "shortest" else self.distances
        nodes: Integers = shortest_path(matrix.indptr, matrix.indices, matrix.data, *ends)
        hops = np.array([self.distances[a, b] for a, b in pairwise(nodes)], np.float32)
        return GraphPath(nodes, [self._name(node) for node in nodes.tolist()], _true(hops))

    def distance(self, start: int | str, goal: int | str) -> float:
        """Give the graph distance of two rows, the length of the shortest path; infinite where there is none."""
        if self.components[self._row(start)] != self.components[self._row(goal)]:
            return float("inf")
        return self.path(start, goal).length

    def distances_from(self, start: int | str) -> NDArray[np.float64]:
        """Give the graph distances of all rows from one; infinite where no path leads."""
        found: NDArray[np.float64] = sp.csgraph.dijkstra(self.distances, directed=False, indices=[self._row(start)])[0]
        return found

    def gap(self, vectors: ArrayLike, start: int | str, goal: int | str) -> tuple[int, int, float]:
        """Find the nearest hop between two components: the edge that would join them.

        Parameters
        ----------
        vectors : array-like, shape (n, d)
            The vectors that the graph was made from.
        start, goal : int or str
            A row of each component.

        Returns
        -------
        (row, row, distance)
            One row of the first component, one of the second, and their distance.
        """
        array = checked_vectors(vectors, keep_double=True)
        one, other = (np.flatnonzero(self.components == self.components[self._row(end)]) for end in (start, goal))
        metric = "cosine" if self.metric == "cosine" else "euclidean"
        store = ExactStore.build([str(row) for row in other], array[other], metric=metric)
        found = store.query(array[one], 1)
        nearest = int(found.distances[:, 0].argmin())
        return int(one[nearest]), int(other[found.indices[nearest, 0]]), float(found.distances[nearest, 0])

    def hubs(self, count: int = 10) -> tuple[Integers, Integers]:
        """Find the rows that are most often among the nearest neighbours of others.

        Returns
        -------
        (rows, times)
            Most frequent first; each row's own number of neighbours is k, so k is the mean.
        """
        times = np.bincount(self.directed.indices, minlength=len(self))
        rows = np.argsort(-times, kind="stable")[:count]
        return rows, times[rows]

    def copies(self, within: float = 0.0) -> Integers:
        """Give the pairs of rows joined by an edge of at most this length, shape (m, 2), nearest first."""
        upper = sp.triu(self.distances, format="coo")
        near = _true(upper.data) <= within
        order = np.argsort(upper.data[near], kind="stable")
        return np.stack([upper.row[near], upper.col[near]], axis=1)[order].astype(np.int64)

    def medoids(self, groups: ArrayLike, random_state: int = 0) -> dict[int, int]:
        """Find the most central row of each group: that with the least sum of graph distances to the others.

        Distances are within the group, and in its largest connected part. Of more than 64 members, the distances from
        64 drawn at random stand for all.

        Parameters
        ----------
        groups : array-like of int, shape (n,)
            The group of each row, −1 for none; `components`, or clusters.
        random_state : int, default 0
            Of the draw.

        Returns
        -------
        dict of int to int
            The row for each group.
        """
        numbers = np.asarray(groups)
        if numbers.shape != (len(self),) or numbers.dtype.kind not in "iub":
            raise UnlabeledError(
                f"there are {len(self)} rows, so as many groups, each a number; not an array of shape {numbers.shape} "
                f"and type {numbers.dtype}"
            )
        rng = np.random.default_rng(random_state)
        found = {}
        for group in np.unique(numbers[numbers >= 0]).tolist():
            members = np.flatnonzero(numbers == group)
            inside = self.distances[members][:, members]
            _, parts = sp.csgraph.connected_components(inside, directed=False)
            kept = np.flatnonzero(parts == np.bincount(parts).argmax())
            inside = inside[kept][:, kept]
            pivots = np.arange(len(kept)) if len(kept) <= PIVOTS else rng.choice(len(kept), PIVOTS, replace=False)
            total = np.zeros(len(kept))
            for pivot in pivots:
                total += sp.csgraph.dijkstra(inside, directed=False, indices=[pivot])[0]
            found[group] = int(members[kept[total.argmin()]])
        return found

    @cached_property
    def _tree(self) -> sp.csr_array:
        """The minimum spanning tree of each component, as a symmetric matrix."""
        tree = sp.csr_array(sp.csgraph.minimum_spanning_tree(self.distances)).astype(np.float32)
        return sp.csr_array(tree + tree.T)

    @cached_property
    def _position(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(self.ids)}

    def _name(self, row: int) -> str:
        return str(row) if self._ids is None else self._ids[row]

    def _row(self, node: int | str) -> int:
        if isinstance(node, str):
            if node not in self._position:
                raise UnlabeledError(f"{node!r} is no row of the graph; they are called {self._name(0)!r} and so on")
            return self._position[node]
        if not 0 <= node < len(self):
            raise UnlabeledError(f"row {node} is not in the graph, which has {len(self)} rows")
        return int(node)

    # --- on disk ------------------------------------------------------------------------------------------------------

    def save(self, folder: str | PathLike[str]) -> None:
        """Write the graph into `folder`, whole or not at all; only a graph that was saved there is replaced."""
        import pyarrow.parquet as pq

        matrix = self.directed
        with folder_written_aside(folder, "graph") as aside:
            write_card(aside, "graph", self.metric)
            arrays = {"indptr": matrix.indptr, "indices": matrix.indices, "distances": matrix.data}
            save_arrays(arrays, aside / "graph.safetensors")
            pq.write_table(rows_table(self.ids, None, len(self)), aside / "rows.parquet")

    @classmethod
    @refuses_damage
    def open(cls, folder: str | PathLike[str]) -> Self:
        """Read a graph that `save` wrote.

        Raises
        ------
        UnlabeledError
            If the folder is missing, damaged, or holds something else.
        """
        from unlabeled.data.tabular.parquet import read_parquet

        folder = Path(folder)
        metric = read_card(folder, "graph")["metric"]
        arrays = load_arrays(folder / "graph.safetensors")
        try:
            ids = read_parquet(folder / "rows.parquet", ["id"])["id"].to_pylist()
            matrix = sp.csr_array(
                (arrays["distances"], arrays["indices"], arrays["indptr"]), shape=(len(ids), len(ids))
            )
            matrix.check_format()
        except (KeyError, ValueError, UnlabeledError) as error:
            raise UnlabeledError(f"the graph in {folder} is damaged ({error}); build it again") from error
        return cls(matrix, ids, metric)


Found = tuple[Integers, Floats, Integers]
"""Neighbours row by row, their distances, and how many each row has."""


def _without_self(indices: Integers, distances: Floats, first: int, k: int) -> Found:
    """Leave out each row itself and places that hold none, and keep k of the rest."""
    own = np.arange(first, first + len(indices))[:, None]
    kept = (indices != own) & (indices >= 0)
    kept &= np.cumsum(kept, axis=1) <= k  # where copies crowd a row out of its own neighbours, one too many is left
    return indices[kept], distances[kept], kept.sum(axis=1)


def _directed(blocks: list[Found], n: int) -> sp.csr_array:
    indices, distances, counts = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    indptr = np.concatenate([[0], np.cumsum(counts)])
    lengths = np.maximum(distances.astype(np.float32, copy=False), TINY)
    matrix = sp.csr_array((lengths, indices.astype(np.int32), indptr.astype(np.int32)), shape=(n, n))
    matrix.sort_indices()
    return matrix


def _approximate_neighbours(array: NDArray[Any], k: int, metric: str, seed: int) -> Found:
    from pynndescent import NNDescent

    # For the order of neighbours, Euclidean distances of unit vectors serve as well as cosines, and are quicker. It
    # works in float32, which tells rows apart only near zero.
    wide = array.dtype == np.float64 and metric == "euclidean"
    data = unit_rows(array) if metric == "cosine" else (array - middle_of(array) if wide else array)
    data = data.astype(np.float32, copy=False)
    # Asked for more neighbours, it finds more of the nearest.
    wanted = min(k + 1 + max(MORE, k // 3), len(array))
    settings = {"metric": "euclidean", "random_state": seed, "low_memory": True, "compressed": True}
    with openmp_threads_kept():
        indices, distances = NNDescent(data, n_neighbors=wanted, **settings).neighbor_graph
    if metric == "cosine":
        distances = np.square(distances) / 2
    return _without_self(indices.astype(np.int64), distances, 0, k)


def _sparse_neighbours(rows: Any, k: int, metric: str) -> list[Found]:
    from sklearn.neighbors import NearestNeighbors

    matrix = sp.csr_array(rows, dtype=np.float64, copy=True)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    if not np.isfinite(matrix.data).all():
        raise UnlabeledError("the vectors hold NaN or infinity; remove or repair those rows")
    if metric == "cosine":
        matrix = _sparse_unit_rows(matrix)
    index = NearestNeighbors(n_neighbors=min(k + 1, matrix.shape[0]), metric=metric, algorithm="brute").fit(matrix)
    blocks = []
    for start in range(0, matrix.shape[0], BLOCK):
        part = matrix[start : start + BLOCK]
        indices = index.kneighbors(part, return_distance=False)
        distances = np.stack([_sparse_distances(part, matrix[column], metric) for column in indices.T], axis=1)
        order = np.lexsort((indices, distances), axis=1)
        indices, distances = (np.take_along_axis(table, order, 1) for table in (indices, distances))
        blocks.append(_without_self(indices, distances, start, k))
    return blocks


def _sparse_unit_rows(matrix: sp.csr_array) -> sp.csr_array:
    """Scale each row to length 1, to the precision of `unit_rows`; a row of zeros stays as it is."""
    squares = matrix.power(2).sum(axis=1)
    unit = sp.csr_array(matrix.multiply(1 / np.sqrt(np.where(squares > 0, squares, 1))[:, None]))
    return unit.astype(np.float32).astype(np.float64)


def _sparse_distances(ones: sp.csr_array, others: sp.csr_array, metric: str) -> Floats:
    """Measure each row against its counterpart by their difference: by products, copies would not be at distance 0."""
    squares: NDArray[np.float64] = (ones - others).power(2).sum(axis=1)
    if metric == "euclidean":
        return np.sqrt(squares).astype(np.float32)
    zero = (np.diff(ones.indptr) == 0) | (np.diff(others.indptr) == 0)  # which has cosine 0 with everything
    return np.where(zero, 1, squares / 2).astype(np.float32)


def _true(lengths: Floats) -> Floats:
    """Give zero where an edge joins copies."""
    return np.where(lengths <= TINY, 0, lengths).astype(np.float32)
