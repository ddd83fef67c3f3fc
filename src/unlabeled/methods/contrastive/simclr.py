"""SimCLR: a simple framework for contrastive learning of representations."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from unlabeled.encoders import Encoder, Network, projection_head
from unlabeled.losses import nt_xent
from unlabeled.training.bases.multi_view import MultiView


class SimCLR(MultiView):
    r"""Two views of an instance attract each other and repel every other instance in the batch.

    Split: x and y are two views of t. Loss, for the 2N projections z of a batch, with s the cosine similarity:

    .. math:: \ell_{i,j} = -\log \frac{\exp(s(z_i, z_j)/\tau)}{\sum_{k \ne i} \exp(s(z_i, z_k)/\tau)}

    averaged over every i and its one positive j.

    Parameters
    ----------
    temperature : float, default 0.5
        τ; smaller values attend to the nearest negatives.
    projection_dim : int, default 128
        Length of the projection z. Users get the encoder's vector before it.

    See Also
    --------
    unlabeled.losses.contrastive.nt_xent : The loss.

    References
    ----------
    .. [1] Chen, Kornblith, Norouzi & Hinton, A Simple Framework for Contrastive Learning of Visual Representations,
       ICML 2020.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> images = load_digits().images[:64] / 16
    >>> model = SimCLR(encoder="conv", epochs=1, random_state=0, progress=False).fit(images)
    >>> model.transform(images).shape
    (64, 192)
    """

    principle: ClassVar[str] = "contrastive"

    minimum_rows: ClassVar[int] = 2

    temperature: float = 0.5
    projection_dim: int = 128

    def build(self, encoder: Encoder) -> Network:
        """Add a projection head."""
        return Network(encoder, projector=projection_head(encoder.dim, self.projection_dim))

    def loss(self, net: Network, x: Tensor, y: Tensor) -> Tensor:
        """Contrast the projections of the two views."""
        return nt_xent(net.project(x), net.project(y), self.temperature)
