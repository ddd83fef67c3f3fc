"""The contract of preprocessing: the exact way from a user's instance to what a network sees."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Self

from unlabeled.errors import UnlabeledError, unknown_name

_CLASSES: dict[str, type[Preprocessing]] = {}

ROUND = 4
"""What the usual window is a multiple of, so that patches fit into it."""


@dataclass(frozen=True)
class Preprocessing:
    """What is done to an instance before the network, the same in training, in `transform` and after loading.

    Each modality has a subclass: a frozen dataclass whose fields are in JSON's types, or tuples of them.

    Attributes
    ----------
    kind : str
        Name of the modality.
    """

    kind: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _CLASSES[cls.kind] = cls

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one instance as the network sees it."""
        raise NotImplementedError(f"{type(self).__name__} does not say what shape it gives")

    def check_fits(self, given: Preprocessing, what: str) -> None:
        """Refuse data that are prepared otherwise than an encoder with this preprocessing takes them.

        Parameters
        ----------
        given : Preprocessing
            Of the data.
        what : str
            What to call the encoder in a message.

        Raises
        ------
        UnlabeledError
            If they are of another kind or shape.
        """
        if self.kind != given.kind or self.shape != given.shape:
            raise UnlabeledError(
                f"{what} takes {self.kind}s of shape {self.shape}, "
                f"but the data are {given.kind}s of shape {given.shape}"
            )

    def canonical(self, values: Any) -> Any:
        """Bring the values of a batch to the network's units, on their device.

        Parameters
        ----------
        values : Tensor or named tuple of Tensors
            The values of a `Batch`, as the collection gathers them.

        Returns
        -------
        Tensor or named tuple of Tensors
        """
        raise NotImplementedError(f"{type(self).__name__} does not say how it brings values to units")

    def restored(self, values: Any) -> Any:
        """Undo `canonical`: give what a network made in the units of the user's data."""
        raise UnlabeledError(f"{self.kind} data cannot be restored from what a network makes")

    @property
    def usual_window(self) -> int:
        """The size of a window where nobody says otherwise: half of the instance, from 8 on a multiple of 4."""
        half = max(1, self.shape[-1] // 2)
        return half - half % ROUND * (half >= 2 * ROUND)

    def usual_stride(self, size: int) -> int:
        """Give the way from one window to the next where nobody says otherwise: half of a window."""
        return max(1, size // 2)

    def part(self, size: int) -> Preprocessing:
        """Give the preprocessing of a part of an instance: a square, or a stretch, of `size`."""
        raise UnlabeledError(f"{self.kind} data cannot be cut into windows")

    def cut(self, values: Any, size: int, stride: int) -> Any:
        """Cut values in canonical units into windows, which may overlap.

        Parameters
        ----------
        values : Tensor or named tuple of Tensors
        size : int
            Of a window.
        stride : int
            From one window to the next.

        Returns
        -------
        Tensor, shape (n, rows, columns, ...), or named tuple of such
            The windows of each instance, as `part` of that size describes them; a sequence has one column. Instances of
            several lengths have as many windows as the longest, and a mask says what is real.
        """
        raise UnlabeledError(f"{self.kind} data cannot be cut into windows")

    def doubled(self) -> Preprocessing:
        """Give the preprocessing of two instances joined along the first dimension of `shape`."""
        raise UnlabeledError(f"{self.kind} data cannot be laid on each other")

    def fitted(self) -> dict[str, Any]:
        """Give the fitted attributes that an estimator has of the data, such as scikit-learn's ``n_features_in_``."""
        return {}

    def to_dict(self) -> dict[str, Any]:
        """Describe it in JSON's types."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {"kind": self.kind} | {key: list(v) if isinstance(v, tuple) else v for key, v in fields.items()}

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Self:
        """Make it from its fields; what an older version wrote beside them is left out."""
        known = {field.name for field in dataclasses.fields(cls)}
        return cls(**{key: tuple(v) if isinstance(v, list) else v for key, v in fields.items() if key in known})

    @staticmethod
    def from_dict(description: dict[str, Any]) -> Preprocessing:
        """Make it again from its description.

        Raises
        ------
        UnlabeledError
            If the description is of no modality there is, or lacks a field.

        Examples
        --------
        >>> from unlabeled.modalities import Preprocessing
        >>> Preprocessing.from_dict({"kind": "image", "size": 32})
        ImagePreprocessing(size=32, channels=3, fit='crop')
        """
        fields = dict(description)
        name = str(fields.pop("kind", ""))
        if name not in _CLASSES and name.isidentifier() and Path(__file__).with_name(f"{name}.py").exists():
            import_module(f"unlabeled.modalities.{name}")
        if name not in _CLASSES:
            raise unknown_name("modality", name, _CLASSES)
        try:
            return _CLASSES[name].from_fields(fields)
        except (KeyError, TypeError, ValueError) as error:
            shown = f"{description!s:.200}"  # a tokenizer among it has thousands of tokens
            raise UnlabeledError(f"{shown} does not describe the preprocessing of {name} data: {error}") from None
