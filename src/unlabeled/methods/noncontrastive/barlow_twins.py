"""Barlow Twins: redundancy reduction between two views."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from unlabeled.encoders import Encoder, Network, projection_head
from unlabeled.losses import barlow_twins
from unlabeled.training.bases.multi_view import MultiView


class BarlowTwins(MultiView):
    r"""Two views of an instance agree in every feature, and no feature repeats what another one says.

    Split: x and y are two views of t. Loss, with C the correlation of the two views' features over the batch:

    .. math:: L = \sum_k (1 - C_{kk})^2 + \lambda \sum_k \sum_{l \ne k} C_{kl}^2

    Parameters
    ----------
    redundancy : float, default 0.005
        λ, how much it costs that two features say the same.
    projection_dim : int, default 512
        Number of features that are compared. Users get the encoder's vector before them.

    See Also
    --------
    unlabeled.losses.barlow_twins : The loss.

    References
    ----------
    .. [1] Zbontar, Jing, Misra, LeCun & Deny, Barlow Twins: Self-Supervised Learning via Redundancy Reduction,
       ICML 2021.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> images = load_digits().images[:64] / 16
    >>> model = BarlowTwins(encoder="conv", epochs=1, random_state=0, progress=False).fit(images)
    >>> model.transform(images).shape
    (64, 192)
    """

    principle: ClassVar[str] = "non-contrastive"

    minimum_rows: ClassVar[int] = 2

    redundancy: float = 0.005
    projection_dim: int = 512

    def build(self, encoder: Encoder) -> Network:
        """Add a projector of three layers."""
        projector = projection_head(encoder.dim, self.projection_dim, self.projection_dim, layers=3)
        return Network(encoder, projector=projector)

    def loss(self, net: Network, x: Tensor, y: Tensor) -> Tensor:
        """Correlate the features of the two views."""
        return barlow_twins(net.project(x), net.project(y), off_diagonal=self.redundancy)
