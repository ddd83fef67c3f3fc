"""Texts as a network sees them: numbers of tokens, padded to one length, with a mask that says which are real."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unlabeled.errors import UnlabeledError


class Tokens(NamedTuple):
    """Texts in a batch.

    Attributes
    ----------
    ids : Tensor of int64, shape (n, length)
        Numbers of tokens in the tokenizer's vocabulary.
    mask : Tensor of bool, shape (n, length)
        True where a token is real, False where it pads.
    """

    ids: Tensor
    mask: Tensor


class TextPair(NamedTuple):
    """Pairs of texts, encoded apart."""

    first: Tokens
    second: Tokens


class TextTriple(NamedTuple):
    """Triples of texts, encoded apart: an anchor, one that goes with it, and one that does not."""

    first: Tokens
    second: Tokens
    third: Tokens


def single_texts(values: Any, user: str) -> Any:
    """Give the values of a batch as they are, and refuse pairs and triples of texts.

    Parameters
    ----------
    values : Tokens, or values of another kind of data
    user : str
        What takes single texts only, and what it does with them, such as ``"TokenCrop distorts"``.

    Raises
    ------
    UnlabeledError
    """
    if isinstance(values, (TextPair, TextTriple)):
        raise UnlabeledError(
            f"{user} single texts, and these are pairs or triples of texts; give single texts, or take a method that "
            "learns from pairs, such as SimCSE or FineTuning"
        )
    return values


def padded(rows: Sequence[Sequence[int] | NDArray[np.integer]], pad: int, length: int | None = None) -> Tokens:
    """Pad lists of tokens on the right to the longest of them, or to `length`.

    Examples
    --------
    >>> padded([[5, 6, 7], [8]], pad=0)
    Tokens(ids=tensor([[5, 6, 7],
            [8, 0, 0]]), mask=tensor([[ True,  True,  True],
            [ True, False, False]]))
    """
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    width = int(lengths.max(initial=1)) if length is None else length
    mask = np.arange(width) < lengths[:, None]
    ids = np.full((len(rows), width), pad, dtype=np.int64)
    if lengths.sum():
        ids[mask] = np.concatenate([np.asarray(row, dtype=np.int64) for row in rows])
    return Tokens(torch.from_numpy(ids), torch.from_numpy(mask))


def compacted(tokens: Tokens, pad: int = 0) -> Tokens:
    """Move the real tokens of each row together, to the left, and cut off what is padding in every row.

    Examples
    --------
    >>> compacted(Tokens(torch.tensor([[5, 6, 7, 8]]), torch.tensor([[True, False, True, False]])))
    Tokens(ids=tensor([[5, 7]]), mask=tensor([[True, True]]))
    """
    ids, mask = tokens
    order = (~mask).to(torch.uint8).argsort(dim=1, stable=True)
    width = max(1, int(mask.sum(1).max()))
    ids, mask = ids.gather(1, order)[:, :width], mask.gather(1, order)[:, :width]
    return Tokens(ids.masked_fill(~mask, pad), mask)


def joined_rows(parts: Sequence[Tokens], pad: int = 0) -> Tokens:
    """Put several batches of texts one under the other."""
    width = max(part.ids.shape[1] for part in parts)
    room = [width - part.ids.shape[1] for part in parts]
    ids = [torch.nn.functional.pad(part.ids, (0, more), value=pad) for part, more in zip(parts, room, strict=True)]
    mask = [torch.nn.functional.pad(part.mask, (0, more)) for part, more in zip(parts, room, strict=True)]
    return Tokens(torch.cat(ids), torch.cat(mask))
