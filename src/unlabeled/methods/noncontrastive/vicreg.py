"""VICReg: variance, invariance and covariance regularisation."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from unlabeled.encoders import Encoder, Network, projection_head
from unlabeled.losses import vicreg
from unlabeled.training.bases.multi_view import MultiView


class VICReg(MultiView):
    r"""Two views come together, while every feature keeps its spread and no two features vary together.

    Split: x and y are two views of t. Loss, with z the projections, v the hinge that keeps each feature's deviation at
    1 or above, and c the squared covariances of different features (see `unlabeled.losses.vicreg`):

    .. math:: L = \lambda \, \tfrac{1}{nd} \lVert z_x - z_y \rVert^2 + \tfrac{\mu}{2} \big(v(z_x) + v(z_y)\big)
              + \nu \big(c(z_x) + c(z_y)\big)

    Parameters
    ----------
    invariance : float, default 25.0
        λ, weight of the distance between the views.
    variance : float, default 25.0
        μ, weight of the spread.
    covariance : float, default 1.0
        ν, weight of the covariances.
    projection_dim : int, default 512
        Number of features that are compared. Users get the encoder's vector before them.

    References
    ----------
    .. [1] Bardes, Ponce & LeCun, VICReg: Variance-Invariance-Covariance Regularization for Self-Supervised Learning,
       ICLR 2022.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> images = load_digits().images[:64] / 16
    >>> model = VICReg(encoder="conv", epochs=1, random_state=0, progress=False).fit(images)
    >>> model.transform(images).shape
    (64, 192)
    """

    principle: ClassVar[str] = "non-contrastive"

    minimum_rows: ClassVar[int] = 2

    invariance: float = 25.0
    variance: float = 25.0
    covariance: float = 1.0
    projection_dim: int = 512

    def build(self, encoder: Encoder) -> Network:
        """Add a projector of three layers."""
        projector = projection_head(encoder.dim, self.projection_dim, self.projection_dim, layers=3)
        return Network(encoder, projector=projector)

    def loss(self, net: Network, x: Tensor, y: Tensor) -> Tensor:
        """Compare the projections of the two views, and the features of each."""
        weights = {"invariance": self.invariance, "variance": self.variance, "covariance": self.covariance}
        return vicreg(net.project(x), net.project(y), **weights)
