"""Class names and their numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.errors import UnlabeledError

UNLABELLED = -1


def class_order(names: Iterable[str]) -> list[str]:
    """Sort distinct class names: those that look like numbers by value, then the others alphabetically.

    Examples
    --------
    >>> class_order(["10", "9", "9", "cat"])
    ['9', '10', 'cat']
    """

    def key(name: str) -> tuple[bool, float, str]:
        try:
            value = float(name)
        except ValueError:
            value = math.nan
        return (False, value, name) if math.isfinite(value) else (True, 0.0, name)

    return sorted(set(names), key=key)


def encode(names: Sequence[str | None]) -> tuple[NDArray[np.int64], list[str]]:
    """Turn class names into numbers; None becomes −1.

    Returns
    -------
    labels : ndarray of int64, shape (n,)
    classes : list of str
        In the order of `class_order`.

    Examples
    --------
    >>> encode(["dog", None, "cat"])
    (array([ 1, -1,  0]), ['cat', 'dog'])
    """
    classes = class_order(name for name in names if name is not None)
    number: dict[str | None, int] = {name: i for i, name in enumerate(classes)}
    number[None] = UNLABELLED
    return np.fromiter((number[name] for name in names), dtype=np.int64, count=len(names)), classes


def is_missing(value: Any) -> bool:
    """Tell what stands for nothing: None, NaN, and what data frames and masked arrays put in its place.

    Examples
    --------
    >>> [is_missing(value) for value in [None, float("nan"), np.ma.masked, np.datetime64("NaT"), "", 0, "nan"]]
    [True, True, True, True, False, False, False]
    """
    return value is None or type(value).__name__ in ("NAType", "MaskedConstant") or bool(value != value)


def without_mask(values: Any) -> NDArray[np.object_]:
    """Give the values of a masked array, with None for what is masked.

    Examples
    --------
    >>> without_mask(np.ma.masked_array([1, 2], [False, True])).tolist()
    [1, None]
    """
    plain = np.ma.getdata(values).astype(object)
    plain[np.ma.getmaskarray(values)] = None
    return plain


def label_array(labels: Any) -> NDArray[Any]:
    """Give labels as an array, in which what is missing stays so: beside names NumPy would call NaN ``"nan"``.

    Examples
    --------
    >>> label_array(["cat", float("nan")]).tolist()
    ['cat', nan]
    """
    if isinstance(labels, np.ma.MaskedArray):
        return without_mask(labels)
    given = np.asarray(labels.detach().cpu() if hasattr(labels, "detach") else labels)
    return np.array(labels, dtype=object) if given.dtype.kind == "U" and isinstance(labels, list | tuple) else given


def class_name(value: object) -> str | None:
    """Give the class a cell stands for; None for the empty cell, what `is_missing`, and −1 or −1.0: unlabelled.

    Examples
    --------
    >>> [class_name(value) for value in ["cat", " ", 3, 2.0, -1, "-1.0", float("nan"), None, b"dog"]]
    ['cat', None, '3', '2', None, None, None, None, 'dog']
    """
    if is_missing(value):
        return None
    if isinstance(value, (float, np.floating)):
        value = int(value) if float(value).is_integer() else value
    text = (value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)).strip()
    return None if text in ("", "-1", "-1.0") else text


def encode_values(values: Any) -> tuple[NDArray[np.int64], list[str]]:
    """Turn a list or array of classes, as numbers or names, into numbers from 0 and names, as `encode` does.

    Examples
    --------
    >>> encode_values(np.array([7, -1, 3]))
    (array([ 1, -1,  0]), ['3', '7'])
    """
    return encode([class_name(value) for value in (values.tolist() if hasattr(values, "tolist") else values)])


def classes_in(values: NDArray[Any]) -> NDArray[Any] | None:
    """Give the labels unless they are a continuous quantity, which has no classes."""
    if values.dtype.kind == "f":
        known = values[np.isfinite(values)]
        if (known != np.rint(known)).any():
            return None
    return values


def label_codes(y: Any, rows: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Turn the classes given to `fit` into numbers from 0 on, and keep the classes as they were given.

    Whole numbers beside NaN are fractions to NumPy and pandas; as classes they are whole numbers again.

    Parameters
    ----------
    y : array, list, series or tensor of shape (n,)
        Classes as numbers, names, booleans or categories; −1, None, NaN, ``pandas.NA``, what is masked, and the empty
        string mean unlabelled.
    rows : int
        n.

    Returns
    -------
    labels : ndarray of int64, shape (n,)
        −1 where unlabelled.
    classes : ndarray, shape (classes,)
        In order.

    Raises
    ------
    UnlabeledError
        If there is not one label for each row, names and numbers are mixed, or a number is infinite or a quantity.

    Examples
    --------
    >>> label_codes(["dog", None, "cat"], 3)
    (array([ 1, -1,  0]), array(['cat', 'dog'], dtype='<U3'))
    """
    given = label_array(y)
    if given.shape != (rows,):
        raise UnlabeledError(f"labels have shape {given.shape}; there must be one for each of the {rows} instances")
    known = np.array([class_name(value) is not None for value in given.tolist()], dtype=bool)
    named = given[known].astype(str) if given.dtype.kind == "O" and _has_text(given[known]) else given[known]
    try:
        classes, codes = np.unique(named.tolist(), return_inverse=True)
    except TypeError as error:
        raise UnlabeledError(f"labels mix types that have no common order: {error}") from error
    if classes.dtype.kind == "f":
        classes = _whole_numbers(classes)
    labels = np.full(rows, UNLABELLED, dtype=np.int64)
    labels[known] = codes
    return labels, classes


def _whole_numbers(classes: NDArray[Any]) -> NDArray[Any]:
    """Give classes without fractions as integers, if these hold them exactly; refuse infinity and quantities."""
    if not np.isfinite(classes).all():
        raise UnlabeledError("a label is infinite (Input y contains infinity); a label is a class, or −1 where unknown")
    if classes_in(classes) is None:
        quantity = classes[classes != np.rint(classes)][0]
        raise UnlabeledError(
            f"Unknown label type: continuous. {quantity:.6g} is a quantity and no class; to predict quantities, take "
            "FineTuning(task='score') or a regression"
        )
    return classes.astype(np.int64) if np.abs(classes).max(initial=0) <= 2**53 else classes


def _has_text(values: NDArray[Any]) -> bool:
    return any(isinstance(value, str) for value in values.tolist())
