"""A small vision transformer: an image is a sequence of patches."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from unlabeled.encoders.encoder import Encoder
from unlabeled.encoders.features import Features
from unlabeled.encoders.layers.attention import attend
from unlabeled.errors import UnlabeledError
from unlabeled.modalities.image import ImagePreprocessing

GRID = 8
"""Patches along a side that the default patch size aims at."""
SMALLEST, LARGEST = 2, 16
"""Sides of a patch, in pixels, that are chosen by themselves."""


class ViT(Encoder):
    """A vision transformer; what comes out is the mean of its patches' vectors.

    Each patch is mapped linearly to a vector, its position is added as fixed sines and cosines, and layers of
    self-attention follow, each with the normalisation before it. There is no class token: the mean over the patches
    is the vector of the image.

    Positions are those of the image that the encoder was made for. A smaller or larger image, such as a crop, is
    stretched over the same range, so it needs only sides that the patch divides.

    Parameters
    ----------
    preprocessing : ImagePreprocessing
        Of images whose side the patch divides.
    patch : int, optional
        Pixels along a side of a patch; by default the divisor of the image's side, between 2 and 16, that comes
        nearest to 8 patches a side: 4 for 32 pixels, 8 for 64 and 16 for 224.
    dim : int, default 192
        Length of the vectors.
    depth : int, default 4
        Number of layers.
    heads : int, default 3
        Attention heads of a layer; they share `dim` equally.

    Raises
    ------
    UnlabeledError
        If the patch does not divide the side, or `heads` does not divide `dim`.

    References
    ----------
    .. [1] Dosovitskiy et al., An Image is Worth 16x16 Words, ICLR 2021.
    """

    architecture = "vit"
    modalities: ClassVar[tuple[str, ...]] = ("image",)

    def __init__(
        self,
        preprocessing: ImagePreprocessing,
        *,
        patch: int | None = None,
        dim: int = 192,
        depth: int = 4,
        heads: int = 3,
    ) -> None:
        super().__init__(preprocessing)
        self.patch = default_patch(preprocessing.size) if patch is None else patch
        if preprocessing.size % self.patch:
            raise UnlabeledError(
                f"images of {preprocessing.size} pixels a side cannot be cut into patches of {self.patch}; "
                "choose a patch that divides the size"
            )
        if dim % heads or dim % 4:
            raise UnlabeledError(f"dim must be a multiple of 4 and of heads; {dim} is not, with {heads} heads")
        self.dim, self.depth, self.heads = dim, depth, heads
        self.grid = preprocessing.size // self.patch
        self.embedding = nn.Linear(preprocessing.channels * self.patch**2, dim)
        self.layers = nn.ModuleList(TransformerLayer(dim, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(dim)

    def settings(self) -> dict[str, Any]:
        """Give patch, dim, depth and heads."""
        return {"patch": self.patch, "dim": self.dim, "depth": self.depth, "heads": self.heads}

    def forward(self, batch: Tensor) -> Tensor:
        """Map images, shape (n, channels, h, w), to vectors, shape (n, dim)."""
        return self.tokens(batch).mean(1)

    def features(self, values: Tensor) -> Features:
        """Give the vectors of all patches, row by row."""
        return Features(self.tokens(values))

    def tokens(self, values: Tensor, visible: Tensor | None = None) -> Tensor:
        """Map images to one vector a patch, computing only the patches asked for (see `Encoder.tokens`)."""
        patches = patchify(2 * values - 1, self.patch)
        rows, columns = (side // self.patch for side in values.shape[2:])
        positions = sine_positions(rows, columns, self.dim, self.grid, values.device).expand(len(values), -1, -1)
        if visible is not None:
            patches, positions = chosen(patches, visible), chosen(positions, visible)
        tokens = self.embedding(patches) + positions
        for layer in self.layers:
            tokens = layer(tokens)
        normal: Tensor = self.norm(tokens)
        return normal


class TransformerLayer(nn.Module):
    """Self-attention and a two-layer perceptron, each added to its input and normalised before.

    Parameters
    ----------
    dim : int
        Length of the vectors.
    heads : int
        Attention heads.
    """

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_perceptron = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.query_key_value, self.output = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.perceptron = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, tokens: Tensor) -> Tensor:
        """Map tokens, shape (n, length, dim), to the same shape."""
        n, length, dim = tokens.shape
        parts = self.query_key_value(self.before_attention(tokens)).view(n, length, 3, self.heads, dim // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        tokens = tokens + self.output(attend(query, key, value))
        changed: Tensor = self.perceptron(self.before_perceptron(tokens))
        return tokens + changed


def default_patch(size: int) -> int:
    """Choose the side of a patch: the divisor of `size` from 2 to 16 that comes nearest to 8 patches a side.

    Raises
    ------
    UnlabeledError
        If no such side divides the image.

    Examples
    --------
    >>> [default_patch(size) for size in (8, 28, 32, 64, 96, 224)]
    [2, 4, 4, 8, 12, 16]
    """
    divisors = [side for side in range(SMALLEST, LARGEST + 1) if size % side == 0 and size > side]
    if not divisors:
        raise UnlabeledError(
            f"images of {size} pixels a side cannot be cut into equal patches of {SMALLEST} to {LARGEST} pixels; "
            f"choose another size, such as {max(2 * SMALLEST, round(size / 8) * 8)}"
        )
    return min(divisors, key=lambda side: abs(size / side - GRID))


def patchify(images: Tensor, patch: int) -> Tensor:
    """Cut images into patches, row by row.

    Parameters
    ----------
    images : Tensor, shape (n, c, h, w)
    patch : int
        Pixels along a side; it divides h and w.

    Returns
    -------
    Tensor, shape (n, h/patch · w/patch, c · patch²)

    Raises
    ------
    UnlabeledError
        If the patch does not divide the sides.
    """
    n, channels, height, width = images.shape
    if height % patch or width % patch:
        raise UnlabeledError(f"images of {height} × {width} pixels cannot be cut into patches of {patch}")
    cut = images.reshape(n, channels, height // patch, patch, width // patch, patch)
    return cut.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)


def unpatchify(patches: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Undo `patchify`: put patches together to images of `shape`, (c, h, w)."""
    channels, height, width = shape
    patch = round((patches.shape[2] / channels) ** 0.5)
    cut = patches.view(-1, height // patch, width // patch, channels, patch, patch)
    return cut.permute(0, 3, 1, 4, 2, 5).reshape(-1, *shape)


def chosen(tokens: Tensor, which: Tensor) -> Tensor:
    """Take from each row of `tokens`, shape (n, length, d), those at `which`, shape (n, k)."""
    return tokens.gather(1, which[:, :, None].expand(-1, -1, tokens.shape[2]))


def sine_positions(rows: int, columns: int, dim: int, grid: int, device: torch.device | None = None) -> Tensor:
    """Make the positions of a grid of patches: half of the numbers say the row, half the column.

    Parameters
    ----------
    rows, columns : int
        Of the grid at hand.
    dim : int
        Length of a position, a multiple of 4.
    grid : int
        Rows and columns of the grid that positions are measured in; another grid is stretched over it.

    Returns
    -------
    Tensor, shape (1, rows · columns, dim)
    """
    frequencies = 10_000 ** (-torch.arange(dim // 4, device=device) / (dim // 4))
    row, column = (((torch.arange(n, device=device) + 0.5) * grid / n)[:, None] * frequencies for n in (rows, columns))
    row, column = (torch.cat((angle.sin(), angle.cos()), 1) for angle in (row, column))
    whole = torch.cat((row[:, None].expand(-1, columns, -1), column[None].expand(rows, -1, -1)), 2)
    return whole.reshape(1, rows * columns, dim)
