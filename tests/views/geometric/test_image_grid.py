"""Tiles of an image: where they lie, and that nothing but what they show says where."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from unlabeled.errors import UnlabeledError
from unlabeled.views.geometric.image_grid import ImageGrid, assembled, one_channel, standardised


@pytest.mark.parametrize("size", [24, 28, 32, 64, 96, 224])
def test_tiles_lie_in_their_cells_with_a_gap_between_any_two(size):
    grid = ImageGrid(size)
    numbered = torch.arange(size * size).view(1, 1, size, size).expand(120, 1, size, size)
    tiles = grid.cut(numbered)
    assert tiles.shape == (120, 9, 1, grid.tile, grid.tile)
    rows, columns = tiles[:, :, 0] // size, tiles[:, :, 0] % size
    for k in range(9):
        for axis, place in ((k // 3, rows), (k % 3, columns)):
            assert place[:, k].min() >= axis * grid.cell
            # The last gap of a cell is never shown, so two tiles never touch.
            assert place[:, k].max() < (axis + 1) * grid.cell - grid.gap + 1
    nearest = columns[:, 1].amin((1, 2)) - columns[:, 0].amax((1, 2)) - 1
    assert nearest.min() >= grid.gap
    assert len(rows[:, 4].amin((1, 2)).unique()) == grid.gap + 1  # the jitter takes all its values


def test_tiles_are_shown_at_half_the_images_side():
    assert ImageGrid(32).shown(torch.rand(2, 3, 32, 32)).shape == (2, 9, 3, 16, 16)
    assert ImageGrid(96).shown(torch.rand(2, 1, 96, 96)).shape == (2, 9, 1, 48, 48)


def test_each_tile_shows_one_channel_of_its_own_at_one_mean_and_deviation():
    tiles = torch.rand(60, 9, 3, 6, 6)
    shown = one_channel(tiles)
    matches = torch.stack([(shown == tiles[:, :, c : c + 1]).flatten(2).all(2) for c in range(3)])
    assert (matches.sum(0) == 1).all()
    assert (matches.float().mean((1, 2)) > 0.25).all()
    even = standardised(shown)
    torch.testing.assert_close(even.mean((2, 3, 4)), torch.full((60, 9), 0.5))
    torch.testing.assert_close(even.std((2, 3, 4), correction=0), torch.full((60, 9), 0.25))
    torch.testing.assert_close(
        standardised(torch.full((1, 9, 3, 4, 4), 0.7)), torch.full((1, 9, 3, 4, 4), 0.5), atol=1e-4, rtol=0
    )


def test_assembled_tiles_are_the_image():
    image = torch.rand(2, 3, 12, 12)
    tiles = image.unfold(2, 4, 4).unfold(3, 4, 4).permute(0, 2, 3, 1, 4, 5).flatten(1, 2)
    assert torch.equal(assembled(tiles), image)


def fringed(n, size=32):
    """Noise with a lens's fault: its colours drift with the place, as chromatic aberration makes them."""
    place = torch.linspace(-0.3, 0.3, size)
    drift = torch.stack((place[:, None].expand(size, size), place[None].expand(size, size), torch.zeros(size, size)))
    return (0.5 + 0.1 * torch.randn(n, 3, size, size) + drift).clamp(0, 1)


def read_out(tiles):
    """How well a linear classifier tells the eight neighbours apart by the colours of their borders alone."""
    tiles = tiles[:, [0, 1, 2, 3, 5, 6, 7, 8]]
    edge = torch.ones(tiles.shape[-2:], dtype=torch.bool)
    edge[1:-1, 1:-1] = False
    colours = tiles[..., edge].mean(-1).flatten(0, 1).numpy()
    answers = np.tile(np.arange(8), len(tiles))
    half = len(answers) // 2
    return LogisticRegression(max_iter=500).fit(colours[:half], answers[:half]).score(colours[half:], answers[half:])


def test_border_colours_do_not_give_the_place_away():
    grid = ImageGrid(32)
    images = fringed(300)
    assert read_out(grid.cut(images)) > 0.9  # as they are cut, they do
    # 1,200 answers at a chance of 1/8: three standard errors are 0.03.
    assert read_out(grid.shown(images)) < 0.125 + 0.03


def test_images_too_small_are_refused():
    with pytest.raises(UnlabeledError, match="needs 24 pixels a side, not 20"):
        ImageGrid(20)
