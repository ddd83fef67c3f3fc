"""Spectral normalisation: no layer of a network stretches its input."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class SpectralNorm(nn.Module):
    r"""Keeps the largest singular value of each weight matrix of a network at 1.

    A kernel is a matrix with a row for each output channel. Its largest singular value σ is followed by one step of
    power iteration at each call, :math:`v \leftarrow W^\top u / \lVert W^\top u \rVert`,
    :math:`u \leftarrow W v / \lVert W v \rVert`, :math:`\sigma = u^\top W v`. The weights themselves are divided by σ,
    so that the network stays a plain one that is saved and used without this module.

    Parameters
    ----------
    *modules : Module
        Whose matrices and kernels are normalised, at once and at each call.

    References
    ----------
    .. [1] Miyato, Kataoka, Koyama & Yoshida, Spectral Normalization for Generative Adversarial Networks, ICLR 2018.

    Examples
    --------
    >>> layer = nn.Linear(5, 3)
    >>> norm = SpectralNorm(layer)
    >>> round(torch.linalg.matrix_norm(layer.weight, 2).item(), 4)
    1.0
    """

    def __init__(self, *modules: nn.Module) -> None:
        super().__init__()
        for number, weight in enumerate(matrices(modules)):
            u, sizes, _ = torch.linalg.svd(weight.detach().flatten(1), full_matrices=False)
            self.register_buffer(f"u{number}", u[:, 0].clone())
            weight.detach().div_(sizes[0])

    @torch.no_grad()
    def forward(self, *modules: nn.Module) -> None:
        """Divide the weights of the same modules, in the same order, by their largest singular values."""
        for u, weight in zip(self.buffers(), matrices(modules), strict=True):
            flat = weight.flatten(1)
            v = F.normalize(flat.T @ u, dim=0)
            stretched = flat @ v
            u.copy_(F.normalize(stretched, dim=0))
            weight.div_(u @ stretched)


def matrices(modules: tuple[nn.Module, ...]) -> list[Tensor]:
    """Give the weights of linear layers and convolutions."""
    layers = [layer for module in modules for layer in module.modules()]
    return [layer.weight for layer in layers if isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d)]
