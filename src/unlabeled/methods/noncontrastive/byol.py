"""BYOL: bootstrap your own latent."""

from __future__ import annotations

import math
from typing import ClassVar

from torch import Tensor

from unlabeled.data.batch import Batch
from unlabeled.encoders import Encoder, Network, Teacher, projection_head
from unlabeled.losses import byol
from unlabeled.training.bases.multi_view import MultiView


class BYOL(MultiView):
    r"""A student predicts what a slow copy of itself, the teacher, makes of another view.

    Split: x and y are two views of t. Loss, with q the predictor, z the student's and z′ the teacher's projection:

    .. math:: L = 2 - 2\cos(q(z_x), z'_y) + 2 - 2\cos(q(z_y), z'_x)

    No gradient reaches the teacher; after each step it moves a little towards the student, by 1 − m, where m rises
    from `momentum` to 1 along a cosine.

    Parameters
    ----------
    momentum : float, default 0.99
        m at the start of training.
    projection_dim : int, default 128
        Length of the projection.
    hidden_dim : int, default 512
        Hidden units of projector and predictor.

    References
    ----------
    .. [1] Grill et al., Bootstrap Your Own Latent: A New Approach to Self-Supervised Learning, NeurIPS 2020.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> images = load_digits().images[:64] / 16
    >>> model = BYOL(encoder="conv", epochs=1, random_state=0, progress=False).fit(images)
    >>> model.transform(images).shape
    (64, 192)
    """

    principle: ClassVar[str] = "non-contrastive"

    minimum_rows: ClassVar[int] = 2

    momentum: float = 0.99
    projection_dim: int = 128
    hidden_dim: int = 512

    def build(self, encoder: Encoder) -> Network:
        """Add a projector, a predictor, and a teacher that copies encoder and projector."""
        projector = projection_head(encoder.dim, self.projection_dim, self.hidden_dim)
        predictor = projection_head(self.projection_dim, self.projection_dim, self.hidden_dim)
        return Network(encoder, projector=projector, predictor=predictor, teacher=Teacher(encoder, projector))

    def loss(self, net: Network, x: Tensor, y: Tensor) -> Tensor:
        """Compare the student's prediction from each view with the teacher's projection of the other."""
        assert net.teacher is not None
        from_x, from_y = net.predictor(net.project(x)), net.predictor(net.project(y))
        return byol(from_x, net.teacher(y)) + byol(from_y, net.teacher(x))

    def after_step(self, net: Network, batch: Batch, done: float) -> None:
        """Move the teacher towards the student."""
        assert net.teacher is not None
        momentum = 1 - (1 - self.momentum) * (math.cos(math.pi * done) + 1) / 2
        net.teacher.follow(net.encoder, net.projector, momentum=momentum)
