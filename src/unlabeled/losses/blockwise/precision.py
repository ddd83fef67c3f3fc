"""Matrix products of embeddings are made in the embeddings' own precision, whatever autocast says."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor


def full_precision(z: Tensor) -> AbstractContextManager[Any]:
    """Switch autocast off: similarities rounded to 8 bits would not tell near negatives apart.

    Examples
    --------
    >>> z = torch.ones(2, 3)
    >>> with torch.autocast("cpu", dtype=torch.bfloat16), full_precision(z):
    ...     (z @ z.T).dtype
    torch.float32
    """
    kind = z.device.type
    return torch.autocast(kind, enabled=False) if torch.amp.is_autocast_available(kind) else nullcontext()
