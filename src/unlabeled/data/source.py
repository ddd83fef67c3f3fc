"""The front door: whatever the user has, as images or as vectors."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from unlabeled.data.arrays import load_array
from unlabeled.data.decode import SUFFIXES
from unlabeled.data.images import Images
from unlabeled.data.paths import existing
from unlabeled.data.vectors import Vectors
from unlabeled.errors import UnlabeledError


def open_source(source: Any) -> Images | Vectors:
    """Open images or vectors, whichever `source` is.

    Parameters
    ----------
    source : path or object
        What `Images` or `Vectors` take. A folder, a text file of paths, an image file, and a parquet file with a
        column of images are images; other parquet files, ``.csv`` and ``.tsv`` are vectors. Arrays (also in ``.npy``
        and ``.npz`` files) and tensors are vectors if they have two dimensions, images if they have three or four.
        A list of paths, PIL images, bytes or arrays of pictures is images, a list of lists of numbers is vectors, a
        data frame is vectors, a dataset is images. `Images` and `Vectors` are given back as they are.

    Returns
    -------
    Images or Vectors

    Raises
    ------
    UnlabeledError
        If it is missing, empty or of no known kind; the message says which, and what there is instead.

    Examples
    --------
    >>> import numpy as np
    >>> open_source([[0.5, 1.0], [2.0, 3.0]])
    Vectors(2 of 2 numbers from the array)
    >>> open_source(np.zeros((10, 28, 28), dtype=np.uint8))
    Images(10 from ndarray)
    """
    if isinstance(source, (Images, Vectors)):
        return source
    if isinstance(source, (str, os.PathLike)):
        path = existing(os.fspath(source))
        return Vectors(path) if _file_of_vectors(path) else Images(path)
    if hasattr(source, "columns") and hasattr(source, "to_numpy"):
        return Vectors(source)
    if hasattr(source, "ndim") and hasattr(source, "dtype") and _is_numeric(source):
        return _open_array(source, source.ndim)
    if isinstance(source, (list, tuple)) and len(source) and _is_row(source[0]):
        return Vectors(source)
    return Images(source)


def _file_of_vectors(path: Path) -> bool:
    suffix = path.suffix.lower()
    if path.is_dir() or suffix in SUFFIXES or suffix == ".txt":
        return False
    if suffix in (".csv", ".tsv"):
        return True
    if suffix == ".parquet":
        from unlabeled.data.parquet import image_column, schema_of

        return image_column(schema_of(path)) is None
    if suffix in (".npy", ".npz"):
        array, _ = load_array(path)
        return array.ndim < 3
    raise UnlabeledError(
        f"{path}: cannot open {suffix or 'a file without a suffix'}; give a folder of images, .parquet, .npy, .npz, "
        ".csv, .tsv, .txt (a list of image paths) or an image"
    )


def _open_array(array: Any, dimensions: int) -> Images | Vectors:
    if dimensions in (3, 4):
        return Images(array)
    return Vectors(array)


def _is_numeric(array: Any) -> bool:
    return getattr(array.dtype, "kind", "f") in "fiubc"


def _is_row(item: Any) -> bool:
    """Tell a row of numbers from a picture, a path or bytes."""
    if isinstance(item, (list, tuple)):
        return True
    return getattr(item, "ndim", None) in (0, 1) or isinstance(item, (int, float))
