"""Results as a table on disk: parquet or CSV, by the name."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.tabular.spreadsheet_text import marked
from unlabeled.errors import UnlabeledError
from unlabeled.files import check_encodable, check_output, read_json, written_aside

ENDINGS = (".parquet", ".csv")
OF_A_RUN = ("run.json", "metrics.json", "history.json", "report.html", "embeddings.parquet", "model", "index")


def check_table(path: str | os.PathLike[str], inputs: Iterable[Any] = (), *, overwrite: bool = False) -> None:
    """Refuse, before the work, a name that is no table's, or one that `unlabeled.files.check_output` refuses."""
    if Path(path).suffix.lower() not in ENDINGS:
        raise UnlabeledError(f"{path}: the result is a table, so its name ends in {' or '.join(ENDINGS)}")
    check_encodable(path)
    check_output(path, inputs, overwrite=overwrite)


def inputs_of(source: Any, *others: Any) -> list[Any]:
    """List what is read and so may not be replaced; of a run, what `learn` wrote, its data and its labels.

    Other files in the folder of a run may be results of its own, which are replaced when asked to.
    """
    if not isinstance(source, str | os.PathLike) or not (Path(source) / "run.json").is_file():
        return [source, *others]
    about = read_json(Path(source) / "run.json")
    read = [about.get(name) for name in ("source", "labels")] if isinstance(about, dict) else []
    return [*(Path(source) / name for name in OF_A_RUN), *read, *others]


def masked(values: NDArray[Any], gone: NDArray[np.bool_]) -> Any:
    """Give a column that is empty where `gone` holds."""
    import pyarrow as pa

    return pa.array(values, mask=gone)


def write_table(columns: dict[str, Any], path: str | os.PathLike[str]) -> None:
    """Write columns, arrays or lists of one length, as parquet or CSV; whole or not at all."""
    import pyarrow as pa

    table = pa.table(columns)
    with written_aside(path) as aside:
        if aside.suffix.lower() == ".csv":
            from pyarrow import csv

            csv.write_csv(_without_formulas(table), aside)
        else:
            import pyarrow.parquet as pq

            pq.write_table(table, aside)


def _without_formulas(table: Any) -> Any:
    """Put an apostrophe before text that a spreadsheet would run as a formula, such as an id ``=1+1``."""
    import pyarrow as pa

    for place, column in enumerate(table.schema):
        if pa.types.is_string(column.type):
            cells = [text if text is None else marked(text) for text in table[place].to_pylist()]
            table = table.set_column(place, column.name, pa.array(cells, pa.string()))
    return table
