"""Numbers from tables: CSV, parquet and data frames, with ids and labels told apart from features by column name."""

from __future__ import annotations

import csv as csv_module
import json
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.classes import classes_in, is_missing
from unlabeled.data.plain_text import encoding_of
from unlabeled.data.tabular.columns import ID_COLUMNS, LABEL_COLUMNS, find_column
from unlabeled.errors import UnlabeledError

TABLES = (".csv", ".tsv", ".parquet")
"""What the names of tables end in."""
CATEGORICAL = ("CategoricalDtype", "Categorical", "Enum")
"""Types of columns that are categories, of pandas and polars."""
LINES_LOOKED_AT = 50
"""Lines of a text file by which it is told whether the first one names the columns."""


@dataclass(frozen=True)
class Numbers:
    """A matrix and what its source says about its rows and columns."""

    array: NDArray[Any]
    ids: list[str] | None = None
    labels: Any = None
    columns: list[str] | None = None


def from_frame(frame: Any) -> Numbers:
    """Take the numbers out of a data frame, pandas' or one like it; refuse categories, also those that are numbers."""
    columns = frame_columns(frame)
    names, categorical = [name for name, _ in columns], categorical_columns(frame)
    described = id_and_label(names)
    for i, (name, values) in enumerate(columns):
        if name in categorical and i not in described and values.dtype.kind in "fiub":
            raise UnlabeledError(
                f"the data frame: the numbers in column {name!r} are categories by the column's type; drop or encode "
                "the column, or if they are numbers, change its type by astype(float)"
            )
    return _assembled(columns, "the data frame")


def is_frame(source: Any) -> bool:
    """Tell a data frame, of pandas or a library like it, from arrays, mappings and Arrow's tables."""
    return hasattr(source, "columns") and hasattr(source, "to_numpy")


def column_names(source: Any) -> list[Any] | None:
    """Name the columns of a data frame, a mapping, an Arrow table or a Hugging Face dataset, else None."""
    if hasattr(source, "column_names"):  # an Arrow table has `columns` too, which are not names
        return list(source.column_names)
    if isinstance(source, Mapping):
        return list(source)
    return list(source.columns) if is_frame(source) else None


def listed(values: Any) -> list[Any]:
    """List the values of an array or a column: of NumPy, pandas, Arrow, polars or anything that yields them."""
    for name in ("tolist", "to_pylist"):
        if hasattr(values, name):
            values = getattr(values, name)()
    return list(values)


def frame_columns(frame: Any) -> list[tuple[str, NDArray[Any]]]:
    """Give the columns of a data frame, pandas' or one like it, by name."""
    _check_different([str(name) for name in frame.columns], "the data frame")
    return [(str(name), np.asarray(frame[name].to_numpy())) for name in frame.columns]


def categorical_columns(source: Any) -> set[str]:
    """Give the names of columns that are categories by their type, of a data frame or a parquet file made of one."""
    if not isinstance(source, str | os.PathLike):
        kinds = {str(name): type(getattr(source[name], "dtype", None)).__name__ for name in source.columns}
        return {name for name, kind in kinds.items() if kind in CATEGORICAL}
    if not str(source).lower().endswith(".parquet"):
        return set()
    import pyarrow as pa

    from unlabeled.data.tabular.parquet import schema_of

    schema = schema_of(Path(source))
    found = {field.name for field in schema if pa.types.is_dictionary(field.type)}
    try:  # Arrow reads categories that are numbers as numbers; only pandas' own note tells
        noted = json.loads((schema.metadata or {}).get(b"pandas", b"{}")).get("columns", [])
        found |= {each["field_name"] for each in noted if each["pandas_type"] == "categorical"}
    except (ValueError, KeyError, TypeError, AttributeError):  # a note of another kind
        pass
    return found & set(schema.names)


def _check_different(names: Sequence[str], source: str) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise UnlabeledError(f"{source} has several columns called {twice[0]!r}; rename or drop all but one")


def narrowed(array: NDArray[Any]) -> NDArray[Any]:
    """Give rows as float32 if that keeps their differences, else as float64.

    float32 has 24 binary digits, so rounding moves a number by 6e-8 of its size. That is harmless where it is less than
    a millionth of the column's standard deviation, and so for every column that lies within 16 of them of zero, unless
    its numbers are too small or too large for float32.

    Examples
    --------
    >>> narrowed(np.array([[1.0], [2.0]])).dtype, narrowed(np.array([[1e8], [1e8 + 1]])).dtype
    (dtype('float32'), dtype('float64'))
    """
    if array.size == 0 or (array.dtype.itemsize <= 4 and array.dtype.kind == "f"):
        return array.astype(np.float32, copy=False)
    wide = array.astype(np.float64, copy=False)
    limits = np.finfo(np.float32)
    with np.errstate(over="ignore", under="ignore"):
        narrow = wide.astype(np.float32)
        # Numbers below the smallest normal one are rounded as that one is.
        rounding = limits.eps / 2 * np.maximum(np.abs(wide).max(axis=0), limits.tiny)
        fine = (rounding <= 1e-6 * wide.std(axis=0)) & np.isfinite(narrow).all(axis=0)
    same = (wide == wide[:1]).all(axis=0) & np.isfinite(narrow[0]) | (wide == narrow).all(axis=0)
    return narrow if (same | fine).all() else wide


