"""Drawing the next token from a model's scores."""

from __future__ import annotations

import math
from numbers import Real

import torch
from torch import Generator, Tensor

from unlabeled.errors import UnlabeledError
from unlabeled.setting_checks import check_whole_number

LEAST = 1e-30
"""Up to this temperature the likeliest token is taken, as at 0: its inverse is near the end of single precision."""


def sample_token(
    logits: Tensor,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """Draw a token for each row.

    Parameters
    ----------
    logits : Tensor, shape (n, vocabulary)
    temperature : float, default 1
        Divides the logits; 0 takes the largest.
    top_k : int, optional
        Only the so many largest can be drawn.
    top_p : float, optional
        Only the fewest largest that together have at least this probability can be drawn.
    generator : torch.Generator, optional
        On the device of the logits.

    Returns
    -------
    Tensor of int64, shape (n,)

    References
    ----------
    .. [1] Holtzman et al., The Curious Case of Neural Text Degeneration, ICLR 2020.

    Examples
    --------
    >>> sample_token(torch.tensor([[0.0, 3.0, 1.0]]), temperature=0)
    tensor([1])
    """
    if not isinstance(temperature, Real) or not 0 <= temperature < math.inf:
        raise UnlabeledError(f"temperature must be a number of at least 0, got {temperature!r}")
    if top_k is not None:
        check_whole_number("top_k", top_k)
    if top_p is not None and (not isinstance(top_p, Real) or not 0 < top_p <= 1):
        raise UnlabeledError(f"top_p is a probability above 0, got {top_p!r}")
    if temperature <= LEAST:
        return logits.argmax(1)
    # With the largest logit at 0, division by a small temperature gives −∞ at worst, never ∞. A large temperature is
    # bounded, because −∞ divided by ∞ is NaN.
    logits = (logits - logits.max(1, keepdim=True).values) / min(temperature, 1 / LEAST)
    if top_k is not None and top_k < logits.shape[1]:
        least = logits.topk(top_k, dim=1).values[:, -1:]
        logits = logits.masked_fill(logits < least, -math.inf)
    if top_p is not None:
        ordered, order = logits.softmax(1).sort(dim=1, descending=True)
        # A token stays if those before it have not reached the share yet; so the likeliest one always does.
        out = ordered.cumsum(1) - ordered >= top_p
        logits = logits.masked_fill(torch.zeros_like(out).scatter(1, order, out), -math.inf)
    return torch.multinomial(logits.softmax(1), 1, generator=generator)[:, 0]
