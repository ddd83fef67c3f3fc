"""Embedding: instances through an encoder, batch by batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from unlabeled.data.instances import Instances
from unlabeled.encoders.encoder import Encoder
from unlabeled.encoders.network import ready_convolutions

ROWS, SMALL = 32, 4096
"""Rows that a batch of instances with at most so many numbers has at least."""
TOKENS = 2048
"""Tokens of a batch of texts on a processor at most: what a layer makes of more of them leaves the caches."""


@torch.no_grad()
def embed(
    encoder: Encoder,
    instances: Instances,
    *,
    batch_size: int = 128,
    device: str | torch.device = "cpu",
    progress: Callable[[int, int], None] | None = None,
    precision: Literal["float32", "bf16"] = "float32",
) -> NDArray[np.float32]:
    """Encode every instance in evaluation mode, so that a row depends on no other row.

    Parameters
    ----------
    encoder : Encoder
        The network; left on `device` and in evaluation mode.
    instances : Instances
        Already prepared as `encoder.preprocessing` says.
    batch_size : int, default 128
        Rows at a time; it bounds the memory and does not change the result beyond rounding.
    device : str or torch.device, default "cpu"
        Where to compute.
    progress : callable, optional
        Called with the rows done and the rows in all.
    precision : {"float32", "bf16"}, default "float32"
        Of the arithmetic. bfloat16 is two to three times as quick where the processor has it, with vectors that agree
        to about two digits.

    Returns
    -------
    ndarray of float32, shape (n, dim)
    """
    encoder.to(torch.device(device)).eval()
    ready_convolutions(encoder)
    vectors = np.empty((len(instances), encoder.dim), dtype=np.float32)
    done = 0
    # Texts say which of them are of about one length; all others come as they stand.
    even = getattr(instances, "even_batches", None)
    tokens = TOKENS if torch.device(device).type == "cpu" else None
    order = torch.arange(len(instances)).split(batch_size) if even is None else even(batch_size, tokens)
    for batch in instances.batches(order):
        values = encoder.preprocessing.canonical(batch.to(device).values)
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=precision == "bf16"):
            encoded = encoder(_filled(values))
        vectors[batch.index.numpy()] = encoded[: len(batch)].float().cpu().numpy()
        done += len(batch)
        if progress is not None:
            progress(done, len(instances))
    return vectors


def _filled(values: Any) -> Any:
    """Repeat the last of a few small instances: the product of a few rows is rounded otherwise than that of many."""
    if not isinstance(values, torch.Tensor) or len(values) >= ROWS or values[0].numel() > SMALL:
        return values
    return values[torch.arange(ROWS, device=values.device).clamp(max=len(values) - 1)]
