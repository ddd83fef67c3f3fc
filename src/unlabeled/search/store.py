"""What every vector store offers, and what a search returns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unlabeled.data.tabular.tables import column_names
from unlabeled.errors import UnlabeledError
from unlabeled.setting_checks import check_whole_number

if TYPE_CHECKING:
    import pyarrow as pa

Metadata = Mapping[str, Sequence[Any] | NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The nearest stored vectors of each query, nearest first.

    Attributes
    ----------
    ids : ndarray of object, shape (q, k)
        Names of the neighbours, as `str`.
    indices : ndarray of int64, shape (q, k)
        Their row numbers, from 0 to n − 1 in the order in which they were added. What is deleted leaves no gap: the
        rows after it move up.
    distances : ndarray of float32, shape (q, k)
        Smaller is nearer, whatever the metric: ‖q − c‖ for ``"euclidean"``; 1 − cos(q, c), from 0 to 2, for
        ``"cosine"``; −q·c, of either sign, for ``"inner_product"``.
    """

    ids: NDArray[np.object_]
    indices: NDArray[np.int64]
    distances: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.indices)

    def merged(self) -> Neighbours:
        """Rank the neighbours of all queries as those of one: each counts at the smallest of its distances."""
        order = np.argsort(self.distances, axis=None, kind="stable")
        _, first = np.unique(self.indices.ravel()[order], return_index=True)
        chosen = order[np.sort(first)][: self.indices.shape[1]]
        return Neighbours(
            self.ids.ravel()[chosen][None], self.indices.ravel()[chosen][None], self.distances.ravel()[chosen][None]
        )


class VectorStore(Protocol):
    """Vectors with names and metadata, searched for those nearest to a query.

    `ExactStore` and `LanceStore` satisfy it. A change is made whole or not at all, and refused if an id is unknown, or
    taken, or the metadata do not fit the columns.
    """

    @property
    def metric(self) -> str:
        """``"euclidean"``, ``"cosine"`` or ``"inner_product"``."""
        ...

    @property
    def dim(self) -> int:
        """The dimension of the vectors."""
        ...

    def __len__(self) -> int: ...

    def query(self, vectors: ArrayLike, k: int, where: str | None = None) -> Neighbours:
        """Find the `k` nearest of each vector among the rows for which the SQL condition `where` is true."""
        ...

    def add(self, ids: Sequence[str], vectors: ArrayLike, metadata: Metadata | None = None) -> None:
        """Add rows with new ids after the last; a metadata column that is not given is empty in them."""
        ...

    def update(self, ids: Sequence[str], vectors: ArrayLike | None = None, metadata: Metadata | None = None) -> None:
        """Replace the vectors, or metadata columns, or both, of rows that are there; they keep their places."""
        ...

    def delete(self, ids: Sequence[str]) -> None:
        """Remove rows; those after them move up."""
        ...

    def save(self, folder: str | PathLike[str]) -> None:
        """Write the store into `folder`, whole or not at all."""
        ...

    @classmethod
    def open(cls, folder: str | PathLike[str]) -> Self:
        """Read a store that was written into `folder`."""
        ...


def checked_k(k: int) -> int:
    """Return `k` if it asks for at least one neighbour."""
    check_whole_number("k", k)
    return int(k)


def rows_table(ids: Sequence[str], metadata: Metadata | None, count: int) -> pa.Table:
    """Join names and metadata into a table with one row per vector.

    Parameters
    ----------
    ids : sequence of str, length n
        Distinct names.
    metadata : mapping of str to sequence of length n, or data frame, optional
        Columns that filters may mention.
    count : int
        The number of vectors, n.

    Returns
    -------
    pyarrow.Table
        Columns ``id``, ``position`` (the row's number), then the metadata.

    Raises
    ------
    UnlabeledError
        If there are no vectors, lengths differ, a name occurs twice or is no Unicode text, or a column takes a name
        the store needs.
    """
    import pyarrow as pa

    if not isinstance(ids, Iterable) or isinstance(ids, str):
        raise UnlabeledError(f"ids must be a list of names, not {ids!r:.60}")
    names = [str(name) for name in ids]
    if count == 0:
        raise UnlabeledError("there are no vectors to store; give at least one")
    if len(names) != count:
        raise UnlabeledError(f"there are {len(names)} ids for {count} vectors; give one id for each vector")
    if len(set(names)) < count:
        twice = next(name for name, times in Counter(names).items() if times > 1)
        raise UnlabeledError(f"the id {twice!r} occurs more than once; each vector needs a name of its own")
    columns: dict[str, Any] = {"id": names, "position": np.arange(count)}
    table: Any = {} if metadata is None else metadata
    if (given := column_names(table)) is None:
        raise UnlabeledError(f"metadata come as columns by name, in a mapping or a data frame, not as {metadata!r:.60}")
    for name in given:
        values = table[name]
        if name in {"id", "position", "vector"} or name.startswith("_"):
            raise UnlabeledError(f"the metadata column {name!r} has a name the store uses itself; rename it")
        if len(values) != count:
            raise UnlabeledError(f"the metadata column {name!r} has {len(values)} rows for {count} vectors")
        columns[name] = values
    for name in names:
        try:
            name.encode()
        except UnicodeEncodeError:
            raise UnlabeledError(
                f"the id {name!r} holds a surrogate, which is no character and cannot be stored; give another id"
            ) from None
    try:
        return pa.table(columns)
    except UnicodeEncodeError as error:
        raise UnlabeledError(
            f"the metadata cannot be stored: {error.object!r:.60} holds a surrogate, which is no character"
        ) from None
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise UnlabeledError(f"the metadata cannot be stored as columns of one type each: {error}") from error
