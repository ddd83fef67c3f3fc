"""The last step of encoding: numbers of the vocabulary for those of first appearance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unlabeled.kernels.compiled import compiled


@compiled
def renumber(
    ids: NDArray[np.int32], offsets: NDArray[np.int64], numbers: NDArray[np.int32]
) -> tuple[int, int]:  # pragma: no cover - compiled
    """Put new numbers for old ones, in place; drop words whose new number is negative, and sentences left empty.

    Parameters
    ----------
    ids : ndarray of int32, shape (n,)
        Words; becomes those that are kept.
    offsets : ndarray of int64, shape (sentences + 1,)
        Where sentences begin and the last one ends; becomes the same for those that are kept.
    numbers : ndarray of int32, shape (words,)
        The new number of each old one, or a negative one.

    Returns
    -------
    words, sentences : int
        How many are kept.
    """
    kept = 0
    sentences = 0
    end = offsets[0]
    for s in range(1, len(offsets)):
        before = kept
        begin, end = end, offsets[s]
        for i in range(begin, end):
            number = numbers[ids[i]]
            if number >= 0:
                ids[kept] = number
                kept += 1
        if kept > before:
            sentences += 1
            offsets[sentences] = kept
    return kept, sentences
