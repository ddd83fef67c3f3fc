"""Batches larger than what fits: embed some rows at a time, and again when their gradient is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from unlabeled.errors import UnlabeledError


def embed_in_chunks(encoder: Callable[[Any], Tensor], inputs: Any, chunk: int) -> Tensor:
    """Embed a batch a few rows at a time, so that only their activations are ever held.

    The forward pass keeps the embeddings alone. Once the loss over all of them has been differentiated, each chunk is
    embedded again and its gradient taken on to the encoder: GradCache. So a contrastive loss can have a batch of tens
    of thousands of negatives with the memory of one chunk, for the price of embedding twice.

    Parameters
    ----------
    encoder : callable
        A network, or any function, from inputs to embeddings (m, d) that treats each row by itself.
    inputs : Tensor, or tuple or dict of what may stand here
        The batch: n rows, the first dimension of every tensor. A dict suits encoders of token ids and masks.
    chunk : int
        How many rows to embed at a time.

    Returns
    -------
    Tensor, shape (n, d)
        Value and gradients are those of joining the encoder's embeddings of all chunks. Randomness such as dropout is
        replayed, on the processor and on the GPU the inputs are on, and autocast is as it was.

    Raises
    ------
    UnlabeledError
        If `chunk` is not above zero, or the inputs are empty or differ in their number of rows.

    Notes
    -----
    Batch normalisation does not treat each row by itself: its statistics are those of a chunk, and its running averages
    are updated twice a step. Freeze it, or use layer or group normalisation, where that matters.

    References
    ----------
    .. [1] Gao, Zhang, Han, Callan. Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup.
       RepL4NLP 2021. https://arxiv.org/abs/2101.06983

    Examples
    --------
    >>> from unlabeled.losses import nt_xent
    >>> net = torch.nn.Sequential(torch.nn.Linear(5, 64), torch.nn.ReLU(), torch.nn.Linear(64, 8))
    >>> x, y = torch.randn(2, 100, 5)
    >>> loss = nt_xent(embed_in_chunks(net, x, 32), embed_in_chunks(net, y, 32))
    >>> loss.backward()
    >>> bool(torch.isclose(loss, nt_xent(net(x), net(y))))
    True
    """
    if chunk < 1:
        raise UnlabeledError(f"a chunk must have at least one row, not {chunk}")
    counts = set(_counts(inputs))
    if len(counts) != 1 or counts == {0}:
        found = ", ".join(map(str, sorted(counts))) or "no tensor at all"
        raise UnlabeledError(f"all inputs must have the same number of rows, above zero, not {found}")
    starts = range(0, counts.pop(), chunk)
    parts = [checkpoint(encoder, _rows(inputs, slice(s, s + chunk)), use_reentrant=False) for s in starts]
    return torch.cat(parts)


def _counts(inputs: Any) -> list[int]:
    """List the number of rows of every tensor."""
    if isinstance(inputs, Tensor):
        return [len(inputs)]
    parts = inputs.values() if isinstance(inputs, Mapping) else inputs
    return [count for part in parts for count in _counts(part)]


def _rows(inputs: Any, rows: slice) -> Any:
    if isinstance(inputs, Tensor):
        return inputs[rows]
    if isinstance(inputs, Mapping):
        return {name: _rows(part, rows) for name, part in inputs.items()}
    return tuple(_rows(part, rows) for part in inputs)
