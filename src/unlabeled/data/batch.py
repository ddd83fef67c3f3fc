"""A batch: instances that meet in one step, with their labels and their positions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Instances that meet in one step.

    Parameters
    ----------
    values : Tensor or named tuple of Tensors
        What the instances are: uint8 images, shape (n, channels, size, size); vectors, shape (n, d); or a named tuple
        whose members have n rows each.
    labels : Tensor of int64, shape (n,)
        Class numbers; −1 where nobody said.
    index : Tensor of int64, shape (n,)
        Positions in the collection, which memory banks and graphs need.

    Examples
    --------
    >>> import torch
    >>> batch = Batch(torch.zeros(2, 3), torch.tensor([0, -1]), torch.tensor([5, 7]))
    >>> len(batch), batch.map(lambda values: values + 1).values.sum().item()
    (2, 6.0)
    """

    values: Any
    labels: Tensor
    index: Tensor

    @classmethod
    def unlabelled(cls, values: Any) -> Batch:
        """Make a batch of values that stand for themselves: no labels, positions from 0.

        Examples
        --------
        >>> import torch
        >>> Batch.unlabelled(torch.zeros(2, 3)).labels
        tensor([-1, -1])
        """
        import torch

        rows = _count(values)
        return cls(values, torch.full((rows,), -1), torch.arange(rows))

    def __len__(self) -> int:
        return len(self.index)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Batch:
        """Give the batch on a device."""
        parts = (self.values, self.labels, self.index)
        return Batch(*(map_tensors(lambda x: x.to(device, non_blocking=non_blocking), part) for part in parts))

    def map(self, function: Callable[[Any], Any]) -> Batch:
        """Give the batch with `function` applied to its values as a whole."""
        return replace(self, values=function(self.values))


def _count(values: Any) -> int:
    """Give the rows of values, of which some parts may be missing."""
    return _count(next(part for part in values if part is not None)) if isinstance(values, tuple) else len(values)


def map_tensors(function: Callable[[Tensor], Tensor], values: Any) -> Any:
    """Apply a function to a tensor, or to each tensor of a named tuple, of tuples and lists of these."""
    if hasattr(values, "_fields"):
        return type(values)(*(map_tensors(function, value) for value in values))
    if isinstance(values, (tuple, list)):
        return type(values)(map_tensors(function, value) for value in values)
    return values if values is None else function(values)


def rows_of(values: Any, chosen: Any) -> Any:
    """Give some rows of the values of a batch; `chosen` is an index, a mask or a slice.

    Examples
    --------
    >>> import torch
    >>> rows_of((torch.arange(4), torch.arange(4) * 10), slice(1, 3))
    (tensor([1, 2]), tensor([10, 20]))
    """
    return map_tensors(lambda tensor: tensor[chosen], values)


def joined(parts: Sequence[Any]) -> Any:
    """Join the rows of several values: tensors, or named tuples of tensors.

    Rows of tokens of different lengths are padded with zeros, and so with False in a mask.
    """
    import torch

    first = parts[0]
    if first is None:
        return None
    if hasattr(first, "_fields"):
        return type(first)(*(joined(members) for members in zip(*parts, strict=True)))
    width = max(part.shape[1] for part in parts) if first.dim() == 2 else 0
    return torch.cat([torch.nn.functional.pad(part, (0, width - part.shape[1])) if width else part for part in parts])


def joined_batches(batches: Sequence[Batch]) -> Batch:
    """Join several batches into one; a single batch is given back as it is."""
    if len(batches) == 1:
        return batches[0]
    values = joined([batch.values for batch in batches])
    return Batch(values, joined([batch.labels for batch in batches]), joined([batch.index for batch in batches]))


def labels_at(labels: Any, indices: Tensor) -> Tensor:
    """Give the labels of the instances at `indices` as int64; −1 for all where there are no labels."""
    import torch

    if labels is None:
        return torch.full((len(indices),), -1, dtype=torch.int64)
    return torch.as_tensor(labels[indices.cpu().numpy()], dtype=torch.int64)
