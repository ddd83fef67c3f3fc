"""SupCon: supervised contrastive learning."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from unlabeled.encoders import Encoder, Network, projection_head
from unlabeled.losses import sup_con
from unlabeled.training.bases.labelled_views import LabelledViews


class SupCon(LabelledViews):
    r"""Views of instances of one class attract each other and repel those of all other classes.

    Split: x is two views of t, and y its class. An instance without a label is a class of its own, whose only positive
    is its other view; without any label the loss is SimCLR's. Loss, for the 2N projections z of a batch at unit length,
    with P(i) the other views of view i's class:

    .. math:: \ell_i = -\frac{1}{|P(i)|} \sum_{p \in P(i)}
              \log \frac{\exp(z_i \cdot z_p / \tau)}{\sum_{j \ne i} \exp(z_i \cdot z_j / \tau)}

    Parameters
    ----------
    temperature : float, default 0.1
        τ; smaller values attend to the nearest negatives.
    projection_dim : int, default 128
        Length of the projection z. Users get the encoder's vector before it.
    per_class : int, optional
        Instances of each class in a batch, for many classes of few instances, of which a shuffled batch rarely holds
        two. It divides `batch_size` and needs labels; instances without one then never come. Classes and instances are
        drawn at random, in as many steps as without it. By default all instances are shuffled.

    See Also
    --------
    unlabeled.losses.sup_con : The loss.

    References
    ----------
    .. [1] Khosla et al., Supervised Contrastive Learning, NeurIPS 2020.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> images, labels = load_digits(return_X_y=True)
    >>> images = images[:64].reshape(-1, 8, 8) / 16
    >>> model = SupCon(encoder="conv", epochs=1, random_state=0, progress=False).fit(images, labels[:64])
    >>> model.transform(images).shape
    (64, 192)
    """

    principle: ClassVar[str] = "contrastive"

    minimum_rows: ClassVar[int] = 2

    temperature: float = 0.1
    projection_dim: int = 128
    per_class: int | None = None

    def build(self, encoder: Encoder) -> Network:
        """Add a projection head."""
        return Network(encoder, projector=projection_head(encoder.dim, self.projection_dim))

    def loss(self, net: Network, x: tuple[Tensor, Tensor], y: Tensor) -> Tensor:
        """Contrast classes."""
        z = torch.cat([net.project(view) for view in x])
        return sup_con(z, y.repeat(2), self.temperature)