def read_numbers(path: Path) -> Numbers:
    """Read a CSV, TSV or parquet file of numbers; of one with a column of lists, that column."""
    return _assembled(read_columns(path), str(path))


def read_columns(path: Path, texts: Sequence[str] = ()) -> list[tuple[str, NDArray[Any]]]:
    """Read the columns of a CSV, TSV or parquet file, of whatever type, by name.

    In a text file the type of a column is told by its cells. The column of ids, and those named in `texts`, are read as
    text whatever they hold: ids such as ``007`` are no numbers.

    If a parquet file has a column of lists, only that and the columns of ids and labels are read.

    Cells of a text file are parted by tabs in a ``.tsv``, else by commas, semicolons or tabs, whichever its first line
    has most of. There is no header if all cells of that line are numbers, or one stands over a column of numbers; but
    0, 1, 2, ..., by which pandas numbers columns, and years over other numbers are names. Text is UTF-8, or UTF-16 with
    its mark.
    """
    import pyarrow as pa

    try:
        table = _read_parquet(path) if path.suffix.lower() == ".parquet" else _read_csv(path, texts)
    except UnicodeError as error:
        raise UnlabeledError(f"cannot read {path} as a table: {error}; save it as UTF-8") from error
    except (OSError, csv_module.Error, pa.ArrowException) as error:
        raise UnlabeledError(f"cannot read {path} as a table: {error}") from error
    _check_different(table.column_names, str(path))
    return [(name, _column(table, name, path)) for name in table.column_names]


def _read_parquet(path: Path) -> Any:
    """Read all columns, or only vectors, ids and labels if one column holds lists."""
    import pyarrow.parquet as pq

    from unlabeled.data.tabular.parquet import check_parquet_memory  # here, for CSV needs no parquet

    with pq.ParquetFile(path) as parquet:
        schema = parquet.schema_arrow
        lists = [field.name for field in schema if _is_list(field.type)]
        if len(lists) > 1:
            raise UnlabeledError(
                f"{path} has several columns of lists ({', '.join(lists)}); keep the one with the vectors"
            )
        described = [find_column(schema.names, names) for names in (ID_COLUMNS, LABEL_COLUMNS)]
        wanted = lists + [schema.names[i] for i in described if i is not None]
        check_parquet_memory(parquet, path, wanted if lists else None)
        return parquet.read(columns=wanted if lists else None)


def _read_csv(path: Path, texts: Sequence[str]) -> Any:
    import pyarrow as pa
    from pyarrow import csv

    encoding = encoding_of(path)
    with path.open(encoding=encoding, newline="") as file:
        lines = [line for line in islice(file, LINES_LOOKED_AT) if line.strip()]
    separator = separator_in(lines[0]) if lines else None
    lines = lines if separator is None else lines[1:]
    delimiter = separator or delimiter_of(path, lines[0] if lines else "")
    headerless = _is_headerless(lines, delimiter)
    table = csv.read_csv(
        path,
        read_options=csv.ReadOptions(
            autogenerate_column_names=headerless,
            encoding=encoding.removesuffix("-sig"),
            skip_rows=int(separator is not None),
        ),
        parse_options=csv.ParseOptions(delimiter=delimiter),
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys(texts, pa.string())
            | ({} if headerless or not lines else id_types(lines[0], delimiter, pa.string()))
        ),
    )
    for field in table.schema:
        if pa.types.is_binary(field.type):  # what Arrow makes of text that is not UTF-8
            raise UnlabeledError(f"{path}: the column {field.name!r} is not valid UTF-8; save the file as UTF-8")
    return table


def id_types(header: str, delimiter: str, kind: Any) -> dict[str, Any]:
    """Map the name of the column of ids, if the header has one, to the type `kind`: as a number, 007 would become 7."""
    names = next(csv_module.reader([header], delimiter=delimiter), [])
    identity = find_column(names, ID_COLUMNS)
    return {} if identity is None else {names[identity]: kind}


def _is_headerless(lines: Sequence[str], delimiter: str) -> bool:
    """Tell whether the first line is data already: it is all numbers, or has one over a column of numbers."""
    head, *rows = csv_module.reader(lines, delimiter=delimiter) if lines else [[]]
    places = [place for place, cell in enumerate(head) if is_number(cell)]
    columns = [[row[place] for row in rows if len(row) == len(head) and row[place]] for place in places]
    if not places or ([cell for cell in head if cell] == [str(i) for i in range(len(places))] and len(head) > 1):
        return False  # the numbers that pandas gives to columns
    if all(_is_year(head[place]) for place in places) and not any(map(_is_year, chain(*columns))):
        return False
    return len(places) == len(head) or any(column and all(map(is_number, column)) for column in columns)


