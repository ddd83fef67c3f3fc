"""MoCo: momentum contrast, with a queue of negatives."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from unlabeled.data.batch import Batch
from unlabeled.encoders import Encoder, Network, Teacher, projection_head
from unlabeled.errors import UnlabeledError
from unlabeled.losses import Queue, info_nce
from unlabeled.training.bases.multi_view import MultiView

LARGEST = 4096
"""Keys that the queue holds by default, where there are twice as many instances."""


class MoCo(MultiView):
    r"""Each view finds the other view's key among a queue of keys from earlier batches.

    Split: x and y are two views of t. A teacher makes the keys k; it is a slow copy of the student, so that keys of
    earlier batches still compare. Loss, with q the student's projection, s the cosine similarity and Q the queue:

    .. math:: \ell(q, k) = -\log \frac{\exp(s(q, k)/\tau)}{\exp(s(q, k)/\tau) + \sum_{k' \in Q} \exp(s(q, k')/\tau)}

    averaged over both directions. The number of negatives no longer depends on the batch.

    The teacher normalises by the statistics of its batch, as the student does. The student's running statistics do not
    fit the teacher's weights, which lag behind: with them keys say nothing, and the loss rises to that of chance.

    Parameters
    ----------
    temperature : float, default 0.2
        τ; smaller values attend to the nearest negatives.
    momentum : float, default 0.99
        Share of the teacher that stays at each step.
    queue_size : int, optional
        Keys in the queue, at most as many as instances. By default half as many as instances, at most 4,096, so that
        an instance rarely meets a key of itself.
    symmetric : bool, default True
        Look for each view's key. Without it only y's keys are looked for, which costs half as much.
    projection_dim : int, default 128
        Length of queries and keys. Users get the encoder's vector before it.

    References
    ----------
    .. [1] He, Fan, Wu, Xie & Girshick, Momentum Contrast for Unsupervised Visual Representation Learning, CVPR 2020.
    .. [2] Chen, Fan, Girshick & He, Improved Baselines with Momentum Contrastive Learning, 2020.
    .. [3] Cai, Ravichandran, Maji, Fowlkes, Tu & Soatto, Exponential Moving Average Normalization for Self-supervised
       and Semi-supervised Learning, CVPR 2021.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> images = load_digits().images[:64] / 16
    >>> model = MoCo(encoder="conv", epochs=1, random_state=0, progress=False).fit(images)
    >>> model.transform(images).shape
    (64, 192)
    """

    principle: ClassVar[str] = "contrastive"

    minimum_rows: ClassVar[int] = 2

    temperature: float = 0.2
    momentum: float = 0.99
    queue_size: int | None = None
    symmetric: bool = True
    projection_dim: int = 128

    def build(self, encoder: Encoder) -> Network:
        """Add a projection head, a teacher that copies encoder and head, and the queue of its keys."""
        size = self.queue_size
        if size is None:
            size = min(LARGEST, max(1, self.n_instances_ // 2))
        if not 1 <= size <= self.n_instances_:
            raise UnlabeledError(
                f"queue_size must lie between 1 and the number of instances, {self.n_instances_}, not {size}: "
                "in a longer queue every instance would meet older keys of itself as negatives"
            )
        projector = projection_head(encoder.dim, self.projection_dim)
        teacher = Teacher(encoder, projector)
        self.keys_: list[Tensor] = []
        return Network(encoder, projector=projector, teacher=teacher, queue=Queue(size, self.projection_dim))

    def loss(self, net: Network, x: Tensor, y: Tensor) -> Tensor:
        """Find the keys of the other view among those of the queue."""
        assert net.teacher is not None
        negatives = net.queue.vectors
        keys = [net.teacher(y)]
        loss = info_nce(net.project(x), keys[0], self.temperature, negatives=negatives)
        if self.symmetric:
            keys.append(net.teacher(x))
            loss = (loss + info_nce(net.project(y), keys[1], self.temperature, negatives=negatives)) / 2
        if net.training:
            self.keys_ += keys
        return loss

    def after_step(self, net: Network, batch: Batch, done: float) -> None:
        """Put the step's keys into the queue, and move the teacher towards the student."""
        assert net.teacher is not None
        for keys in self.keys_:  # a view at a time, so that several processes queue them in the order of one
            net.queue.push(keys)
        self.keys_.clear()
        net.teacher.follow(net.encoder, net.projector, momentum=self.momentum)
