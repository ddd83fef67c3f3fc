"""What every loss does with embeddings: check them, bring them to unit length, reduce the rows' losses."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from unlabeled.errors import UnlabeledError

Reduction = Literal["mean", "sum", "none"]


def check_embeddings(z: Tensor, name: str = "embeddings", *, empty: bool = False) -> None:
    """Refuse what is not a table of numbers with at least one row (unless `empty`) and one column.

    The values are not looked at: that would make a GPU wait. NaN in gives NaN out.

    Raises
    ------
    UnlabeledError
        If `z` is not a floating-point tensor of shape (n, d) with n ≥ 1 (or 0) and d ≥ 1.
    """
    if z.ndim != 2 or z.shape[1] == 0 or (len(z) == 0 and not empty):
        raise UnlabeledError(f"{name} must have shape (n, d), at least one row and one column, not {tuple(z.shape)}")
    if not z.is_floating_point():
        raise UnlabeledError(f"{name} must be floating-point numbers, not {z.dtype}; convert them with .float()")


def check_pair(x: Tensor, y: Tensor, *, empty: bool = False) -> None:
    """Refuse two tables of embeddings of which row i of one does not belong to row i of the other.

    With `empty`, tables without rows will do: a miner may find nothing.

    Raises
    ------
    UnlabeledError
        If either is not a table of embeddings, or their shapes differ.
    """
    check_embeddings(x, "the first embeddings", empty=empty)
    check_embeddings(y, "the second embeddings", empty=empty)
    if x.shape != y.shape:
        raise UnlabeledError(
            f"row i of both must embed one instance, but their shapes differ: {tuple(x.shape)} and {tuple(y.shape)}"
        )


def check_positive(value: float, name: str) -> None:
    """Refuse what is not a number above zero and finite.

    Raises
    ------
    UnlabeledError
        Naming the number and its value. Also for a tensor: of the settings of a loss, temperatures and scales alone can
        be learnt.
    """
    check_plain(value, name)
    if not 0 < value < math.inf:
        raise UnlabeledError(f"{name} must be a positive number, not {value}")


def check_plain(value: float, name: str) -> None:
    """Refuse a tensor where a loss takes a plain number, which it would not learn.

    Raises
    ------
    UnlabeledError
        If it is a tensor.
    """
    if isinstance(value, Tensor):
        raise UnlabeledError(f"{name} cannot be learnt here: give a plain number, such as {name}.item(), not a tensor")


def positive_scalar(value: float | Tensor, name: str, like: Tensor) -> float | Tensor:
    """Give a temperature or a scale as a loss uses it: a number, or a tensor of one number that may be learnt.

    Every loss takes its temperature, or its scale, in both forms.

    Parameters
    ----------
    value : float or Tensor with one element
        Above zero.
    name : str
        For messages.
    like : Tensor
        The embeddings, whose device and at least single precision a tensor is brought to.

    Returns
    -------
    float or Tensor, shape ()
        With the gradient of `value`.

    Raises
    ------
    UnlabeledError
        If it is not one number, or not above zero and finite. A GPU is not made to wait for the second check.
    """
    if not isinstance(value, Tensor):
        check_positive(value, name)
        return value
    if value.numel() != 1:
        raise UnlabeledError(f"{name} must be one number, not a tensor of shape {tuple(value.shape)}")
    if value.device.type == "cpu":
        check_positive(value.item(), name)
    return value.reshape(()).to(like.device, torch.promote_types(like.dtype, torch.float32))


def unit(z: Tensor) -> Tensor:
    """Scale every row to length 1, in at least float32.

    Rows of any size are handled: each is divided by its largest entry first, so that squares neither overflow nor
    vanish. A zero row, which has no direction, stays zero and passes its gradient through unscaled.

    Parameters
    ----------
    z : Tensor, shape (n, d)
        Embeddings.

    Returns
    -------
    Tensor, shape (n, d)
        float32, or float64 if `z` is.

    Examples
    --------
    >>> unit(torch.tensor([[3.0, 4.0], [3e30, 4e30], [0.0, 0.0]]))
    tensor([[0.6000, 0.8000],
            [0.6000, 0.8000],
            [0.0000, 0.0000]])
    """
    z = z.to(torch.promote_types(z.dtype, torch.float32))
    largest = z.detach().abs().amax(dim=1, keepdim=True)
    zero = largest == 0
    z = z / largest.masked_fill(zero, 1)
    length: Tensor = torch.linalg.vector_norm(z, dim=1, keepdim=True)
    return z / length.masked_fill(zero, 1)


def reduce(losses: Tensor, reduction: Reduction) -> Tensor:
    """Take the mean or the sum of the rows' losses, or leave them as they are. The mean of none is 0.

    Raises
    ------
    UnlabeledError
        If `reduction` is none of "mean", "sum" and "none".
    """
    if reduction == "mean":
        return losses.mean() if losses.numel() else losses.sum()
    if reduction == "sum":
        return losses.sum()
    if reduction == "none":
        return losses
    raise UnlabeledError(f'reduction must be "mean", "sum" or "none", not {reduction!r}')
