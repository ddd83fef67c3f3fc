"""Vectors as a parquet table of ``id`` and ``vector``, which `unlabeled cluster` and `outliers` read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.errors import UnlabeledError
from unlabeled.methods.words.formats.word_table import Content, check_words


def write_parquet(path: Path, words: Sequence[str], vectors: NDArray[Any], counts: NDArray[np.int64] | None) -> None:
    """Write a row a word; a column ``count`` if counts are known."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    flat = pa.array(np.ascontiguousarray(vectors).reshape(-1))
    columns = {"id": pa.array(words, pa.string()), "vector": pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])}
    if counts is not None:
        columns["count"] = pa.array(counts)
    pq.write_table(pa.table(columns), path)


def read_parquet(path: Path) -> Content:
    """Read what `write_parquet` wrote."""
    import pyarrow as pa

    from unlabeled.data.tabular.parquet import read_parquet as read_columns
    from unlabeled.data.tabular.parquet import stacked_lists

    try:
        table = read_columns(path)
        words = table.column("id").to_pylist()
        vectors = stacked_lists(table.column("vector"))
        counts = table.column("count").to_numpy() if "count" in table.column_names else None
    except (OSError, KeyError, ValueError, AttributeError, pa.ArrowException) as error:
        raise UnlabeledError(f"{path} holds no word vectors: it needs columns id and vector ({error})") from error
    if not all(isinstance(word, str) for word in words) or vectors.dtype.kind != "f":
        raise UnlabeledError(f"{path} holds no word vectors: ids are words, and vectors lists of numbers")
    check_words(path, words, "row", 1)
    return Content(words, vectors, counts)
