"""Tables of texts: columns of CSV, parquet and lines of JSON, as lists."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unlabeled.data.tabular.tables import TABLES, delimiter_of, id_types, separator_in
from unlabeled.data.text.json_lines import LINES_OF_JSON, read_json_lines
from unlabeled.data.text.text_files import open_decoded
from unlabeled.errors import UnlabeledError

if TYPE_CHECKING:
    import pyarrow as pa

TABLES_OF_TEXT = (*TABLES, *LINES_OF_JSON)

_LONGEST_NAME = 6  # words of a column's name; what is longer is a text


def read_columns(path: Path, wanted: Sequence[str] | None = None) -> dict[str, list[Any]]:
    """Read a table as lists.

    Parameters
    ----------
    path : path
    wanted : sequence of str, optional
        Names of columns, in any case, that are needed beside those that hold text. Others may be left out; of a parquet
        file they are not read. By default all are needed.

    Raises
    ------
    UnlabeledError
        If it cannot be read, or has no rows.
    """
    import pyarrow as pa

    names = None if wanted is None else {name.strip().lower() for name in wanted}
    if path.suffix.lower() in LINES_OF_JSON:
        columns = read_json_lines(path)
        rows = len(next(iter(columns.values()), []))
    else:
        try:
            table = _read_parquet(path, names) if path.suffix.lower() == ".parquet" else _read_csv(path, names)
        except (OSError, pa.ArrowException) as error:
            raise UnlabeledError(f"cannot read {path} as a table: {error}") from error
        columns, rows = table.to_pydict(), table.num_rows
    if not rows:
        raise UnlabeledError(f"there are no texts: {path} has no rows")
    return columns


def _read_parquet(path: Path, names: set[str] | None) -> pa.Table:
    from unlabeled.data.tabular.parquet import read_parquet, schema_of  # here, for CSV needs no parquet

    if names is None:
        return read_parquet(path)
    schema = schema_of(path)
    return read_parquet(path, [schema.names[place] for place in _places(schema, names)])


def _places(schema: pa.Schema, names: set[str]) -> list[int]:
    """Give the places of the columns that have one of the names or hold text."""
    wanted = (field.name.strip().lower() in names or is_string(field.type) for field in schema)
    return [place for place, is_wanted in enumerate(wanted) if is_wanted]


def _read_csv(path: Path, names: set[str] | None) -> pa.Table:
    import pyarrow as pa
    from pyarrow import csv

    with open_decoded(path) as file:
        first_line = file.readline().decode("utf-8-sig", errors="replace")
        if (separator := separator_in(first_line)) is not None:
            first_line = file.readline().decode("utf-8", errors="replace")
    delimiter = separator or delimiter_of(path, first_line)
    with open_decoded(path) as file:
        table = csv.read_csv(
            file,
            # A row must fit into a block.
            read_options=csv.ReadOptions(block_size=16 << 20, skip_rows=int(separator is not None)),
            parse_options=csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=csv.ConvertOptions(column_types=id_types(first_line, delimiter, pa.binary())),
        )
    _check_header(table.column_names, path)
    if names is not None and table.num_columns == 1 and (only := table.column_names[0]).strip().lower() not in names:
        warnings.warn(
            f"the first row of {path}, {only!r}, is taken for the name of its only column; if it is a text, put a row "
            "with a name above it, such as text",
            stacklevel=2,
        )
    for place, field in enumerate(table.schema):
        if pa.types.is_binary(field.type):  # what Arrow takes text for that is not UTF-8
            texts = [value and value.decode("utf-8", errors="replace") for value in table.column(place).to_pylist()]
            table = table.set_column(place, field.name, pa.array(texts, pa.string()))
    if delimiter == "\t":
        _warn_of_open_quotes(table, path)
    return table if names is None else table.select(_places(table.schema, names))


def _warn_of_open_quotes(table: pa.Table, path: Path) -> None:
    """Warn where rows have been taken for a part of a cell: in many tables with tabs quotation marks are plain text."""
    import pyarrow.compute as pc

    for name, column in zip(table.column_names, table.columns, strict=True):
        if not is_string(column.type):
            continue
        texts = column.cast("string")
        swallowed = pc.and_(pc.match_substring(texts, "\t"), pc.match_substring(texts, "\n"))
        if (count := pc.sum(swallowed).as_py()) is not None and count:
            warnings.warn(
                f"{path}: {count} cells of column {name!r} hold a tab and a line end, as where a cell begins with a "
                "quotation mark that nothing closes, and the rows after it are lost in it; write such marks twice and "
                "cells in marks, or give the table as .parquet or .jsonl",
                stacklevel=2,
            )


def _check_header(names: list[str], path: Path) -> None:
    """Refuse a table whose first row is a text: it would be taken for the names of the columns, and lost."""
    for name in names:
        if len(name.split()) > _LONGEST_NAME:
            raise UnlabeledError(
                f"the first row of {path} does not name the columns, but holds a text: {name[:40]!r}...; put a row of "
                "names above it, such as text, or save the texts as a .txt file, one a line"
            )


def is_string(kind: Any) -> bool:
    """Tell whether a type of Arrow is text, each value by itself or from a dictionary."""
    import pyarrow as pa

    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    return any(is_one(value) for is_one in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view))
