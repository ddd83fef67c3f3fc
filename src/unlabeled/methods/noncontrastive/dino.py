"""DINO: self-distillation with no labels."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from unlabeled.data.batch import Batch
from unlabeled.encoders import Encoder, Network, Prototypes, Teacher, projection_head
from unlabeled.losses import Centre, dino_multi_crop
from unlabeled.training.bases.multi_crop import MultiCrop


class DINO(MultiCrop):
    r"""A student sees parts of an instance and predicts which made-up class a teacher puts the whole in.

    Split: x is all views of t, large and local, and y the large ones. Loss, with s the student's and t the teacher's
    logits of k classes and c the centre, a moving average of t:

    .. math:: L = -\sum_k q_k \log p_k, \qquad q = \mathrm{softmax}\Big(\frac{t(y_g) - c}{\tau_t}\Big), \quad
              p = \mathrm{softmax}\Big(\frac{s(x_v)}{\tau_s}\Big)

    averaged over all pairs of a large view g and another view v. No gradient reaches the teacher; after each step it
    moves towards the student by 1 − m, where m rises from `momentum` to 1 along a cosine. Centring and a sharp teacher
    keep the classes from becoming one, and from becoming all the same.

    Parameters
    ----------
    student_temperature : float, default 0.1
        τ_s.
    teacher_temperature : float, default 0.04
        τ_t, smaller than τ_s.
    momentum : float, default 0.99
        m at the start of training.
    centre_momentum : float, default 0.9
        Share of the centre that stays at each step.
    prototypes : int, default 1024
        k, made-up classes.
    projection_dim : int, default 128
        Length of the projection that is compared with them. Users get the encoder's vector before it.
    hidden_dim : int, default 512
        Units of the projector's hidden layers.

    References
    ----------
    .. [1] Caron et al., Emerging Properties in Self-Supervised Vision Transformers, ICCV 2021.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> images = load_digits().images[:64] / 16
    >>> model = DINO(encoder="conv", epochs=1, random_state=0, progress=False).fit(images)
    >>> model.transform(images).shape
    (64, 192)
    """

    principle: ClassVar[str] = "non-contrastive"

    minimum_rows: ClassVar[int] = 2

    student_temperature: float = 0.1
    teacher_temperature: float = 0.04
    momentum: float = 0.99
    centre_momentum: float = 0.9
    prototypes: int = 1024
    projection_dim: int = 128
    hidden_dim: int = 512

    def build(self, encoder: Encoder) -> Network:
        """Add a head with a logit for each class, a teacher that copies encoder and head, and the centre."""
        projector = nn.Sequential(
            projection_head(encoder.dim, self.projection_dim, self.hidden_dim, layers=3),
            Prototypes(self.projection_dim, self.prototypes),
        )
        self.logits_: list[Tensor] = []
        centre = Centre(self.prototypes, self.centre_momentum)
        return Network(encoder, projector=projector, teacher=Teacher(encoder, projector), centre=centre)

    def loss(self, net: Network, x: list[Tensor], y: list[Tensor]) -> Tensor:
        """Compare the student's classes of every view with the teacher's of the large ones."""
        assert net.teacher is not None
        teacher = [net.teacher(view) for view in y]
        if net.training:
            self.logits_.append(torch.cat(teacher))
        return dino_multi_crop(
            [net.project(view) for view in x],
            teacher,
            net.centre.value,
            student_temperature=self.student_temperature,
            teacher_temperature=self.teacher_temperature,
        )

    def after_step(self, net: Network, batch: Batch, done: float) -> None:
        """Move the centre towards the teacher's logits, and the teacher towards the student."""
        assert net.teacher is not None
        net.centre.update(torch.cat(self.logits_))
        self.logits_.clear()
        momentum = 1 - (1 - self.momentum) * (math.cos(math.pi * done) + 1) / 2
        net.teacher.follow(net.encoder, net.projector, momentum=momentum)
