"""A photo of any size, restored by a model that learnt from small images."""

from __future__ import annotations

from itertools import product
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from unlabeled.data.image.masks import read_mask
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.estimator import name_of
from unlabeled.memory import check_memory
from unlabeled.training.control.progress import ProgressBar
from unlabeled.views.photometric.cielab import lab_to_rgb, rgb_to_lab

TASKS = {
    "denoise": "denoising_autoencoder",
    "deblur": "deblurring",
    "super-resolve": "super_resolution",
    "inpaint": "inpainting",
    "colorize": "colorization",
}
"""The method that learns each task."""
TILES = 256
"""Tiles that are restored at a time."""
BYTES_A_PIXEL = 24
"""Memory that restoring takes for each pixel: its three sums, its weight, and what comes in and goes out as bytes."""
BAND = 64
"""Rows of a photo that are coloured at a time."""

BICUBIC = Image.Resampling.BICUBIC
Picture = NDArray[np.uint8]


def check_task(task: str, method: Any | None, mask: Any | None) -> None:
    """Refuse a task that there is not, that the model did not learn, or that lacks its mask.

    Parameters
    ----------
    task : str
        One of `TASKS`.
    method : estimator or None
        The model, or None to restore without one.
    mask : anything or None
        What is given as a mask.

    Raises
    ------
    UnlabeledError
    """
    if task not in TASKS:
        raise unknown_name("task", task, TASKS)
    if method is not None and name_of(type(method)) != TASKS[task]:
        raise UnlabeledError(
            f"the model is of {name_of(type(method))}, and the task {task} needs one of {TASKS[task]}: "
            f"unlabeled learn photos/ --method {TASKS[task]}"
        )
    if method is None and task in ("deblur", "colorize"):
        raise UnlabeledError(
            f"the task {task} needs a model (--model run/): unlabeled learn photos/ --method {TASKS[task]}"
        )
    if (task == "inpaint") != (mask is not None):
        what = "a mask" if task == "inpaint" else "no mask"
        raise UnlabeledError(f"the task {task} takes {what}; --mask says which pixels to fill in (white)")


def restored(
    method: Any, task: str, picture: Picture, mask: Any | None = None, progress: bool | None = False
) -> Picture:
    """Restore a picture with a fitted method.

    To denoise, deblur and super-resolve, the picture is cut into overlapping tiles of the size that the method learnt
    from. To inpaint and colorize, which need to see the whole, it is brought to that size, and what was painted is
    brought back.

    Parameters
    ----------
    method : estimator
        Fitted; it has passed `check_task`.
    task : str
        One of `TASKS`.
    picture : ndarray of uint8, shape (h, w) or (h, w, 3)
    mask : path or array, optional
        To inpaint: white where to paint.
    progress : bool, optional
        Show a progress bar; with None on a terminal and in a notebook.

    Returns
    -------
    ndarray of uint8, shape (h, w) or (h, w, 3); `method.factor` times as high and wide to super-resolve
    """
    channels, size, _ = method.encoder_.preprocessing.shape
    if channels == 1 and picture.ndim == 3:  # a model of grey images restores each colour by itself
        return np.dstack([restored(method, task, plane, mask, progress) for plane in picture.transpose(2, 0, 1)])
    shown = Image.fromarray(picture).convert("L" if channels == 1 else "RGB")
    if task == "colorize":
        return _colorized(method, shown, size)
    if task == "inpaint":
        return _inpainted(method, shown, read_mask(mask, (shown.height, shown.width)), size)
    if task == "super-resolve":
        shown = shown.resize((shown.width * method.factor, shown.height * method.factor), BICUBIC)
    return in_tiles(method, np.atleast_3d(np.asarray(shown)), size, progress)


