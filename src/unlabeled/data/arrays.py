"""Pictures in an array, and arrays in files."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unlabeled.data.classes import encode_values
from unlabeled.data.fingerprint import chunks, fingerprint
from unlabeled.data.image.decode import UnreadableError, as_uint8
from unlabeled.errors import UnlabeledError
from unlabeled.memory import check_memory

CHANNELS = (1, 3, 4)
_DATA_KEYS = ("images", "vectors", "x", "data", "arr_0")
_LABEL_KEYS = ("labels", "label", "y", "arr_1")


def as_array(value: Any) -> NDArray[Any]:
    """Give a NumPy array of an array, a data frame, a sparse matrix, or a tensor of any type on any device.

    What is masked is NaN.
    """
    value = unmasked(value)
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16":  # which NumPy does not have
            value = value.float()
    elif hasattr(value, "toarray"):
        value = value.toarray()
    return np.asarray(value)


def unmasked(values: Any) -> Any:
    """Give a masked array without its mask: NaN for what is masked, in numbers with fractions; others as they are.

    Examples
    --------
    >>> unmasked(np.ma.masked_array([1, 2], [False, True])).tolist()
    [1.0, nan]
    """
    if not isinstance(values, np.ma.MaskedArray):
        return values
    if not np.ma.is_masked(values):
        return np.ma.getdata(values)
    kind = values.dtype if values.dtype.kind == "f" else np.float64
    return np.ma.filled(values.astype(kind), np.nan)


def deviations(array: NDArray[Any]) -> NDArray[np.float64]:
    """Give the standard deviation of each column: exactly 0 where all rows are the same, though their mean is rounded.

    Examples
    --------
    >>> deviations(np.array([[0.1, 1.0], [0.1, 3.0], [0.1, 2.0]])).round(2).tolist()
    [0.0, 0.82]
    """
    return np.where((array != array[:1]).any(axis=0), array.std(axis=0, dtype=np.float64), 0.0)


def numbers_given(name: str, value: Any) -> NDArray[np.float64]:
    """Give a copy of what was given as an array of numbers.

    Examples
    --------
    >>> numbers_given("weights", [1, "heavy"])
    Traceback (most recent call last):
        ...
    unlabeled.errors.UnlabeledError: weights must be numbers, not [1, 'heavy']
    """
    try:
        return np.array(as_array(value), dtype=np.float64)
    except (TypeError, ValueError):
        raise UnlabeledError(f"{name} must be numbers, not {value!r:.60}") from None


def load_array(path: Path) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Open a ``.npy`` file, memory-mapped, or the data of a ``.npz`` file and its labels.

    In a ``.npz`` file the data is the only array, or the one called ``images``, ``vectors``, ``x``, ``data`` or
    ``arr_0``; the labels are called ``labels``, ``label``, ``y`` or ``arr_1``; case does not count.
    """
    try:
        if path.suffix.lower() == ".npy":
            return np.load(path, mmap_mode="r", allow_pickle=False), None
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            keys = {key.lower(): key for key in archive.files}
            label = next((keys.pop(key) for key in _LABEL_KEYS if key in keys), None)
            data = next((keys[key] for key in _DATA_KEYS if key in keys), None)
            if data is None and len(keys) == 1:
                data = next(iter(keys.values()))
            if data is None:
                raise UnlabeledError(
                    f"{path} holds the arrays {', '.join(archive.files) or 'none'}; call the data 'images' or 'vectors'"
                )
            for key in (data, label):
                if key is not None:
                    _check_room(archive, key, path)
            return archive[data], None if label is None else archive[label]
    except UnlabeledError:
        raise
    except Exception as error:  # a damaged archive fails in zipfile, zlib or NumPy, each in its own way
        # NumPy takes what it does not know for a pickle, and advises to load it, which could run code.
        why = "it is none, or it holds Python objects" if "pickle" in str(error) else error
        raise UnlabeledError(f"cannot read {path} as a NumPy file of numbers: {why}") from error


def _check_room(archive: Any, key: str, path: Path) -> None:
    """Refuse an array that says it is larger than the free memory, before any is taken for it."""
    from numpy.lib import format as npy

    with archive.zip.open(f"{key}.npy" if f"{key}.npy" in archive.zip.namelist() else key) as file:
        version = npy.read_magic(file)
        shape, _, dtype = (npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0)(file)
    remedy = "save the array by np.save as a .npy file, which is mapped and not read"
    check_memory(prod(shape) * dtype.itemsize, f"the array {key!r} in {path}, of shape {shape},", remedy)


