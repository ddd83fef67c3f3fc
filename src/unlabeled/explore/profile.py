"""Profiles: what is typical of the rows of a cluster, in the words of the table or the texts they came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.tabular.table import Table


@dataclass(frozen=True)
class Trait:
    """How the rows of a cluster differ from all rows in one thing.

    Attributes
    ----------
    column : str
        Of the table.
    value : str or None
        Of a category, the value that is counted; None for a column of numbers.
    here, overall : float
        The mean of the column, or the share of the value, in the cluster and in all rows.
    deviations : float
        Their difference in standard deviations of all rows; below 0 if there is less of it here.
    """

    column: str
    value: str | None
    here: float
    overall: float
    deviations: float

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.column} {_short(self.here)} ({_short(self.overall)})"
        return f"{self.column} {self.value} {self.here:.0%} ({self.overall:.0%})"


def traits(table: Table, inside: NDArray[np.bool_]) -> list[Trait]:
    """Describe some rows of a table by how they differ from all rows.

    Parameters
    ----------
    table : Table
    inside : ndarray of bool, shape (n,)
        Which rows.

    Returns
    -------
    list of Trait
        All columns of numbers and all values of categories, the most unusual first.

    Examples
    --------
    >>> import numpy as np
    >>> table = Table({"age": np.array([70.0, 80, 20, 30])}, {"sex": np.array(["f", "m", "f", "m"])}, list("abcd"))
    >>> [str(trait) for trait in traits(table, np.array([True, True, False, False]))]
    ['age 75 (50)', 'sex f 50% (50%)', 'sex m 50% (50%)']
    """
    counted: list[tuple[str, str | None, NDArray[np.float64]]] = []
    counted += [(name, None, values) for name, values in table.numbers.items()]
    for name, names in table.categories.items():
        counted += [(name, str(value), (names == value).astype(np.float64)) for value in np.unique(names)]
    found = []
    for name, value, values in counted:
        here, overall = float(values[inside].mean()), float(values.mean())
        found.append(Trait(name, value, here, overall, (here - overall) / float(values.std())))
    return sorted(found, key=lambda trait: -abs(trait.deviations))


def unusual(table: Table, rows: NDArray[np.int64], n: int) -> list[str]:
    """Say of single rows in which columns they are farthest from the middle of all rows.

    Parameters
    ----------
    table : Table
    rows : ndarray of int64
        Their numbers.
    n : int
        Columns to tell of each.

    Returns
    -------
    list of str
        Such as ``"age 71 (36.2), plan gold (2%)"``: the value, and in brackets the mean of the column or the share of
        rows that have the value.

    Examples
    --------
    >>> table = Table({"age": np.array([20.0, 30, 100])}, {"sex": np.array(["f", "f", "m"])}, list("abc"))
    >>> unusual(table, np.array([2]), 2)
    ['sex m (33%), age 100 (50)']
    """
    far, descriptions = [], []
    for name, values in table.numbers.items():
        far.append(np.abs(values[rows] - values.mean()) / (values.std() or 1.0))
        descriptions.append([f"{name} {_short(value)} ({_short(values.mean())})" for value in values[rows].tolist()])
    for name, names in table.categories.items():
        found, which, counts = np.unique(names, return_inverse=True, return_counts=True)
        share = counts / len(names)
        far.append(np.sqrt(1 / share - 1)[which[rows]])  # how many standard deviations the value's indicator is off
        descriptions.append([f"{name} {found[value]} ({share[value]:.0%})" for value in which[rows].tolist()])
    order = np.argsort(-np.stack(far), axis=0, kind="stable")[:n]
    return [", ".join(descriptions[column][place] for column in order[:, place]) for place in range(len(rows))]


def typical(found: Sequence[Trait], n: int) -> list[Trait]:
    """Choose n traits to tell: of each column the most unusual one, and no value for being rare here.

    Examples
    --------
    >>> typical([Trait("sex", "f", 0.0, 0.5, -1.0), Trait("sex", "m", 1.0, 0.5, 1.0)], 1)[0].value
    'm'
    """
    first: dict[str, Trait] = {}
    for trait in found:
        if trait.value is None or trait.deviations > 0:
            first.setdefault(trait.column, trait)
    return list(first.values())[:n]


def _short(number: float) -> str:
    return f"{number:,.0f}" if 1000 <= abs(number) < 1e9 else f"{number:.3g}"
