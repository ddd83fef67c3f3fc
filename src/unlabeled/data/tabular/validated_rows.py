"""Rows of numbers as scikit-learn checks them, with errors that name the column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unlabeled.data.arrays import as_array
from unlabeled.data.tabular.tables import frame_columns, is_frame, is_number
from unlabeled.errors import UnlabeledError


def validated_rows(estimator: Any, X: Any, **options: Any) -> Any:
    """Give rows as `sklearn.utils.validation.validate_data` checks them for an estimator.

    Parameters
    ----------
    estimator : estimator
    X : array-like or data frame, shape (n, d)
    **options
        Of `validate_data`.

    Raises
    ------
    UnlabeledError
        If X is a mapping, its rows have different lengths, or it holds what is no number; of a data frame the column is
        named.
    """
    from sklearn.utils.validation import validate_data

    if isinstance(X, Mapping) and not hasattr(X, "toarray"):  # one kind of SciPy's sparse matrices is a mapping
        raise UnlabeledError("X is a dict, and rows come as an array or a data frame, such as pandas.DataFrame(X)")
    if hasattr(X, "detach"):  # a tensor, perhaps of a type or on a device that NumPy does not know
        X = as_array(X)
    try:
        return validate_data(estimator, X, **options)
    except ValueError as error:
        if "inhomogeneous" in str(error):
            raise UnlabeledError("the rows of X are not lists of numbers of one length") from None
        if "could not convert string" in str(error):
            raise UnlabeledError(_what_is_no_number(X)) from None
        raise


def _what_is_no_number(X: Any) -> str:
    """Say which column of a data frame holds no numbers, and what can be done about it."""
    for name, values in frame_columns(X) if is_frame(X) else ():
        for value in values.tolist():
            if isinstance(value, str) and not is_number(value):
                return (
                    f"column {name!r} of the data frame holds {value!r:.60}, which is no number; drop the column or "
                    f"encode it, or take MixedMixture, which knows categories; to learn from texts, give X[{name!r}]"
                )
    return "X holds text where numbers belong; encode it, or leave it out"