class ArrayImages:
    """Pictures in one array, uint8 or float in [0, 1].

    Parameters
    ----------
    array : array or tensor, shape (n, h, w), (n, h, w, c) or (n, c, h, w) with c of 1, 3 or 4
        Where both layouts are possible, a tensor is read with its channels first and an array with them last.
    labels : array of shape (n,), optional
    name : str
        What to call it in messages.
    """

    labels: NDArray[np.int64] | None
    classes: list[str] | None

    def __init__(self, array: Any, labels: Any = None, name: str = "the array") -> None:
        self._array = as_array(array)
        self.planes = _planes(self._array, hasattr(array, "detach"), name)
        if self.planes.dtype != np.uint8:
            _check_floats(self.planes, name)
        if labels is not None and len(labels) != len(self):
            raise UnlabeledError(f"{name} has {len(self)} images but {len(labels)} labels")
        self.ids = [str(i) for i in range(len(self))]
        self.labels, self.classes = (None, None) if labels is None else encode_values(labels)

    def __len__(self) -> int:
        return len(self.planes)

    def read(self, index: int) -> Image.Image:
        """Give one picture."""
        return picture_from(self.planes[index])

    def release(self) -> None:
        """Hold nothing, so let nothing go."""

    def fingerprint(self) -> str:
        """Hash the array's bytes."""
        return fingerprint([self._array])


def picture_from(planes: NDArray[Any]) -> Image.Image:
    """Make a picture from an array of shape (c, h, w), uint8 or float in [0, 1]."""
    values = np.ascontiguousarray(planes.transpose(1, 2, 0))
    return Image.fromarray(as_uint8(values[..., 0] if len(planes) == 1 else values))


def picture_of(array: NDArray[Any], channels_first: bool) -> Image.Image:
    """Make a picture from one array of shape (h, w), (h, w, c) or (c, h, w).

    Raises
    ------
    UnreadableError
        If its shape, type or values are not those of a picture.
    """
    try:
        if array.ndim not in (2, 3):
            raise UnlabeledError(f"an array of shape {array.shape} is no picture")
        planes = _planes(array[None], channels_first, "the array")
        if planes.dtype != np.uint8:
            _check_floats(planes, "the array")
    except UnlabeledError as error:
        raise UnreadableError(str(error)) from error
    return picture_from(planes[0])


def _planes(array: NDArray[Any], channels_first: bool, name: str) -> NDArray[Any]:
    """View an array as (n, c, h, w)."""
    if array.dtype != np.uint8 and array.dtype.kind != "f":
        raise UnlabeledError(
            f"{name} is of type {array.dtype}; images are uint8 (0 to 255) or float in [0, 1], "
            "so convert it, for example (array / array.max()).astype('float32')"
        )
    if array.size == 0:
        raise UnlabeledError(f"{name} holds no images: its shape is {array.shape}")
    if array.ndim == 3:
        if array.shape[2] in (3, 4) and array.shape[0] > 4:
            raise UnlabeledError(f"{name} of shape {array.shape} looks like one colour image; for several, add an axis")
        return array[:, None]
    if array.ndim == 4:
        first, last = array.shape[1] in CHANNELS, array.shape[3] in CHANNELS
        if first and (channels_first or not last):
            return array
        if last:
            return array.transpose(0, 3, 1, 2)
    raise UnlabeledError(
        f"{name} has shape {array.shape}; images are (n, h, w), (n, h, w, c) or (n, c, h, w) with 1, 3 or 4 channels"
    )


def _check_floats(planes: NDArray[Any], name: str) -> None:
    """Raise for NaN, infinity or values outside [0, 1], saying where the first is and how to scale."""
    low, high, start = np.inf, -np.inf, 0
    for part in chunks(planes):
        if not np.isfinite(part).all():
            image, channel, row, column = np.argwhere(~np.isfinite(part))[0]
            raise UnlabeledError(
                f"{name} holds {part[image, channel, row, column]} in image {start + image}, row {row}, "
                f"column {column}, channel {channel}; every pixel must be a number"
            )
        low, high, start = min(low, float(part.min())), max(high, float(part.max())), start + len(part)
    if low < 0 or high > 1:
        remedy = "(x - x.min()) / (x.max() - x.min())" if low < 0 else f"x / {255 if 128 < high <= 255 else high:g}"
        image = _first_outside(planes)
        raise UnlabeledError(
            f"{name} runs from {low:g} to {high:g}, first outside [0, 1] in image {image}; "
            f"float images lie in [0, 1]: scale them, for example {remedy}"
        )


def _first_outside(planes: NDArray[Any]) -> int:
    outside = (i for i, image in enumerate(planes) if image.min() < 0 or image.max() > 1)
    return next(outside)
