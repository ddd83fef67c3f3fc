"""The mean of a loss over tokens, such that batches can be taken apart."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from unlabeled.data.text.text_windows import Windows


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


def unigram_entropy(counts: Any) -> float:
    """Give the loss, in nats a token, of one who knows how frequent each token is and nothing else.

    Examples
    --------
    >>> round(unigram_entropy([2, 2, 0]), 4)
    0.6931
    """
    shares = np.asarray(counts, dtype=np.float64)
    shares = shares[shares > 0] / shares.sum()
    return float(-(shares * np.log(shares)).sum())


def loss_beside_entropy(history: list[dict[str, float]], instances: Any) -> list[dict[str, Any]]:
    """Say, for a report, what the last loss is and what knowing only the tokens' frequencies would give."""
    losses = [entry["loss"] for entry in history if "loss" in entry]
    if not losses or not isinstance(instances, Windows):
        return []
    entropy = unigram_entropy(np.bincount(instances.stream))
    lines = [
        ["", f"{losses[-1]:.3f}", "loss of the model"],
        ["", f"{entropy:.3f}", "entropy of the tokens' frequencies"],
    ]
    return [{"title": "Prediction", "caption": "In nats a token, on the texts that were learnt from.", "lines": lines}]
