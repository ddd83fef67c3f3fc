"""Masks: which pixels of a picture are to be filled in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.image.images import Images
from unlabeled.errors import UnlabeledError


def read_mask(mask: Any, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Read which pixels of a picture of `size` (height, width) are to be filled in.

    Raises
    ------
    UnlabeledError
        If the mask has another size, or marks no pixel or every one.
    """
    drawn = mask if isinstance(mask, np.ndarray) else np.asarray(Images([mask]).decode(0).convert("L")) > 127
    marked = np.asarray(drawn) > 0
    if marked.shape != size:
        raise UnlabeledError(
            f"the mask has {' × '.join(map(str, marked.shape))} pixels and the picture {size[0]} × {size[1]} "
            "(height × width); they must be of one size"
        )
    if marked.all() or not marked.any():
        raise UnlabeledError(f"the mask marks {'every' if marked.all() else 'no'} pixel; mark those to be filled in")
    return marked
