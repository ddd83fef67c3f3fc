"""SimSiam: simple Siamese representation learning."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from unlabeled.encoders import Encoder, Network, projection_head
from unlabeled.losses import sim_siam
from unlabeled.training.bases.multi_view import MultiView


class SimSiam(MultiView):
    r"""A view predicts what the same network makes of the other view, and no gradient passes through what is predicted.

    Split: x and y are two views of t. Loss, with z the projection and p the prediction from it:

    .. math:: L = -\tfrac12 \cos(p_x, z_y) - \tfrac12 \cos(p_y, z_x)

    where z gets no gradient. There is neither a teacher nor a negative.

    Parameters
    ----------
    projection_dim : int, default 512
        Length of the projection, and units of the projector's hidden layers.
    bottleneck_dim : int, default 128
        Units of the predictor's hidden layer.

    References
    ----------
    .. [1] Chen & He, Exploring Simple Siamese Representation Learning, CVPR 2021.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> images = load_digits().images[:64] / 16
    >>> model = SimSiam(encoder="conv", epochs=1, random_state=0, progress=False).fit(images)
    >>> model.transform(images).shape
    (64, 192)
    """

    principle: ClassVar[str] = "non-contrastive"

    minimum_rows: ClassVar[int] = 2

    projection_dim: int = 512
    bottleneck_dim: int = 128

    def build(self, encoder: Encoder) -> Network:
        """Add a projector of three layers and a predictor with a bottleneck."""
        projector = nn.Sequential(
            projection_head(encoder.dim, self.projection_dim, self.projection_dim, layers=3),
            # Without scale and shift of its own: with them the output can shrink to a constant.
            nn.BatchNorm1d(self.projection_dim, affine=False),
        )
        predictor = projection_head(self.projection_dim, self.projection_dim, self.bottleneck_dim)
        return Network(encoder, projector=projector, predictor=predictor)

    def loss(self, net: Network, x: Tensor, y: Tensor) -> Tensor:
        """Compare each view's prediction with the other view's projection."""
        z_x, z_y = net.project(x), net.project(y)
        return (sim_siam(net.predictor(z_x), z_y) + sim_siam(net.predictor(z_y), z_x)) / 2
