"""The mean of a loss over tokens, such that batches can be taken apart."""

from __future__ import annotations

from torch import Tensor


def mean_over_rows(losses: Tensor, counted: Tensor) -> Tensor:
    """Average the losses of a row's counted tokens, and then over the rows that have any.

    A mean over all tokens of a batch would weigh the rows of a short batch more: averaged over parts of a batch, it
    is not that of the whole. This mean is, as long as every row has a counted token.

    Parameters
    ----------
    losses : Tensor, shape (n, length)
    counted : Tensor of bool, shape (n, length)

    Examples
    --------
    >>> import torch
    >>> mean_over_rows(torch.tensor([[1.0, 3.0], [5.0, 9.0]]), torch.tensor([[True, True], [True, False]]))
    tensor(3.5000)
    """
    counts = counted.sum(1)
    means = (losses * counted).sum(1) / counts.clamp_min(1)
    return means.sum() / (counts > 0).sum().clamp_min(1)
