"""Pictures that a method makes: for the report of a run, and for the verbs that ask for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from unlabeled.data.instances import Instances
from unlabeled.errors import UnlabeledError
from unlabeled.estimator import name_of
from unlabeled.explore.figures.contact_sheet import contact_sheet
from unlabeled.explore.figures.similarity_picture import similarity_picture
from unlabeled.modalities import check_modality, modality_of
from unlabeled.registry import methods
from unlabeled.training.method_pictures import Pictures, in_colour

ROWS, PAIRS = 8, 12
"""Instances, and pairs of an image and a text, that a report shows."""


def checked_for(method: Any, verb: str) -> Any:
    """Give the method if it can do what is asked, and makes pictures.

    Raises
    ------
    UnlabeledError
        If it has no such verb (the methods that have are named), or its instances are no pictures.
    """
    if not hasattr(method, verb):
        able = [name for name, cls in methods().items() if hasattr(cls, verb) and "image" in cls.modalities]
        raise UnlabeledError(f"{name_of(type(method))} cannot {verb}; these methods can: {', '.join(able)}")
    wanted = method.encoder_.preprocessing
    other = f"the run is over {wanted.kind}s, which are no pictures; use Python: load(run).{verb}(...)"
    check_modality(wanted, "image", other)
    return method


def made_pictures(images: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Turn images in [0, 1], shape (n, 1 or 3, h, w), into bytes of shape (n, h, w, 3)."""
    return in_colour(torch.from_numpy(images))


def draw_shown(shown: Pictures, path: Path) -> Path:
    """Draw what a method shows, with the names of the columns beneath."""
    rows, columns, *shape = shown.pictures.shape
    return contact_sheet(shown.pictures.reshape(-1, *shape), list(shown.names) * rows, columns=columns, path=path)


def draw_similarities(method: Any, instances: Instances, data: Any, path: Path) -> None:
    """Draw how alike the images and texts of some pairs of a run are, if the method compares such."""
    if not hasattr(method, "similarities") or not getattr(instances, "complete", False):
        return
    chosen = np.sort(np.random.default_rng(0).choice(len(instances), min(PAIRS, len(instances)), replace=False))
    ids, kind = [instances.ids[row] for row in chosen], modality_of(data)
    place = {name: row for row, name in enumerate(data.ids)}
    texts = [kind.describe(data, place[name]) for name in ids]
    found = method.similarities(instances.gather(torch.from_numpy(chosen)).values)
    similarity_picture(found, kind.pictures(data, ids, 64), texts, path)


def draw_method(method: Any, instances: Instances, path: Path) -> dict[str, str] | None:
    """Draw what a method does with some instances of a run; give title and caption, or None if there is nothing."""
    chosen = np.sort(np.random.default_rng(0).choice(len(instances), min(ROWS, len(instances)), replace=False))
    shown = method.pictures(instances.gather(torch.from_numpy(chosen)).values)
    if shown is None:
        return None
    draw_shown(shown, path)
    return {"title": shown.title, "caption": shown.caption}
