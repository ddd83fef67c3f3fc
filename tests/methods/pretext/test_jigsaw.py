"""Jigsaw: permutations far from each other, shuffled tiles, and the loss by hand."""

import itertools

import numpy as np
import pytest
import torch

from unlabeled import Jigsaw
from unlabeled.data.batch import Batch
from unlabeled.errors import UnlabeledError
from unlabeled.methods.pretext.jigsaw import distant_permutations, in_place


def test_any_two_permutations_differ_in_at_least_eight_places():
    all_of_them = distant_permutations(72)
    assert all(sorted(order) == list(range(9)) for order in all_of_them.tolist())
    distances = [(a != b).sum().item() for a, b in itertools.combinations(all_of_them, 2)]
    assert set(distances) == {8, 9}
    first = distant_permutations(9)
    assert {(a != b).sum().item() for a, b in itertools.combinations(first, 2)} == {9}
    assert torch.equal(first, all_of_them[:9])


def test_no_set_of_as_many_lies_farther_apart():
    # At a distance of 9 no two may have the same tile in the first place, so there are at most nine.
    assert len({order[0] for order in distant_permutations(10).tolist()}) < 10


@pytest.mark.parametrize("count", [1, 73])
def test_sets_there_are_not_are_refused(count):
    with pytest.raises(UnlabeledError, match="from 2 to 72"):
        Jigsaw(permutations=count, progress=False).fit(np.zeros((4, 24, 24), np.uint8))


@pytest.fixture(scope="module")
def fitted():
    images = np.random.default_rng(0).random((16, 24, 24, 3))
    return Jigsaw(permutations=12, epochs=1, batch_size=8, random_state=0, progress=False).fit(images)


def test_tiles_are_shown_in_the_order_of_the_hidden_permutation(fitted):
    tiles = torch.arange(9.0).view(1, 9, 1, 1, 1).expand(50, 9, 3, 2, 2)
    shuffled, number = fitted._shuffled(tiles)
    assert torch.equal(shuffled[:, :, 0, 0, 0].long(), distant_permutations(12)[number])
    assert torch.equal(in_place(shuffled, distant_permutations(12)[number]), tiles)
    assert len(number.unique()) > 6


def test_the_loss_is_the_cross_entropy_of_nine_vectors(fitted):
    net = fitted.network_.eval()
    x, y = fitted.split(Batch.unlabelled(torch.rand(3, 3, 24, 24)))
    with torch.no_grad():
        loss = float(fitted.loss(net, x, y))
        surprises = []
        for tiles, number in zip(x, y, strict=True):
            vectors = torch.cat([net.encoder(tile[None])[0] for tile in tiles])
            surprises.append(-float(net.head[1](vectors[None]).log_softmax(1)[0, number]))
    assert loss == pytest.approx(np.mean(surprises), rel=1e-4)


def test_it_shows_puzzles_and_says_how_many_are_solved(fitted):
    shown = fitted.pictures(np.random.default_rng(1).random((5, 24, 24, 3)))
    assert shown.names == ("shuffled", "solution", "image")
    assert shown.pictures.shape == (5, 3, 24, 24, 3)
    assert "of 5 are right" in shown.caption


def test_vectors_are_refused_by_name():
    with pytest.raises(UnlabeledError, match="Jigsaw is for image data, not vectors"):
        Jigsaw(progress=False).fit(np.eye(4))
