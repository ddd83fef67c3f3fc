"""How rows of a table become rows of numbers: fixed by one table, and kept for the rows of later ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.tabular.number_text import read_numbers_as
from unlabeled.data.tabular.tables import row_names
from unlabeled.errors import UnlabeledError

MISSING = "missing"
"""The category of what has none."""


@dataclass(frozen=True)
class NumberColumn:
    """A column of numbers becomes (x − `mean`) / `scale`; what is missing is `missing`."""

    missing: float
    mean: float = 0.0
    scale: float = 1.0
    style: dict[str, str] | None = None
    """How the numbers are written, if they are text: see `unlabeled.data.tabular.number_text`."""


@dataclass(frozen=True)
class TableEncoding:
    """What turns the columns of a table into rows of numbers.

    Attributes
    ----------
    numbers : dict of str to NumberColumn
    categories : dict of str to list of str
        The values of each column of categories, each of which is a column of 0 and √½ in the result.
    identity : str or None
        The column that names the rows.
    """

    numbers: dict[str, NumberColumn]
    categories: dict[str, list[str]]
    identity: str | None = None

    def matrix(
        self, numbers: Mapping[str, NDArray[np.float64]], categories: Mapping[str, NDArray[np.str_]]
    ) -> NDArray[np.float64]:
        """Give rows of numbers, shape (n, d): the columns of numbers, then those of the categories' values.

        Two rows of different category are as far apart, in that column, as two rows one unit apart in a number. A
        category that was not there when the encoding was made has 0 for all values of its column.
        """
        parts = [((numbers[name] - column.mean) / column.scale)[:, None] for name, column in self.numbers.items()]
        for name, values in self.categories.items():
            parts.append((categories[name][:, None] == np.array(values)) * np.sqrt(0.5))
        return np.hstack(parts)

    def codes(
        self,
        numbers: Mapping[str, NDArray[np.float64]],
        categories: Mapping[str, NDArray[np.str_]],
        missing: Mapping[str, NDArray[np.bool_]],
    ) -> NDArray[np.float64]:
        """Give rows of scaled numbers, and of categories as the positions of their values; NaN is a missing value.

        Parameters
        ----------
        numbers, categories
            As in `matrix`.
        missing : mapping of str to ndarray of bool, shape (n,)
            Of columns of numbers, which values were filled in.

        Returns
        -------
        ndarray, shape (n, columns)
            The columns of numbers, then those of categories. A category that was not there when the encoding was made
            is missing too.
        """
        parts = []
        for name, column in self.numbers.items():
            scaled = (numbers[name] - column.mean) / column.scale
            parts.append(np.where(missing[name], np.nan, scaled) if name in missing else scaled)
        for name, values in self.categories.items():
            code = {value: float(place) for place, value in enumerate(values) if value != MISSING}
            parts.append(np.array([code.get(value, np.nan) for value in categories[name].tolist()]))
        return np.stack(parts, axis=1)

    @property
    def texts(self) -> list[str]:
        """The columns that were text, and so are read as text again, whatever the cells of a later table look like."""
        written = [name for name, column in self.numbers.items() if column.style is not None]
        named = [name for name, values in self.categories.items() if not {*values} <= {"True", "False", MISSING}]
        return written + named

    @property
    def categorical(self) -> list[int]:
        """The positions of the categories in what `codes` gives."""
        return list(range(len(self.numbers), len(self.numbers) + len(self.categories)))

    def encode(
        self, columns: Mapping[str, NDArray[Any]], source: str, *, codes: bool = False
    ) -> tuple[NDArray[np.float64], list[str]]:
        """Encode the columns of another table, by name.

        Parameters
        ----------
        columns : mapping of str to ndarray, shape (n,)
            As they were read.
        source : str
            What to call the table in messages.
        codes : bool, default False
            Give `codes` in place of `matrix`.

        Returns
        -------
        rows : ndarray, shape (n, d)
        remarks : list of str
            What was filled in, or has never been seen before; a sentence each.

        Raises
        ------
        UnlabeledError
            If a column is missing, or holds infinity.
        """
        wanted = [*self.numbers, *self.categories]
        missing = [name for name in wanted if name not in columns]
        if missing:
            raise UnlabeledError(
                f"{source} has no column {missing[0]!r}; the columns that are needed are {', '.join(wanted)}"
            )
        remarks: list[str] = []
        numbers, absent = {}, {}
        for name, column in self.numbers.items():
            style = column.style or {"unit": "", "decimal": "."}
            values = read_numbers_as(columns[name].tolist(), style)
            if np.isinf(values).any():
                row = int(np.isinf(values).argmax())
                raise UnlabeledError(f"{source}: column {name!r} holds infinity in row {row}")
            if (gone := np.isnan(values)).any():
                filled = "count as missing" if codes else f"take {column.missing:g}"
                remarks.append(f"column {name!r}: {int(gone.sum()):,} values are no numbers and {filled}")
            numbers[name], absent[name] = np.where(gone, column.missing, values), gone
        categories = {name: category_names(columns[name]) for name in self.categories}
        for name, known in self.categories.items():
            if new := sorted(set(categories[name].tolist()) - set(known)):
                remarks.append(f"column {name!r}: {len(new):,} values have not been seen before, such as {new[0]!r}")
        return self.codes(numbers, categories, absent) if codes else self.matrix(numbers, categories), remarks

    def to_dict(self) -> dict[str, Any]:
        """Describe the encoding in JSON's types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, description: Any) -> Self:
        """Make the encoding that `to_dict` described."""
        numbers = {name: NumberColumn(**column) for name, column in description["numbers"].items()}
        categories = {name: [str(v) for v in values] for name, values in description["categories"].items()}
        return cls(numbers, categories, description.get("identity"))


def category_names(values: NDArray[Any]) -> NDArray[np.str_]:
    """Give the names of categories; what is missing is ``"missing"``."""
    return np.array([name or MISSING for name in row_names(values.tolist())])
