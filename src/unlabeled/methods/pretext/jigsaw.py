"""Jigsaw puzzles: shuffled pieces of a picture are put in order by who knows what the picture is of."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unlabeled.data.batch import Batch
from unlabeled.encoders import Encoder, Network, projection_head
from unlabeled.errors import UnlabeledError
from unlabeled.modalities import Preprocessing
from unlabeled.training.bases.tiles import Tiles
from unlabeled.training.inference import canonical_instances, evaluating
from unlabeled.training.loop import own_randomness
from unlabeled.training.method_pictures import Pictures
from unlabeled.views.draw import choice
from unlabeled.views.geometric.image_grid import assembled


class Jigsaw(Tiles):
    r"""An image is cut into nine tiles that are shuffled, and the network says by which permutation.

    Split: x are the tiles in the order of a permutation drawn from a fixed set, y is its number. Loss, with f the
    encoder, applied to each tile alone, and h a classifier of the nine vectors:

    .. math:: L = -\frac{1}{N} \sum_{i=1}^{N} \log p\big(y_i \mid h(f(t_{i,\pi(1)}), \ldots, f(t_{i,\pi(9)}))\big)

    The set consists of permutations that differ in at least eight of nine places, the most that so many can, so no few
    tiles tell them apart (see `distant_permutations`). Tiles have gaps between them and jitter, show one colour
    channel, and have the same mean and deviation (see `unlabeled.views.geometric.image_grid`).

    Parameters
    ----------
    permutations : int, default 64
        Size of the set, from 2 to 72. More make the puzzle harder.

    References
    ----------
    .. [1] Noroozi & Favaro, Unsupervised Learning of Visual Representations by Solving Jigsaw Puzzles, ECCV 2016.

    Examples
    --------
    >>> import numpy as np
    >>> images = np.random.default_rng(0).random((32, 32, 32, 3))
    >>> model = Jigsaw(epochs=1, random_state=0, progress=False).fit(images)
    >>> model.transform(images).shape
    (32, 192)
    """

    principle: ClassVar[str] = "pretext"

    minimum_rows: ClassVar[int] = 2

    permutations: int = 64

    def prepare(self, preprocessing: Preprocessing) -> None:
        """See how images of this size are cut, and choose the permutations."""
        super().prepare(preprocessing)
        self._orders = distant_permutations(self.permutations)

    def build(self, encoder: Encoder) -> Network:
        """Add a classifier of nine vectors."""
        self.check_takes_tiles(encoder)
        head = projection_head(9 * encoder.dim, self.permutations, hidden=2 * encoder.dim)
        return Network(encoder, head=nn.Sequential(nn.Flatten(), head))

    def split(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Show the tiles in the order of a permutation, hide which."""
        return self._shuffled(self._grid.shown(batch.values))

    def loss(self, net: Network, x: Tensor, y: Tensor) -> Tensor:
        """Cross-entropy of the answer."""
        return F.cross_entropy(self._answers(net, x), y)

    def pictures(self, X: Any) -> Pictures | None:
        """Show shuffled tiles, and how the network would put them in order."""
        with evaluating(self) as (net, device), own_randomness():
            torch.manual_seed(0)
            images = canonical_instances(self, X, device)
            tiles, order = self._shuffled(self._grid.shown(images))
            found = self._answers(net, tiles).argmax(1)
            solved = in_place(tiles, self._orders.to(device)[found])
        right = int((found == order).sum())
        return Pictures.side_by_side(
            "Jigsaw puzzles",
            f"Each row: shuffled tiles as the network saw them, its solution, and the image. {right} of {len(order)} "
            f"are right; guessing gives one in {self.permutations}.",
            shuffled=F.interpolate(assembled(tiles), images.shape[2:]),
            solution=F.interpolate(assembled(solved), images.shape[2:]),
            image=images,
        )

    def _shuffled(self, tiles: Tensor) -> tuple[Tensor, Tensor]:
        number = choice((len(tiles),), self.permutations).to(tiles.device)
        order = self._orders.to(tiles.device)[number]
        return tiles[torch.arange(len(tiles), device=tiles.device)[:, None], order], number

    def _answers(self, net: Network, tiles: Tensor) -> Tensor:
        vectors = net.encoder(tiles.flatten(0, 1)).unflatten(0, (-1, 9))
        logits: Tensor = net.head(vectors)
        return logits


def distant_permutations(count: int) -> Tensor:
    """Give permutations of nine places that differ from each other in at least eight.

    They are the maps x ↦ ax + b of the field with nine elements, a not 0: two different ones agree in at most one
    place, because a linear equation has at most one solution. There are 72, and no larger set has this distance (at
    most 9 · 8, because a place and another one may each have any image once).

    Parameters
    ----------
    count : int
        How many, from 2 to 72. The first nine differ in all places.

    Returns
    -------
    Tensor of int64, shape (count, 9)

    Raises
    ------
    UnlabeledError
        If there are not so many.

    Examples
    --------
    >>> distant_permutations(2)
    tensor([[0, 1, 2, 3, 4, 5, 6, 7, 8],
            [1, 2, 0, 4, 5, 3, 7, 8, 6]])
    """
    if not 2 <= count <= 72:
        raise UnlabeledError(f"permutations must be from 2 to 72, got {count!r}")
    # The element with number 3u + v is v + ui, where i² = −1, with u and v modulo 3.
    elements = [(u, v) for u in range(3) for v in range(3)]

    def number(a: tuple[int, int], x: tuple[int, int], b: tuple[int, int]) -> int:
        imaginary, real = a[0] * x[1] + a[1] * x[0] + b[0], a[1] * x[1] - a[0] * x[0] + b[1]
        return 3 * (imaginary % 3) + real % 3

    maps = [[number(a, x, b) for x in elements] for a in elements[1:] for b in elements]
    return torch.tensor(maps[:count])


def in_place(tiles: Tensor, order: Tensor) -> Tensor:
    """Put tiles, shape (n, 9, ...), that were taken in `order`, shape (n, 9), back to where they came from."""
    result = torch.empty_like(tiles)
    result[torch.arange(len(tiles), device=tiles.device)[:, None], order] = tiles
    return result
