"""The rows of a store that change: those that are added, and what replaces the columns of others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from unlabeled.errors import UnlabeledError
from unlabeled.search.store import Metadata, rows_table

if TYPE_CHECKING:
    import pyarrow as pa

OWN = ("id", "position", "vector")
"""Columns that the store itself gives."""


def added_rows(
    schema: pa.Schema, taken: Collection[str], ids: Sequence[str], metadata: Metadata | None, count: int, first: int
) -> pa.Table:
    """Make the rows that are added to a store.

    Parameters
    ----------
    schema : pyarrow.Schema
        The columns of the store; a metadata column that is not given is empty in the new rows.
    taken : collection of str
        Those of the ids that the store holds already.
    ids : sequence of str, length n
        Names of the new rows.
    metadata : mapping of str to sequence of length n, optional
        Columns that the store has.
    count : int
        The number of vectors, n.
    first : int
        Position of the first new row.

    Returns
    -------
    pyarrow.Table
        The columns of `schema` but for ``vector``.

    Raises
    ------
    UnlabeledError
        If an id is taken, or the metadata do not fit the columns of the store.
    """
    import pyarrow as pa

    rows = rows_table(ids, metadata, count)
    if len(taken) > 0:
        name = next(name for name in map(str, ids) if name in taken)
        raise UnlabeledError(f"the store holds the id {name!r} already; change its row with update, or rename it")
    _check_columns(schema, rows.column_names)
    columns = {
        name: pa.array(range(first, first + count)) if name == "position" else rows[name]
        for name in schema.names
        if name in rows.column_names
    }
    empty = {name: pa.nulls(count) for name in schema.names if name not in rows.column_names and name != "vector"}
    return _cast(pa.table(columns | empty), schema)


def updated_rows(old: pa.Table, metadata: Metadata | None) -> pa.Table:
    """Give rows of a store with columns replaced.

    Parameters
    ----------
    old : pyarrow.Table, n rows
        The rows as they are, in the order of the new values.
    metadata : mapping of str to sequence of length n, optional
        The columns to replace; the others stay.
    """
    if metadata is None:
        return old
    given = rows_table(old["id"].to_pylist(), metadata, len(old))
    _check_columns(old.schema, given.column_names)
    table = old
    for name in given.column_names:
        if name not in OWN:
            table = table.set_column(table.schema.get_field_index(name), name, given[name])
    return _cast(table, old.schema)


def checked_ids(ids: Sequence[str], found: Collection[str]) -> list[str]:
    """Give the ids as a list if each is there, and named once.

    Parameters
    ----------
    ids : sequence of str
        Names that are asked for.
    found : collection of str
        Those of them that the store holds.
    """
    if isinstance(ids, str):
        raise UnlabeledError(f"ids must be a list of names, not the text {ids!r}; write [{ids!r}]")
    names = [str(name) for name in ids]
    for name, times in Counter(names).items():
        if times > 1:
            raise UnlabeledError(f"the id {name!r} is named more than once")
        if name not in found:
            raise UnlabeledError(f"the store holds no row with the id {name!r}; nothing was changed")
    return names


def _check_columns(schema: pa.Schema, names: Sequence[str]) -> None:
    for name in names:
        if name not in schema.names:
            known = ", ".join(each for each in schema.names if each not in OWN) or "none"
            raise UnlabeledError(
                f"the store has no metadata column {name!r} (columns: {known}); build it again with it"
            )


def _cast(table: pa.Table, schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    wanted = pa.schema([field for field in schema if field.name in table.column_names])
    try:
        return table.select(wanted.names).cast(wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
        raise UnlabeledError(f"the metadata do not have the types of the store's columns: {error}") from error
