"""Instance discrimination: every instance is a class of its own, kept in a memory bank."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from unlabeled.data.batch import Batch
from unlabeled.encoders import Encoder, Network, projection_head
from unlabeled.losses import MemoryBank, nce
from unlabeled.losses.blockwise.embedding_checks import unit
from unlabeled.losses.blockwise.precision import full_precision
from unlabeled.processes import gather, world_size
from unlabeled.training.bases.multi_view import MultiView

Z_MOMENTUM = 0.9
"""Share of log Z that stays at each step."""


class InstanceDiscrimination(MultiView):
    r"""Each view is recognised as its instance among all instances, whose vectors a memory bank keeps.

    Split: x is a view of t, and y its position in the collection. With z the projection at unit length and v the bank,
    the model is a softmax over all n instances,

    .. math:: p(y | x) = \frac{\exp(v_y \cdot z / \tau)}{Z}

    and instead of summing over all of them, noise-contrastive estimation tells the true one from k drawn at random, as
    `unlabeled.losses.nce` says. log Z follows its estimate from those k, as a moving average. After each
    step the vectors of the batch move towards their projections.

    Parameters
    ----------
    temperature : float, default 0.1
        τ.
    noise : int, default 1024
        k, instances drawn from the bank for a batch.
    bank_momentum : float, default 0.5
        Share of an instance's vector that stays when it is renewed.
    projection_dim : int, default 128
        Length of the projection and of the bank's vectors. Users get the encoder's vector before it.

    References
    ----------
    .. [1] Wu, Xiong, Yu & Lin, Unsupervised Feature Learning via Non-Parametric Instance Discrimination, CVPR 2018.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> images = load_digits().images[:64] / 16
    >>> model = InstanceDiscrimination(encoder="conv", epochs=1, random_state=0, progress=False).fit(images)
    >>> model.transform(images).shape
    (64, 192)
    """

    principle: ClassVar[str] = "contrastive"

    minimum_rows: ClassVar[int] = 2

    temperature: float = 0.1
    noise: int = 1024
    bank_momentum: float = 0.5
    projection_dim: int = 128

    def build(self, encoder: Encoder) -> Network:
        """Add a projection head, the bank with a place for each instance, and log Z."""
        bank = MemoryBank(self.n_instances_, self.projection_dim, momentum=self.bank_momentum)
        net = Network(encoder, projector=projection_head(encoder.dim, self.projection_dim), bank=bank)
        # What it is for directions drawn at random: n times the mean of exp(u · v / τ), about exp(1 / 2dτ²).
        start = math.log(self.n_instances_) + 1 / (2 * self.projection_dim * self.temperature**2)
        net.register_buffer("log_partition", torch.tensor(start))
        self.seen_: list[tuple[Tensor, Tensor, Tensor]] = []
        return net

    def split(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Show a view, hide which instance it is of."""
        return self.view(batch.values), batch.index

    def loss(self, net: Network, x: Tensor, y: Tensor) -> Tensor:
        """Tell each view's own instance from others drawn at random."""
        z, noise = unit(net.project(x)), net.bank.sample(self.noise)
        if net.training:
            # The mean over all draws of all processes, times n.
            with full_precision(z):
                scores = z.detach() @ noise.T / self.temperature
            draws = gather(scores.logsumexp((0, 1))[None]).logsumexp(0)
            count = world_size() * len(z) * len(noise)
            self.seen_.append((y, z.detach(), draws - math.log(count) + math.log(self.n_instances_)))
        return nce(
            z,
            net.bank.vectors[y],
            noise,
            log_p=-math.log(self.n_instances_),
            log_z=net.log_partition,
            temperature=self.temperature,
        )

    def after_step(self, net: Network, batch: Batch, done: float) -> None:
        """Move the bank's vectors of the step's instances towards their projections, and log Z to its estimate."""
        for index, z, log_z in self.seen_:
            net.bank.update(index, z)
            net.log_partition.lerp_(log_z, 1 - Z_MOMENTUM)
        self.seen_.clear()
