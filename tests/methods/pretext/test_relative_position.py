"""Relative position: which pairs are asked about, and the loss by hand."""

import numpy as np
import pytest
import torch

from unlabeled import RelativePosition
from unlabeled.data.batch import Batch
from unlabeled.errors import UnlabeledError


@pytest.fixture(scope="module")
def fitted():
    images = np.random.default_rng(0).random((16, 24, 24, 3))
    return RelativePosition(epochs=1, batch_size=8, random_state=0, progress=False).fit(images)


def test_the_loss_asks_for_the_place_of_each_neighbour_of_the_middle(fitted):
    net = fitted.network_.eval()
    x, y = fitted.split(Batch.unlabelled(torch.rand(3, 3, 24, 24)))
    assert x.shape == (3, 9, 3, 16, 16)
    with torch.no_grad():
        loss = float(fitted.loss(net, x, y))
        surprises = []
        for tiles in x:
            vectors = net.encoder(tiles)
            for answer, neighbour in enumerate([0, 1, 2, 3, 5, 6, 7, 8]):
                log_p = net.head(torch.cat((vectors[4], vectors[neighbour]))[None]).log_softmax(1)
                surprises.append(-float(log_p[0, answer]))
    assert loss == pytest.approx(np.mean(surprises), rel=1e-4)


def test_vectors_and_small_images_are_refused():
    with pytest.raises(UnlabeledError, match="image"):
        RelativePosition(progress=False).fit(np.eye(4))
    with pytest.raises(UnlabeledError, match="needs 24 pixels a side, not 8"):
        RelativePosition(progress=False).fit(np.zeros((4, 8, 8), np.uint8))
