"""Estimators whose fitted attributes are arrays and figures: saving as safetensors and JSON, and loading."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from unlabeled.errors import UnlabeledError
from unlabeled.estimator import Estimator, as_array, is_array
from unlabeled.files import folder_written_aside, load_arrays, read_json, refuses_damage, save_arrays, write_json

ARRAYS, MODEL = "arrays.safetensors", "model.json"
GIVEN = "parameter."  # before the name of a hyper-parameter that is an array, in the file of arrays
SPARSE = ("data", "indices", "indptr", "shape")
"""What a sparse matrix is kept as: an array each, called after the matrix with ``.data`` and so on behind its name."""


class ArrayModel(BaseEstimator, Estimator):
    """Base of the estimators that `save` writes from their attributes alone."""

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Save as a folder of safetensors and JSON, replaced in one step if it exists.

        Raises
        ------
        UnlabeledError
            If the model holds something that only a pickle could hold, such as a classifier of scikit-learn.
        """
        check_is_fitted(self)
        settings = self.get_params(deep=False)
        # Arrays, and what gives one: a data frame, a tensor.
        given = {GIVEN + name: as_array(value) for name, value in settings.items() if is_array(value)}
        try:
            arrays, figures = divided(self._fitted())
        except TypeError as error:
            raise UnlabeledError(
                f"a fitted {type(self).__name__} holds what is neither numbers nor text, such as a classifier of "
                f"scikit-learn ({error}); only formats that can run code, such as pickle, hold that, and this library "
                "writes none"
            ) from error
        with folder_written_aside(folder) as aside:
            save_arrays(arrays | divided(given)[0], aside / ARRAYS)
            write_json(aside / MODEL, {**self.recipe(), "fitted": figures})

    @classmethod
    @refuses_damage
    def load(cls, folder: str | os.PathLike[str]) -> Self:
        """Load what `save` wrote; the result predicts exactly as the saved one did.

        Raises
        ------
        UnlabeledError
            If the folder is missing, damaged, or holds something else.
        """
        folder = Path(folder)
        saved, arrays = read_json(folder / MODEL), load_arrays(folder / ARRAYS)
        given = {name.removeprefix(GIVEN): arrays.pop(name) for name in list(arrays) if name.startswith(GIVEN)}
        self = cls._of_recipe(saved | given)
        self._restore(saved["fitted"] | joined(arrays))
        return self

    def _fitted(self) -> dict[str, Any]:
        """Give the fitted attributes; a method with one that is neither array, number nor text changes it here."""
        return {name: value for name, value in vars(self).items() if name.endswith("_") and not name.startswith("_")}

    def _restore(self, fitted: dict[str, Any]) -> None:
        """Take back what `_fitted` gave."""
        for name, value in fitted.items():
            setattr(self, name, np.array(value, dtype=object) if name == "feature_names_in_" else value)


def divided(values: dict[str, Any]) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Part values into arrays of numbers, three of them and a shape for a sparse matrix, and what JSON can hold.

    Raises
    ------
    TypeError
        For a value that is neither.
    """
    arrays: dict[str, NDArray[Any]] = {}
    figures: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
            arrays[name] = value
        elif sp.issparse(value):
            rows: Any = value  # the types of SciPy know no sparse base class
            matrix = sp.csr_array(rows)
            arrays |= {f"{name}.{part}": np.asarray(getattr(matrix, part)) for part in SPARSE}
        else:
            figures[name] = _plain(value, name)
    return arrays, figures


def joined(arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """Put sparse matrices together again that `divided` has parted."""
    found: dict[str, Any] = {name: array for name, array in arrays.items() if name.rpartition(".")[2] not in SPARSE}
    for name in [name.removesuffix(".indptr") for name in arrays if name.endswith(".indptr")]:
        data, indices, pointers, shape = (arrays[f"{name}.{part}"] for part in SPARSE)
        found[name] = sp.csr_array((data, indices, pointers), shape=tuple(shape.tolist()))
        found[name].check_format()
    return found


def _plain(value: Any, name: str) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(part, name) for part in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"{name} of type {type(value).__name__} cannot be saved")
