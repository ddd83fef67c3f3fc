"""The door: whatever a user brings becomes instances of one shape, or an error that says why not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sklearn.utils.validation import validate_data

from unlabeled.data import Images, PreparedImages, Vectors, open_source
from unlabeled.data.instances import Instances
from unlabeled.encoders.preprocessing import Preprocessing
from unlabeled.errors import UnlabeledError

if TYPE_CHECKING:
    from unlabeled.training.self_supervised import SelfSupervised

OnError = Literal["raise", "skip"]

SMALL, LARGE = 64, 224
"""Pixels a side of images that are not small already: for our own nets, and for timm's."""


def open_instances(
    method: SelfSupervised, X: Any, preprocessing: Preprocessing | None = None, on_error: OnError = "raise"
) -> tuple[Instances, Preprocessing]:
    """Make instances of `X`, by `preprocessing` if it is given, otherwise by the method's settings and what X is.

    An image that cannot be read is an error, or left out and listed with `on_error="skip"`.

    Raises
    ------
    UnlabeledError
        If X is no data, the method is not for its modality, or it does not fit `preprocessing`.
    """
    if isinstance(X, (str, os.PathLike)):
        X = open_source(X)
    if isinstance(X, Vectors):
        X = X.array
    if isinstance(X, (Images, PreparedImages)) or _holds_images(X):
        instances: Instances = _prepared(method, X, preprocessing, on_error)
        found = preprocessing or _of_images(instances)
    else:
        array = validate_data(method, X, dtype=np.float32, reset=preprocessing is None)
        instances = Vectors(array)
        found = preprocessing or Preprocessing.of_vectors(array)
    if found.kind != instances.kind:
        raise UnlabeledError(f"{type(method).__name__} was fitted to {found.kind}s and is now given {instances.kind}s")
    if found.kind not in method.modalities:
        raise UnlabeledError(
            f"{type(method).__name__} is for {' and '.join(method.modalities)} data, not {found.kind}s"
        )
    return instances, found


def _holds_images(X: Any) -> bool:
    """Tell images (arrays of 3 or 4 dimensions, lists of paths or pictures, data sets) from tables of numbers."""
    if hasattr(X, "ndim"):
        return X.ndim in (3, 4) or (X.ndim == 1 and len(X) > 0 and isinstance(next(iter(X)), (str, os.PathLike)))
    if isinstance(X, (list, tuple)):
        first = X[0] if len(X) > 0 else None
        return (
            isinstance(first, (str, bytes, os.PathLike)) or hasattr(first, "getbbox") or getattr(first, "ndim", 0) > 1
        )
    return hasattr(X, "__getitem__") and hasattr(X, "__len__") and not hasattr(X, "__array__") and _is_dataset(X)


def _is_dataset(X: Any) -> bool:
    from torch.utils.data import Dataset

    return isinstance(X, Dataset)


def _prepared(method: SelfSupervised, X: Any, preprocessing: Preprocessing | None, on_error: OnError) -> PreparedImages:
    if isinstance(X, PreparedImages):
        return X
    images = X if isinstance(X, Images) else Images(X)
    if preprocessing is not None:
        size, rule, channels = preprocessing.size, preprocessing.fit, preprocessing.channels
    else:
        size, rule = method.size or _size(method, images), method.resize
        channels = method.channels or (1 if _all_grey(images) else 3)
    return images.prepare(size=size, fit=rule, channels=channels, on_error=on_error, workers=method.workers)


def _size(method: SelfSupervised, images: Images) -> int:
    """Choose a size: the images' own if it is small, else what the encoder was made for."""
    natural = images.natural_size()
    timm = isinstance(method.encoder, str) and method.encoder.startswith("timm:")
    return LARGE if timm and natural >= SMALL else natural


def _all_grey(images: Images) -> bool:
    """Tell whether the images have one channel, by a few of them spread over the collection."""
    spread = np.unique(np.linspace(0, len(images) - 1, 8).astype(int))
    try:
        return all(images.decode(int(index)).mode == "L" for index in spread)
    except UnlabeledError:  # preparing them will say which is unreadable
        return False


def _of_images(images: Any) -> Preprocessing:
    return Preprocessing("image", images.size, channels=images.channels, fit=images.fit)
