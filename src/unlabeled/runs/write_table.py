"""Results as a table on disk: parquet or CSV, by the name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from unlabeled.errors import UnlabeledError
from unlabeled.explore.figure import check_picture_name
from unlabeled.files import check_writable, written_aside

ENDINGS = (".parquet", ".csv")


def check_results(table: str | os.PathLike[str], picture: str | os.PathLike[str], source: Any, overwrite: bool) -> None:
    """Refuse, before the work, names of results that are those of the data, are taken, or cannot be written."""
    check_table_name(table, source)
    check_picture_name(picture, source)
    for path in (table, picture):
        check_free(path, overwrite)


def check_free(path: str | os.PathLike[str], overwrite: bool) -> None:
    """Refuse a name that is taken, unless what is there is to be replaced, or that cannot be written."""
    if Path(path).exists() and not overwrite:
        raise UnlabeledError(f"{path} exists already; choose another name, or replace it with --overwrite")
    check_writable(path)


def check_table_name(path: str | os.PathLike[str], source: Any) -> None:
    """Refuse a name that is no table's or that of the data themselves."""
    out = Path(path)
    if out.suffix.lower() not in ENDINGS:
        raise UnlabeledError(f"{out}: the result is a table, so its name ends in {' or '.join(ENDINGS)}")
    if isinstance(source, str | os.PathLike) and Path(source).exists() and out.exists() and out.samefile(source):
        raise UnlabeledError(f"{out} is what is read; give the result another name")


def write_table(columns: dict[str, Any], path: str | os.PathLike[str]) -> None:
    """Write columns, arrays or lists of one length, as parquet or CSV; whole or not at all."""
    import pyarrow as pa

    table = pa.table(columns)
    with written_aside(path) as aside:
        if aside.suffix.lower() == ".csv":
            from pyarrow import csv

            csv.write_csv(table, aside)
        else:
            import pyarrow.parquet as pq

            pq.write_table(table, aside)
