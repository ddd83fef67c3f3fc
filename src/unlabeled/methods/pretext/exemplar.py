"""Exemplar networks: every instance is a class of its own, whose members are its distorted copies."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unlabeled.data.batch import Batch
from unlabeled.encoders import Encoder, Network, projection_head
from unlabeled.losses.contrastive.sampled_softmax import sampled_softmax
from unlabeled.setting_checks import check_whole_number
from unlabeled.training.bases.multi_view import MultiView


class Exemplar(MultiView):
    r"""Every instance is a surrogate class, and the network says of a distorted copy which instance it was made of.

    Split: x is a view of t, y the position of t in the collection. With z the projection of x and v a learnt vector of
    each class, both of unit length, the loss is a softmax over all classes, estimated from k of them:

    .. math:: L = -\log \frac{\exp(z \cdot v_y / \tau)}
              {\exp(z \cdot v_y / \tau) + \frac{N - 1}{k} \sum_{j=1}^{k} \exp(z \cdot v_{c_j} / \tau)}

    with the c drawn anew for each batch from the other classes, every one alike. No table of instances times classes
    is ever made. What grows with their number N is the table of class vectors: 64 numbers each, with their gradient and
    the optimiser's two averages, and the time in which the optimiser goes over them.

    Parameters
    ----------
    temperature : float, default 0.1
        τ.
    negatives : int, default 1024
        k. With as many as there are other classes, or more, all are taken and the softmax is exact.
    projection_dim : int, default 64
        Length of the class vectors. Users get the encoder's vector before the projection.

    See Also
    --------
    unlabeled.losses.contrastive.sampled_softmax : The loss.

    References
    ----------
    .. [1] Dosovitskiy, Fischer, Springenberg, Riedmiller & Brox, Discriminative Unsupervised Feature Learning with
       Exemplar Convolutional Neural Networks, TPAMI 2016.
    .. [2] Jean, Cho, Memisevic & Bengio, On Using Very Large Target Vocabulary for Neural Machine Translation,
       ACL 2015.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> images = load_digits().images[:64] / 16
    >>> model = Exemplar(encoder="conv", epochs=1, random_state=0, progress=False).fit(images)
    >>> model.transform(images).shape
    (64, 192)
    """

    principle: ClassVar[str] = "pretext"

    minimum_rows: ClassVar[int] = 2

    temperature: float = 0.1
    negatives: int = 1024
    projection_dim: int = 64

    def build(self, encoder: Encoder) -> Network:
        """Add a projection head, and a vector for each instance."""
        check_whole_number("negatives", self.negatives)
        projector = projection_head(encoder.dim, self.projection_dim)
        return Network(encoder, projector=projector, classes=ClassVectors(self.n_instances_, self.projection_dim))

    def split(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Show a view, hide whose it is."""
        return self.view(batch.values), batch.index

    def loss(self, net: Any, x: Tensor, y: Tensor) -> Tensor:
        """Cross-entropy of the softmax over all classes, estimated from some."""
        z = F.normalize(net.project(x), dim=1)
        return sampled_softmax(z, net.classes.vectors, y, negatives=self.negatives, temperature=self.temperature)


class ClassVectors(nn.Module):
    """A learnt vector of each class, shape (classes, dim)."""

    def __init__(self, classes: int, dim: int) -> None:
        super().__init__()
        self.vectors = nn.Parameter(torch.randn(classes, dim) / math.sqrt(dim))
