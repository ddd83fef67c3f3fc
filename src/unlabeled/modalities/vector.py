"""Vectors: rows of numbers, standardised column by column."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.arrays import load_array
from unlabeled.data.instances import Instances
from unlabeled.data.tabular.tables import is_frame
from unlabeled.data.tabular.validated_rows import validated_rows
from unlabeled.data.vectors import Vectors
from unlabeled.errors import UnlabeledError
from unlabeled.modalities.modality import Collection, Modality, OnError
from unlabeled.modalities.preprocessing import Preprocessing

if TYPE_CHECKING:
    from torch import Tensor

    from unlabeled.views import View


@dataclass(frozen=True)
class VectorPreprocessing(Preprocessing):
    """Vectors of length `size` are standardised: (x − mean) / scale, column by column.

    Parameters
    ----------
    size : int
        Columns.
    mean, scale : tuple of float, length `size`
        Of each column.
    """

    kind: ClassVar[str] = "vector"
    size: int
    mean: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()

    @classmethod
    def measured(cls, vectors: NDArray[Any]) -> VectorPreprocessing:
        """Measure the columns of `vectors`, shape (n, d); a constant column keeps the scale 1."""
        mean = vectors.mean(axis=0, dtype=np.float64)
        scale = vectors.std(axis=0, dtype=np.float64)
        # The deviation of a constant column may be rounding noise of the mean; dividing by it would magnify that noise.
        noise = 1e-12 * np.abs(mean)
        scale = np.where(scale > noise, scale, 1.0)
        return cls(vectors.shape[1], tuple(mean.tolist()), tuple(scale.tolist()))

    @property
    def shape(self) -> tuple[int, ...]:
        """(columns,)."""
        return (self.size,)

    def part(self, size: int) -> VectorPreprocessing:
        """Give that of `size` neighbouring columns, which are standardised already."""
        return VectorPreprocessing(size, (0.0,) * size, (1.0,) * size)

    def cut(self, values: Tensor, size: int, stride: int) -> Tensor:
        """Cut sequences into stretches: shape (n, stretches, 1, size)."""
        return values.unfold(1, size, stride)[:, :, None]

    def doubled(self) -> VectorPreprocessing:
        """Give that of two vectors, one after the other."""
        return VectorPreprocessing(2 * self.size, 2 * self.mean, 2 * self.scale)

    def canonical(self, values: Tensor) -> Tensor:
        """Standardise vectors, shape (n, size); in double precision, because a mean may be far larger than a scale."""
        if tuple(values.shape[1:]) != self.shape:
            raise UnlabeledError(
                f"vectors of {tuple(values.shape[1:])} columns came to an encoder made for {self.size} columns"
            )
        mean = values.new_tensor(self.mean, dtype=_double(values))
        scale = values.new_tensor(self.scale, dtype=_double(values))
        return ((values.to(mean.dtype) - mean) / scale).float()

    def restored(self, values: Tensor) -> Tensor:
        """Give vectors in the columns' own units."""
        double = _double(values)
        restored = values.to(double) * values.new_tensor(self.scale, dtype=double)
        return (restored + values.new_tensor(self.mean, dtype=double)).float()

    def fitted(self) -> dict[str, Any]:
        """Give the number of columns."""
        return {"n_features_in_": self.size}


def _double(values: Tensor) -> Any:
    """Give double precision where the device has it, which Apple's GPUs do not."""
    import torch

    return torch.float32 if values.device.type == "mps" else torch.float64


class VectorModality(Modality):
    """Rows of numbers: arrays of two dimensions, tables of numbers, embeddings."""

    name: ClassVar[str] = "vector"
    encoder: ClassVar[str] = "mlp"
    formats: ClassVar[str] = ".parquet, .npy, .npz, .csv or .tsv"

    def accepts(self, source: Any) -> bool:
        """Take arrays and lists of two dimensions, data frames, and files of them."""
        if isinstance(source, os.PathLike):
            return _is_file_of_vectors(Path(source))
        if is_frame(source):
            return True
        if hasattr(source, "ndim") and hasattr(source, "dtype"):
            numeric = getattr(source.dtype, "kind", "f") in "fiubc"
            return source.ndim == 2 or (source.ndim < 2 and numeric)
        if isinstance(source, (list, tuple)):
            return len(source) > 0 and _is_row(source[0])
        return hasattr(source, "toarray") or hasattr(source, "__array__")

    def open(self, source: Any) -> Vectors:
        """Open vectors."""
        return Vectors(source)

    def admit(self, source: Any, settings: Any, first: bool) -> Vectors:
        """Let scikit-learn check what an estimator is given; it remembers names and number of the columns."""
        if not hasattr(settings, "get_params"):
            return source if isinstance(source, Vectors) else Vectors(source)
        opened = Vectors(source) if isinstance(source, os.PathLike) else source
        array = opened.array if isinstance(opened, Vectors) else opened
        checked = validated_rows(settings, array, dtype=(np.float64, np.float32), reset=first)
        return opened if isinstance(opened, Vectors) else Vectors(checked)

    def prepare(
        self, data: Any, settings: Any, preprocessing: Any = None, on_error: OnError = "raise"
    ) -> tuple[Instances, Preprocessing]:
        """Measure the columns, or see that they are those of `preprocessing`."""
        return data, preprocessing or VectorPreprocessing.measured(data.array)

    @property
    def views(self) -> Mapping[str, Callable[[], View]]:
        """Column corruption."""
        from unlabeled.views import TableCorruption

        return {"auto": TableCorruption, "corruption": TableCorruption}

    def baseline(self, instances: Instances, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Give the columns themselves."""
        import torch

        parts = [batch.values for batch in instances.batches(torch.from_numpy(rows).split(1024))]
        return np.asarray(torch.cat(parts).numpy(), dtype=np.float32)

    def summary(self, data: Any, instances: Instances) -> str:
        """Say how many rows and columns there are."""
        return f"{len(data):,} vectors with {data.array.shape[1]} columns"

    def opens_file(self, query: str | os.PathLike[str]) -> bool:
        """Open none: a row of numbers is no thing one names on a command line."""
        return False

    def open_query(self, query: Any) -> Collection:
        """Refuse, and say what there is instead."""
        raise UnlabeledError("a run over vectors is searched by the id of a row, or in Python by an array")


def _is_file_of_vectors(path: Path) -> bool:
    suffix = path.suffix.lower()
    if path.is_dir():
        return False
    if suffix in (".npy", ".npz"):
        return load_array(path)[0].ndim < 3
    if suffix == ".parquet":
        from unlabeled.data.tabular.parquet import image_column, schema_of

        return image_column(schema_of(path)) is None
    return suffix in (".csv", ".tsv")


def _is_row(item: Any) -> bool:
    """Tell a row of numbers from a picture, a path, bytes, two or three texts, and a picture with its caption."""
    if isinstance(item, (list, tuple)) and any(isinstance(part, str) for part in item):
        texts = len(item) in (2, 3) and all(isinstance(part, str) for part in item) and not all(map(_is_number, item))
        return not texts and not any(getattr(part, "ndim", 0) > 1 or hasattr(part, "getbbox") for part in item)
    return isinstance(item, (list, tuple, int, float)) or getattr(item, "ndim", None) in (0, 1)


def _is_number(text: str) -> bool:
    """Tell whether a string says a number, as in the rows that a reader of CSV gives."""
    try:
        float(text)
    except ValueError:
        return False
    return True
