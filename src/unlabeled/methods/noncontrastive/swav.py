"""SwAV: swapped assignments between views."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from unlabeled.data.batch import Batch
from unlabeled.encoders import Encoder, Network, Prototypes, projection_head
from unlabeled.errors import UnlabeledError
from unlabeled.losses import Queue, consistency, sinkhorn
from unlabeled.processes import rank, world_size
from unlabeled.training.bases.multi_crop import MultiCrop

MOST = 256
"""Prototypes by default, where there are four instances for each."""


class SwAV(MultiCrop):
    r"""Every view predicts which prototypes a large view of the same instance is assigned to.

    Split: x is all views of t, large and local, and y the large ones. The views' projections z are compared with k
    learnt prototypes c. Sinkhorn's algorithm shares the batch out among the prototypes evenly, which gives each large
    view g its assignment q. Loss, for every other view v:

    .. math:: L = -\sum_k q_{gk} \log p_{vk}, \qquad
              p_v = \mathrm{softmax}\Big(\frac{\bar z_v \cdot \bar c_k}{\tau}\Big)

    averaged over all such pairs. Where the batch is small, the assignment also counts a queue of earlier projections.

    Parameters
    ----------
    temperature : float, default 0.1
        τ.
    epsilon : float, default 0.05
        ε of Sinkhorn's algorithm; the smaller, the surer the assignments.
    iterations : int, default 3
        How often Sinkhorn's algorithm balances.
    prototypes : int, optional
        k, at most as many as instances; by default a quarter of the instances, at most 256.
    queue_size : int, default 0
        Projections of earlier large views that are shared out together with the batch, once there are so many.
    projection_dim : int, default 128
        Length of the projection. Users get the encoder's vector before it.
    hidden_dim : int, default 512
        Units of the projector's hidden layer.

    See Also
    --------
    unlabeled.losses.non_contrastive.sinkhorn : The assignment.

    References
    ----------
    .. [1] Caron et al., Unsupervised Learning of Visual Features by Contrasting Cluster Assignments, NeurIPS 2020.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> images = load_digits().images[:64] / 16
    >>> model = SwAV(encoder="conv", epochs=1, random_state=0, progress=False).fit(images)
    >>> model.transform(images).shape
    (64, 192)
    """

    principle: ClassVar[str] = "non-contrastive"

    minimum_rows: ClassVar[int] = 2

    temperature: float = 0.1
    epsilon: float = 0.05
    iterations: int = 3
    prototypes: int | None = None
    queue_size: int = 0
    projection_dim: int = 128
    hidden_dim: int = 512

    def build(self, encoder: Encoder) -> Network:
        """Add a projector, the prototypes, and the queue."""
        count = self.prototypes if self.prototypes is not None else min(MOST, max(2, self.n_instances_ // 4))
        for setting, value, least in (("prototypes", count, 2), ("queue_size", self.queue_size, 0)):
            if not least <= value <= self.n_instances_:
                raise UnlabeledError(
                    f"{setting} must lie between {least} and the number of instances, {self.n_instances_}, not {value}"
                )
        net = Network(
            encoder,
            projector=projection_head(encoder.dim, self.projection_dim, self.hidden_dim),
            prototypes=Prototypes(self.projection_dim, count),
        )
        if self.queue_size:
            net.queue = Queue(self.queue_size, self.projection_dim)
        self.embeddings_: list[Tensor] = []
        return net

    def loss(self, net: Network, x: list[Tensor], y: list[Tensor]) -> Tensor:
        """Let every view predict the assignment of each large one."""
        embeddings = [net.project(view) for view in x]
        scores = [net.prototypes(z) for z in embeddings]
        if net.training and self.queue_size:
            self.embeddings_ += [z.detach() for z in embeddings[: len(y)]]
        losses = []
        for g in range(len(y)):
            q = self._assigned(net, scores[g].detach())
            losses += [consistency(s / self.temperature, q, "ce") for v, s in enumerate(scores) if v != g]
        return torch.stack(losses).mean()

    def after_step(self, net: Network, batch: Batch, done: float) -> None:
        """Put the step's projections into the queue."""
        for z in self.embeddings_:  # a view at a time, so that several processes queue them in the order of one
            net.queue.push(z)
        self.embeddings_.clear()

    def _assigned(self, net: Network, scores: Tensor) -> Tensor:
        """Share out a batch, and with it this process's part of the queue once that is full."""
        earlier = scores[:0]
        if self.queue_size and len(net.queue) == self.queue_size:
            with torch.no_grad():
                earlier = net.prototypes(net.queue.vectors[rank() :: world_size()])
        shares = sinkhorn(torch.cat([earlier, scores]), epsilon=self.epsilon, iterations=self.iterations)
        return shares[len(earlier) :]
