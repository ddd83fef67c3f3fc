"""Counts of words in documents, by rows and by columns, in pieces that threads work on."""

from __future__ import annotations

from functools import cached_property
from typing import Any, cast

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from unlabeled.kernels.layout import aligned, round_up, width_of

PIECE = 1 << 16  # entries worked on at a time by a thread


class WordCounts:
    """What the kernels of topics read.

    The pieces depend on the counts alone, so sums in their order do not depend on the number of threads.

    Parameters
    ----------
    matrix : CSR matrix, shape (documents, words)
        float32 or float64; columns in order and each once.
    """

    def __init__(self, matrix: sp.csr_matrix) -> None:
        self.shape, self.dtype = matrix.shape, matrix.dtype
        self.pointers = matrix.indptr.astype(np.int64)
        self.words = matrix.indices.astype(np.int32, copy=False)
        self.counts = matrix.data
        self.total = float(matrix.data.sum(dtype=np.float64))
        self.pieces = pieces(self.pointers, PIECE)

    @cached_property
    def by_word(self) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[Any]]:
        """Pointers and documents of the entries by word, and the place of each among those by document."""
        places = np.arange(len(self.words), dtype=np.int32 if len(self.words) < 2**31 else np.int64)
        turned = sp.csr_matrix((cast("Any", places), self.words, self.pointers), shape=self.shape).tocsc()
        return turned.indptr.astype(np.int64), turned.indices.astype(np.int32, copy=False), turned.data

    @cached_property
    def word_pieces(self) -> list[tuple[int, int]]:
        """Pieces of the words."""
        return pieces(self.by_word[0], PIECE)


def pieces(pointers: NDArray[np.int64], entries: int) -> list[tuple[int, int]]:
    """Divide rows into consecutive pieces (start, stop) of about so many entries, and at least one row."""
    found, start, rows = [], 0, len(pointers) - 1
    while start < rows:
        stop = int(np.searchsorted(pointers, pointers[start] + entries, side="right")) - 1
        stop = min(max(stop, start + 1), rows)
        found.append((start, stop))
        start = stop
    return found


def padded_rows(rows: NDArray[Any], dtype: Any) -> NDArray[Any]:
    """Copy rows of k topics into rows of a whole number of registers, filled up with zeros."""
    width = width_of(dtype)
    found = aligned((len(rows), round_up(rows.shape[1], width)), dtype)
    found[:, : rows.shape[1]] = rows
    return found
