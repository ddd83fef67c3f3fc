"""Opening data: whatever a user brings becomes a collection, and ready instances, or an error that says why not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from unlabeled.data.instances import Instances
from unlabeled.data.paths import existing
from unlabeled.errors import UnlabeledError
from unlabeled.modalities.modality import (
    Collection,
    Modality,
    OnError,
    Settings,
    is_data,
    modalities,
    modality,
    modality_of,
)
from unlabeled.modalities.preprocessing import Preprocessing


def open_source(source: Any, settings: Any = None, first: bool = True) -> Collection:
    """Open whatever a user has, as the kind of data that it is.

    Parameters
    ----------
    source : path or object
        A folder, a text file of paths, an image file, and a parquet file with a column of images are images; other
        parquet files, ``.csv`` and ``.tsv`` are vectors. Arrays (also in ``.npy`` and ``.npz`` files) and tensors are
        vectors if they have two dimensions, images if they have three or four. A list of paths, PIL images, bytes or
        arrays of pictures is images, a list of lists of numbers is vectors, a data frame is vectors, a dataset is
        images. A data object is given back as it is. Text files, folders of them, tables with a column of texts and
        lists of strings are texts. Video files, folders of them and arrays of five dimensions are videos; ``.tar``
        shards are pairs, and for a method for pairs also tables and folders of images with captions.
    settings : Settings or estimator, optional
        What they say about the data, such as the column of texts. Of an estimator's own modalities the first that
        accepts the source is taken.
    first : bool, default True
        Whether the source is what the settings were made for, or comes later, as what is embedded does: then a column
        that they name is that of tables, and other texts need none.

    Returns
    -------
    Images, Vectors, or the data object of another modality

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
    if is_data(source):
        opened: Collection = source
        return opened
    source = _as_path(source)
    kind = _accepting(source, settings)
    return kind.open(source) if settings is None else kind.admit(source, settings, first)


def open_instances(
    X: Any,
    settings: Any = Settings(),  # noqa: B008 (it is frozen)
    preprocessing: Preprocessing | None = None,
    on_error: OnError = "raise",
) -> tuple[Instances, Preprocessing]:
    """Make instances of `X`, by `preprocessing` if it is given, otherwise by the settings and what X is.

    Parameters
    ----------
    X : anything `open_source` takes, a data object, or instances
    settings : Settings or estimator
    preprocessing : Preprocessing, optional
    on_error : {"raise", "skip"}, default "raise"
        What to do about an instance that cannot be read: raise an error, or leave it out and list it.

    Raises
    ------
    UnlabeledError
        If X is no data, or does not fit `preprocessing`.
    """
    X = _as_path(X)
    kind = modality_of(X) if is_data(X) else _accepting(X, settings)
    own = kind if preprocessing is None else modality(preprocessing.kind)
    if kind.name in own.halves:
        kind = own
    elif kind is not own and not is_data(X) and own.can_open(X):  # such as a table of pairs, or what is of no kind
        kind = own if own.halves or not kind.accepts(X) else kind
    if preprocessing is not None and preprocessing.kind != kind.name:
        if isinstance(X, list | tuple) and not X:
            raise UnlabeledError(f"there are no {preprocessing.kind}s: the {type(X).__name__} is empty")
        raise UnlabeledError(f"the encoder is for {preprocessing.kind}s, and the data are {kind.name}s")
    return kind.prepare(kind.admit(X, settings, preprocessing is None), settings, preprocessing, on_error)


def _as_path(source: Any) -> Any:
    """Give a path, once it is known to exist, for a string; anything else as it is."""
    return existing(os.fspath(source)) if isinstance(source, (str, os.PathLike)) else source


def _accepting(source: Any, settings: Any = None) -> Modality:
    """Give the modality that a source is of; an estimator's own modalities are asked first."""
    known = modalities()
    wanted = [known[name] for name in getattr(settings, "modalities", ())]
    found = next((each for each in (*wanted, *known.values()) if each.accepts(source)), None)
    if len(wanted) == 1 and wanted[0].can_open(source):
        found = wanted[0]
    if found is not None:
        return found
    if isinstance(source, Path) and not source.is_dir():
        suffix = source.suffix.lower()
        formats = "; ".join(f"{name}s: {each.formats}" for name, each in known.items() if each.formats)
        raise UnlabeledError(f"{source}: cannot open {suffix or 'a file without a suffix'}; give {formats}")
    return modality("image")  # it says what an empty folder or an unknown object lacks
