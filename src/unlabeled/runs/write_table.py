"""Results as a table on disk: parquet or CSV, by the name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from unlabeled.errors import UnlabeledError
from unlabeled.files import written_aside

ENDINGS = (".parquet", ".csv")


def check_table_name(path: str | os.PathLike[str], source: Any) -> None:
    """Refuse, before the work, a name that is no table's or that of the data themselves."""
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
