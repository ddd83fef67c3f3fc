"""What the stores ask of LanceDB: a quiet connection, and the rows for which an SQL condition is true."""

from __future__ import annotations

import os
import re
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.errors import UnlabeledError

if TYPE_CHECKING:
    import pyarrow as pa

QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`")


def connect(where: str | PathLike[str]) -> Any:
    """Open a LanceDB database, without its running commentary."""
    # Its Rust part logs to the terminal and reads this variable when it is loaded.
    os.environ.setdefault("LANCEDB_LOG", "error")
    import lancedb

    return lancedb.connect(where)


def positions_where(rows: pa.Table, where: str) -> NDArray[np.int64]:
    """Give the positions of the rows of a table for which `where` is true, in ascending order.

    Parameters
    ----------
    rows : pyarrow.Table
        A table with a column ``position``.
    where : str
        A condition in SQL over the columns, such as ``"label = 'cat'"``.

    Raises
    ------
    UnlabeledError
        If the condition is not SQL, or names a column that is not there.
    """
    check_condition(where)
    table = connect("memory://").create_table("rows", rows)
    try:
        found = table.search().where(where).select(["position"]).limit(len(rows)).to_arrow()
    except (ValueError, RuntimeError) as error:
        raise bad_filter(where, rows.column_names, error) from error
    return np.sort(found["position"].to_numpy())


def check_condition(where: str) -> None:
    """Refuse several statements, of which the engine would heed the first alone.

    Examples
    --------
    >>> check_condition("name = 'a;b' AND size > 3")
    >>> check_condition("size > 3; size < 9")
    Traceback (most recent call last):
        ...
    unlabeled.errors.UnlabeledError: the filter 'size > 3; size < 9' holds a semicolon; join conditions with AND or OR
    """
    if not isinstance(where, str):
        raise UnlabeledError(f"where is a condition in SQL, such as \"label = 'cat'\", not {where!r:.60}")
    if ";" in QUOTED.sub("", where):
        raise UnlabeledError(f"the filter {where!r} holds a semicolon; join conditions with AND or OR")


def bad_filter(where: str, columns: list[str], error: Any) -> UnlabeledError:
    """Make the error for a condition that cannot be read."""
    reason = str(error).splitlines()[0].partition(" Valid fields are")[0]  # which names the engine's own columns too
    usable = ", ".join(name for name in columns if name != "vector")
    return UnlabeledError(f"the filter {where!r} cannot be applied: {reason} (columns: {usable})")
