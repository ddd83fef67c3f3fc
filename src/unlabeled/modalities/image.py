"""Images: pictures of any size, brought to one size and to numbers in [0, 1]."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from unlabeled.counted import counted
from unlabeled.data.arrays import load_array
from unlabeled.data.image.decode import SUFFIXES, Fit, UnreadableError, is_grey
from unlabeled.data.image.images import Images
from unlabeled.data.instances import Instances
from unlabeled.data.paths import holds_suffix
from unlabeled.data.plain_text import encoding_of
from unlabeled.data.video.videos import SUFFIXES as VIDEO_SUFFIXES
from unlabeled.errors import UnlabeledError
from unlabeled.modalities.modality import Modality, OnError
from unlabeled.modalities.preprocessing import Preprocessing

if TYPE_CHECKING:
    from torch import Tensor

    from unlabeled.views import View

SMALL, LARGE = 64, 224
"""Pixels a side of images that are not small already: for our own nets, and for timm's."""
HEADERS_READ = 1_000
"""Images whose headers tell whether a collection is grey: one in a hundred in colour is then missed once in 23,000."""
CLIP_ENCODER = "clip:"
"""How the name of an encoder begins whose checkpoint says how images are prepared."""
MARGIN_IMAGES, SAME, SHARE_OF_MARGIN = 1_000, 0.1, 0.1
"""Images that are looked at, deviation below which a place is the same, and share of places that make a margin."""
BASELINE_SIDE = 32
"""Pixels a side of the raw baseline; the probe's work grows with the sixth power of the side."""


@dataclass(frozen=True)
class ImagePreprocessing(Preprocessing):
    """Images are decoded to `channels` × `size` × `size` bytes by the rule `fit` and scaled to [0, 1].

    Parameters
    ----------
    size : int
        Pixels along a side.
    channels : int, default 3
        Colour channels.
    fit : {"crop", "squash", "pad", "stretch", "transformers_crop", "torchvision_crop"}, default "crop"
        How an image that is not square is made so (see `unlabeled.data.image.decode.pixels`).
    """

    kind: ClassVar[str] = "image"
    size: int
    channels: int = 3
    fit: Fit = "crop"

    @property
    def shape(self) -> tuple[int, ...]:
        """(channels, size, size)."""
        return (self.channels, self.size, self.size)

    def canonical(self, values: Tensor) -> Tensor:
        """Scale uint8 images, shape (n, channels, size, size), to [0, 1], with channels last in memory.

        Convolutions run fastest on that layout, on CPU and GPU.
        """
        import torch

        if tuple(values.shape[1:]) != self.shape:
            raise UnlabeledError(
                f"images of shape {tuple(values.shape[1:])} came to an encoder made for shape {self.shape}"
            )
        return values.float().div_(255).contiguous(memory_format=torch.channels_last)

    def part(self, size: int) -> ImagePreprocessing:
        """Give that of a square of `size` pixels a side."""
        return replace(self, size=size)

    def cut(self, values: Tensor, size: int, stride: int) -> Tensor:
        """Cut images into squares: shape (n, rows, columns, channels, size, size)."""
        return values.unfold(2, size, stride).unfold(3, size, stride).permute(0, 2, 3, 1, 4, 5)

    def doubled(self) -> ImagePreprocessing:
        """Give that of two images with their channels on each other."""
        return replace(self, channels=2 * self.channels)

    def restored(self, values: Tensor) -> Tensor:
        """Give images in [0, 1]."""
        return values.float().clamp(0, 1)