def in_tiles(method: Any, picture: Picture, size: int, progress: bool | None = False) -> Picture:
    """Restore a picture tile by tile; tiles overlap by half, and fade into each other.

    Parameters
    ----------
    method : estimator with `restore`
    picture : ndarray of uint8, shape (h, w, c)
    size : int
        Pixels a side of a tile.
    progress : bool, optional
        Show a progress bar; with None on a terminal and in a notebook.

    Returns
    -------
    ndarray of uint8, shape (h, w) or (h, w, 3)

    Raises
    ------
    UnlabeledError
        If there is too little memory.
    """
    height, width, channels = picture.shape
    check_memory(
        height * width * BYTES_A_PIXEL, f"restoring {height:,} × {width:,} pixels", "cut or shrink the picture"
    )
    # Mirrored at its edges until a tile fits; a mirror is never longer than the picture, so it may take several.
    whole = picture
    while min(whole.shape[:2]) < size:
        below, beside = (min(max(0, size - side), max(1, side - 1)) for side in whole.shape[:2])
        mirror: Literal["reflect", "edge"] = "reflect" if min(whole.shape[:2]) > 1 else "edge"
        whole = np.pad(whole, ((0, below), (0, beside), (0, 0)), mode=mirror)
    rows, columns = (_starts(side, size, max(1, size // 2)) for side in whole.shape[:2])
    corners = list(product(rows, columns))
    ramp = np.minimum(np.arange(size) + 1, size - np.arange(size)).astype(np.float32)
    weight = np.outer(ramp, ramp)[:, :, None]
    total, weights = np.zeros(whole.shape, np.float32), np.zeros((*whole.shape[:2], 1), np.float32)
    with ProgressBar("Restoring", len(corners), show=progress, unit="tiles") as bar:
        for first in range(0, len(corners), TILES):
            some = corners[first : first + TILES]
            tiles = np.stack([whole[row : row + size, column : column + size] for row, column in some])
            shown = torch.from_numpy(np.ascontiguousarray(tiles.transpose(0, 3, 1, 2)))
            made = method.restore(shown).transpose(0, 2, 3, 1)
            for (row, column), tile in zip(some, made, strict=True):
                total[row : row + size, column : column + size] += weight * tile
                weights[row : row + size, column : column + size] += weight
            bar.advance(first + len(some))
    total /= weights
    result = _bytes(total[:height, :width])
    return result[:, :, 0] if channels == 1 else result


def _starts(length: int, size: int, step: int) -> list[int]:
    """Give where tiles begin so that they reach from the first pixel to the last."""
    return [*range(0, length - size, step), length - size]


def _inpainted(method: Any, picture: Image.Image, hidden: NDArray[np.bool_], size: int) -> Picture:
    seen = np.array(picture)
    seen[hidden] = seen[~hidden].mean(0).round()  # what is hidden must not bleed into its neighbours when resized
    small = np.atleast_3d(np.asarray(Image.fromarray(seen).resize((size, size), BICUBIC))).transpose(2, 0, 1)
    # Every pixel that holds any of the hidden ones is hidden.
    share = np.asarray(Image.fromarray(hidden.astype(np.float32)).resize((size, size), Image.Resampling.BOX))
    if share.all():
        raise UnlabeledError(
            f"nothing of the picture is left to see: brought to the {size} × {size} pixels of the model, the mask "
            "marks every one; cut out a part of the picture, or leave out the model"
        )
    painted = method.inpaint(torch.from_numpy(np.ascontiguousarray(small))[None], (share > 0).astype(np.uint8))[0]
    large = Image.fromarray(_bytes(painted.transpose(1, 2, 0)).squeeze()).resize(picture.size, BICUBIC)
    result = np.array(picture)
    result[hidden] = np.asarray(large)[hidden]
    return result


def _colorized(method: Any, picture: Image.Image, size: int) -> Picture:
    small = np.asarray(picture.resize((size, size), BICUBIC)).transpose(2, 0, 1)
    made = torch.from_numpy(method.colorize(torch.from_numpy(np.ascontiguousarray(small))[None]))
    width, height = picture.size
    check_memory(
        height * width * BYTES_A_PIXEL, f"colouring {height:,} × {width:,} pixels", "cut or shrink the picture"
    )
    colours = torch.nn.functional.interpolate(rgb_to_lab(made)[:, 1:], (height, width), mode="bilinear")
    pixels = np.asarray(picture)
    result = np.empty_like(pixels)
    for first in range(0, height, BAND):  # CIELAB of a whole large photo takes gigabytes
        rows = slice(first, first + BAND)
        shown = torch.from_numpy(pixels[rows].transpose(2, 0, 1).astype(np.float32) / 255)[None]
        lab = torch.cat((rgb_to_lab(shown)[:, :1], colours[:, :, rows]), 1)
        result[rows] = _bytes(lab_to_rgb(lab)[0].permute(1, 2, 0).numpy())
    return result


def _bytes(values: NDArray[Any]) -> Picture:
    """Round numbers in [0, 1] to bytes. The input is overwritten, because a copy of a large photo takes a gigabyte."""
    values.clip(0, 1, out=values)
    values *= 255
    rounded: Picture = np.rint(values, out=values).astype(np.uint8)
    return rounded
