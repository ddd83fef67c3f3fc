"""Labels of which only some are known: numbered from 0, with −1 where nobody said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import column_or_1d

from unlabeled.counted import counted
from unlabeled.data.classes import UNLABELLED, label_array, label_codes
from unlabeled.errors import UnlabeledError


@dataclass(frozen=True)
class PartialLabels:
    """The class number of each row, and the classes as the user wrote them.

    Attributes
    ----------
    codes : ndarray of int64, shape (n,)
        Place in `classes`, −1 where unlabelled.
    classes : ndarray, shape (c,)
        Different classes in rising order; numbers stay numbers, names stay names.

    Examples
    --------
    >>> labels = PartialLabels.read(["dog", "", None, "cat"], 4)
    >>> labels.codes, labels.classes
    (array([ 1, -1, -1,  0]), array(['cat', 'dog'], dtype='<U3'))
    >>> PartialLabels.read([0.0, float("nan"), 1.0, -1], 4).classes
    array([0, 1])
    """

    codes: NDArray[np.int64]
    classes: NDArray[Any]

    @classmethod
    def read(cls, y: Any, rows: int) -> PartialLabels:
        """Read labels; −1, None, NaN and the empty string mean unlabelled.

        Parameters
        ----------
        y : array-like, shape (n,)
            Numbers, names or truth values.
        rows : int
            How many there must be.

        Raises
        ------
        UnlabeledError
            If their number is wrong, they are no classes, none is known, or all are of one class.
        """
        values = label_array(y)
        if values.ndim != 1 and values.shape != (rows, 1):
            raise UnlabeledError(
                f"y should be a 1d array, one label for each row, and this one has shape {values.shape}"
                f"{'; of one-hot rows take y.argmax(1)' if values.ndim == 2 else ''}"
            )
        values = column_or_1d(values, warn=True)
        if len(values) != rows:
            raise UnlabeledError(f"there are {len(values)} labels for {rows} rows; give one each, −1 where unknown")
        codes, classes = label_codes(values, rows)
        if not len(classes):
            raise UnlabeledError(
                "no row is labelled (all are −1, NaN, None or empty); label at least one instance of each class"
            )
        if len(classes) < 2:
            raise UnlabeledError(
                f"{counted(int((codes >= 0).sum()), 'labelled row')} and only 1 class, {classes[0]}; "
                "a classifier needs labels of at least two"
            )
        return cls(codes, classes)

    def names(self, codes: NDArray[np.int64]) -> NDArray[Any]:
        """Give the classes that numbers stand for; −1 stays −1, or becomes the empty string beside names."""
        if self.classes.dtype.kind in "OU":
            return np.append(self.classes, "")[codes]
        if (codes < 0).any():
            return np.append(self.classes.astype(np.int64), UNLABELLED)[codes]
        named: NDArray[Any] = self.classes[codes]
        return named