class ImageModality(Modality):
    """Pictures, grey or in colour: files, arrays of three or four dimensions, PIL images, data sets."""

    name: ClassVar[str] = "image"
    encoder: ClassVar[str] = "conv"
    formats: ClassVar[str] = "a folder, .parquet, .npy, .npz, .txt (a list of image paths) or an image file"
    has_pictures: ClassVar[bool] = True

    def accepts(self, source: Any) -> bool:
        """Take folders and files of pictures, arrays of pictures, lists of paths or pictures, torch datasets."""
        if isinstance(source, os.PathLike):
            return _is_path_of_images(Path(source))
        if hasattr(source, "ndim"):
            return source.ndim in (3, 4) or (source.ndim == 1 and len(source) > 0 and _is_picture(next(iter(source))))
        if isinstance(source, (list, tuple)):
            return len(source) > 0 and _is_picture(source[0])
        return hasattr(source, "__getitem__") and hasattr(source, "__len__") and _is_dataset(source)

    def open(self, source: Any) -> Images:
        """Open images."""
        return Images(source)

    def prepare(
        self, data: Any, settings: Any, preprocessing: Any = None, on_error: OnError = "raise"
    ) -> tuple[Instances, Preprocessing]:
        """Decode the images once, and bring them to the size and channels asked for."""
        if not hasattr(data, "prepare"):  # they are prepared already
            return data, preprocessing or ImagePreprocessing(data.size, data.channels, data.fit)
        if preprocessing is None and settings.size is None and settings.channels is None:
            preprocessing = _of_encoder(settings.encoder)
        if preprocessing is None:
            size = settings.size or _size(data, settings.encoder)
            channels = settings.channels or (1 if _all_grey(data) else 3)
            preprocessing = ImagePreprocessing(size, channels, settings.resize)
        prepared = data.prepare(
            size=preprocessing.size,
            fit=preprocessing.fit,
            channels=preprocessing.channels,
            on_error=on_error,
            workers=settings.workers,
        )
        return prepared, preprocessing

    @property
    def views(self) -> Mapping[str, Callable[[], View]]:
        """SimCLR's, gentle, weak, strong and local views, and a shift; "auto" is SimCLR's."""
        from unlabeled.views import Shift, gentle, local, simclr, strong, weak

        return {
            "auto": simclr,
            "simclr": simclr,
            "gentle": gentle,
            "shift": lambda: Shift(fraction=0.125),
            "weak": weak,
            "strong": strong,
            "local": local,
        }

    def view_for(self, instances: Instances, name: str) -> str:
        """Choose views that do not mirror for grey images with a margin in which nothing is ever drawn."""
        instead = {"auto": "gentle", "weak": "shift"}
        return instead[name] if name in instead and has_margin(instances) else name

    def strengthened(self, weak: View) -> View:
        """Add RandAugment and cutout to the weak view, so that one without a flip stays without."""
        from unlabeled.views import Compose, Cutout, RandAugment

        steps: list[Any] = [weak, RandAugment(), Cutout(fraction=0.5)]  # Compose refuses what is no view of images
        return Compose(steps)

    def baseline(self, instances: Instances, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Give the pixels, averaged down to at most 32 a side."""
        import torch
        from torch.nn import functional as F

        parts = []
        for batch in instances.batches(torch.from_numpy(rows).split(1024)):
            side = min(BASELINE_SIDE, batch.values.shape[-1])
            parts.append(F.adaptive_avg_pool2d(batch.values.float() / 255, side).flatten(1))
        return torch.cat(parts).numpy()

    def pictures(self, data: Images, ids: Sequence[str], largest: int = 96) -> NDArray[np.uint8]:
        """Draw images as large as they are, but at most `largest` pixels a side."""
        position = {name: row for row, name in enumerate(data.ids)}
        rows = [position[name] for name in ids]
        side = max(max(data.decode(int(row)).size) for row in rows[:16])
        return data.pictures(rows, min(side, largest))

    def summary(self, data: Any, instances: Any) -> str:
        """Say how many images there are, and of which size."""
        return f"{counted(len(instances), 'image')} of {instances.size}×{instances.size} pixels from {data.source}"

    def is_embedded(self, query: Any, dim: int) -> bool:
        """Tell vectors from a grey picture of floats, whose width is another."""
        return super().is_embedded(query, dim) and (query.ndim == 1 or query.shape[1] == dim)

    def open_query(self, query: Any) -> Images:
        """Open an image file or object, or a list of them."""
        return Images(list(query) if isinstance(query, (list, tuple)) else [query])


def _is_path_of_images(path: Path) -> bool:
    if path.is_dir():
        return holds_suffix(path, (*SUFFIXES, ".parquet"))
    suffix = path.suffix.lower()
    if suffix in (".npy", ".npz"):
        return load_array(path)[0].ndim in (3, 4)
    if suffix == ".parquet":
        from unlabeled.data.tabular.parquet import image_column, schema_of

        return image_column(schema_of(path)) is not None
    return suffix in SUFFIXES or (suffix == ".txt" and _lists_images(path))


def _lists_images(path: Path) -> bool:
    """Tell a list of paths from a text, by its first line that is not a comment."""
    with path.open(encoding=encoding_of(path), errors="replace") as file:
        lines = (line.strip() for line in file)
        first = next((line for line in lines if line and not line.startswith("#")), "")
    if not first or Path(first).suffix.lower() in SUFFIXES:
        return True
    return len(first) < 256 and "\0" not in first and (path.parent / first).is_file()


def _is_picture(item: Any) -> bool:
    """Tell a path, encoded bytes, a PIL image or an array of a picture from a row of numbers, a text and a video."""
    if isinstance(item, (str, os.PathLike)) and os.path.splitext(item)[1].lower() in VIDEO_SUFFIXES:  # noqa: PTH122
        return False
    if isinstance(item, str):
        # A text may be longer than a path can be, of which os.path knows, and Path does not.
        return Path(item).suffix.lower() in SUFFIXES or os.path.exists(item)  # noqa: PTH110
    return isinstance(item, (bytes, os.PathLike)) or hasattr(item, "getbbox") or getattr(item, "ndim", 0) in (2, 3)


def _is_dataset(source: Any) -> bool:
    from torch.utils.data import Dataset

    return isinstance(source, Dataset)


def _size(images: Images, encoder: Any) -> int:
    """Choose a size: the images' own if it is small, else what the encoder was made for."""
    natural = images.natural_size()
    timm = isinstance(encoder, str) and encoder.startswith("timm:")
    return LARGE if timm and natural >= SMALL else natural


def has_margin(instances: Instances) -> bool:
    """Tell whether images are grey, and a tenth or more of their places is the same in all of them.

    Digits and letters on an empty ground are such images, and photographs are none. A place is the same in all images
    if its standard deviation over 1,000 of them is below a tenth of that of the place which varies most.
    """
    import torch

    if len(instances) < 2 or instances.gather(torch.arange(1)).values.shape[1] != 1:
        return False
    rows = torch.linspace(0, len(instances) - 1, min(len(instances), MARGIN_IMAGES)).long()
    spread = instances.gather(rows).values.float().std(0).flatten()
    return bool((spread < SAME * spread.max()).float().mean() >= SHARE_OF_MARGIN)


def _of_encoder(encoder: Any) -> ImagePreprocessing | None:
    """Give the preprocessing that the checkpoint of an encoder asks for."""
    if not isinstance(encoder, str) or not encoder.startswith(CLIP_ENCODER):
        return None
    from unlabeled.data.pairs.clip_checkpoint import read_clip_checkpoint

    found = read_clip_checkpoint(encoder.removeprefix(CLIP_ENCODER))
    return ImagePreprocessing(found.size, len(found.mean), found.fit)


def _all_grey(images: Images) -> bool:
    """Tell whether the images have one channel, by the headers of up to 1,000 of them, drawn at random."""
    count = min(len(images), HEADERS_READ)
    chosen = np.sort(np.random.default_rng(0).choice(len(images), count, replace=False))
    grey = []
    for index in chosen.tolist():
        with suppress(UnreadableError):  # preparing them will say which is unreadable
            grey.append(is_grey(images.origin.read(index)))
            if not grey[-1]:
                return False
    return bool(grey)