def _is_year(cell: str) -> bool:
    return cell.strip().isdecimal() and 1900 <= int(cell) <= 2100


def delimiter_of(path: Path, first_line: str) -> str:
    r"""Tell what parts the cells of a text file: tabs in a ``.tsv``, else what its first line has most of.

    Examples
    --------
    >>> delimiter_of(Path("a.csv"), "id;name, first;age"), delimiter_of(Path("a.tsv"), "id\tincome, yearly, net")
    (';', '\t')
    """
    return "\t" if path.suffix.lower() == ".tsv" else max(",;\t", key=first_line.count)


def separator_in(line: str) -> str | None:
    """Give the delimiter that a line such as ``sep=;`` names, which Excel reads before the header; else None.

    Examples
    --------
    >>> separator_in("sep=;"), separator_in("a;b")
    (';', None)
    """
    found = re.fullmatch(r"\ufeff?\"?sep=(.)\"?", line.strip("\r\n"), re.IGNORECASE)
    return found[1] if found else None


def is_number(cell: str) -> bool:
    """Tell whether a text is a number as Python writes them."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def has_lists(path: Path) -> bool:
    """Say whether a parquet file has a column of lists, which are then its vectors."""
    from unlabeled.data.tabular.parquet import schema_of

    return any(_is_list(field.type) for field in schema_of(path))


def _is_list(kind: Any) -> bool:
    import pyarrow as pa

    return any(is_one(kind) for is_one in (pa.types.is_fixed_size_list, pa.types.is_list, pa.types.is_large_list))


def _column(table: Any, name: str, path: Path) -> NDArray[Any]:
    """Give a column as an array, lists stacked as rows; a missing number becomes NaN, which is reported by place."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from unlabeled.data.tabular.parquet import stacked_lists

    column = table.column(name)
    if not _is_list(column.type):
        exact = not pa.types.is_integer(column.type) or not column.null_count or _fit_double(pc.min_max(column).as_py())
        # Beside a gap whole numbers become fractions, which have no room for those beyond 2⁵³, such as ids.
        return np.asarray(column.to_numpy()) if exact else np.array(column.to_pylist(), dtype=object)
    try:
        return stacked_lists(column)
    except ValueError:
        raise UnlabeledError(f"{path}: the lists in column {name!r} must all be there and of one length") from None


def _fit_double(ends: dict[str, int | None]) -> bool:
    """Tell whether fractions of 64 bits hold all whole numbers between two ends, which are None of no numbers."""
    return all(end is None or abs(end) <= 2**53 for end in ends.values())


def _assembled(columns: list[tuple[str, NDArray[Any]]], name: str) -> Numbers:
    """Tell ids and labels from features, and put the features side by side."""
    names = [column for column, _ in columns]
    identity, label = id_and_label(names)
    features = [(column, v) for i, (column, v) in enumerate(columns) if i not in (identity, label)]
    if not features:
        raise UnlabeledError(f"{name} has no columns of numbers; it has {', '.join(names) or 'no columns at all'}")
    if not len(features[0][1]):
        raise UnlabeledError(f"{name} has columns but no rows, so no numbers")
    wrong = [column for column, values in features if values.dtype.kind not in "fiub"]
    if wrong:
        raise UnlabeledError(
            f"{name}: column {wrong[0]!r} holds {_example(dict(features)[wrong[0]])}, which is no number; drop the "
            f"column or encode it ({len(wrong)} of {len(features)} columns are like this)"
        )
    first = features[0][1]
    together = first.ndim == 2
    return Numbers(
        array=first if together else np.column_stack([values for _, values in features]),
        ids=None if identity is None else row_names(columns[identity][1].tolist()),
        labels=None if label is None else classes_in(columns[label][1]),
        columns=None if together else [column for column, _ in features],
    )


def id_and_label(names: list[str]) -> tuple[int | None, int | None]:
    """Give the positions of the columns that hold ids and labels, where there are any."""
    identity = find_column(names, ID_COLUMNS)
    if identity is None and names[:1] == [""]:  # pandas and R write the names of rows under an empty heading
        identity = 0
    return identity, find_column(names, LABEL_COLUMNS)


def row_names(values: Sequence[Any]) -> list[str]:
    """Give the names that a column holds; whole numbers that a gap has turned into fractions are whole again.

    Examples
    --------
    >>> row_names([1.0, float("nan"), 3.0]), row_names(["007", None])
    (['1', '', '3'], ['007', ''])
    """
    return [
        "" if is_missing(value) else str(int(value) if isinstance(value, float) and value.is_integer() else value)
        for value in values
    ]


def _example(values: NDArray[Any]) -> str:
    return repr(next((value for value in values.tolist() if value is not None), None))
