"""Heads: the small networks that stand on an encoder while it learns."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unlabeled.losses.blockwise.embedding_checks import unit
from unlabeled.losses.blockwise.precision import full_precision


class Head(nn.Sequential):
    """Layers that compute in float32 also where the encoder before them computes in bfloat16 or float16.

    A loss compares small differences between vectors, which bfloat16 rounds; beside the encoder a head costs little.
    """

    def forward(self, z: Tensor) -> Tensor:
        """Map vectors, shape (n, inputs), to shape (n, outputs)."""
        with full_precision(z):
            z = z.to(torch.promote_types(z.dtype, torch.float32))
            for layer in self:
                z = layer(z)
        return z


def projection_head(inputs: int, outputs: int, hidden: int | None = None, layers: int = 2) -> Head:
    """Make a projection head: linear layers with batch normalisation and ReLU between them.

    Parameters
    ----------
    inputs : int
        Length of the encoder's vector.
    outputs : int
        Length of the projection, where the loss compares.
    hidden : int, default `inputs`
        Units of each hidden layer.
    layers : int, default 2
        Number of linear layers.

    References
    ----------
    .. [1] Chen et al., A Simple Framework for Contrastive Learning of Visual Representations, ICML 2020.
    """
    hidden = hidden or inputs
    parts: list[nn.Module] = []
    for _ in range(layers - 1):
        # The bias would be taken away again by the normalisation.
        parts += [nn.Linear(inputs, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU()]
        inputs = hidden
    return Head(*parts, nn.Linear(inputs, outputs))


class Prototypes(nn.Module):
    """Learnt directions that embeddings are compared with, by cosine; the embeddings' lengths do not count.

    Parameters
    ----------
    dim : int
        Length of the embeddings.
    count : int
        How many prototypes.

    Attributes
    ----------
    weight : Parameter, shape (count, dim)
        The prototypes, of any length.
    """

    def __init__(self, dim: int, count: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(count, dim) / dim**0.5)

    def forward(self, z: Tensor) -> Tensor:
        """Give the cosines of embeddings, shape (n, dim), with the prototypes: shape (n, count)."""
        with full_precision(z):
            return unit(z) @ unit(self.weight).T
