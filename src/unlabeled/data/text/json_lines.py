"""Tables written as a JSON object a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from unlabeled.data.plain_text import read_plain_text
from unlabeled.errors import UnlabeledError

LINES_OF_JSON = (".jsonl", ".ndjson")


def read_json_lines(path: Path) -> dict[str, list[Any]]:
    """Read a file of JSON objects, one a line, as columns; None where a line does not have the name.

    Raises
    ------
    UnlabeledError
        If it cannot be read, or a line is no JSON object.
    """
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(read_plain_text(path, errors="replace").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UnlabeledError(f"{path}, line {number} is not JSON: {error}") from None
        if not isinstance(row, dict):
            raise UnlabeledError(f"{path}, line {number} is not a JSON object with a name for each value")
        rows.append(row)
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {name: [row.get(name) for row in rows] for name in names}
