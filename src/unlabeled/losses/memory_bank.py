"""Embeddings remembered from earlier batches: a bank with one place an instance, and a queue of the latest."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unlabeled.errors import UnlabeledError
from unlabeled.losses.blockwise.embedding_checks import check_embeddings, unit
from unlabeled.losses.metric.pair_masks import check_labels
from unlabeled.processes import gather


class MemoryBank(nn.Module):
    r"""One unit vector an instance, moved towards its embedding whenever that is made.

    .. math:: v_i \leftarrow \frac{m v_i + (1 - m) \bar z_i}{\lVert m v_i + (1 - m) \bar z_i \rVert}

    It holds no gradient, and knows nothing of losses: take negatives out of it and give them to `info_nce` or `nce`.
    It moves with `to`, and its vectors are in the `state_dict`.

    Parameters
    ----------
    instances : int
        How many places.
    dim : int
        d, the embeddings' dimension.
    momentum : float, default=0.5
        m, how much of the old vector stays, from 0 up to but not 1.
    generator : torch.Generator, optional
        For the random directions that it starts with.

    References
    ----------
    .. [1] Wu, Xiong, Yu, Lin. Unsupervised Feature Learning via Non-Parametric Instance Discrimination. CVPR 2018.
       https://arxiv.org/abs/1805.01978

    Examples
    --------
    >>> bank = MemoryBank(1000, 16, momentum=0.0)
    >>> z = torch.randn(4, 16)
    >>> bank.update(torch.tensor([5, 6, 7, 8]), z)
    >>> bool(torch.isclose(bank.vectors[5] @ z[0], z[0].norm()))
    True
    """

    vectors: Tensor

    def __init__(
        self, instances: int, dim: int, *, momentum: float = 0.5, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        _check_size(instances, dim)
        if not 0 <= momentum < 1:
            raise UnlabeledError(f"momentum must be from 0 up to but not 1, not {momentum}")
        self.momentum = momentum
        self.register_buffer("vectors", unit(torch.randn(instances, dim, generator=generator)))

    @torch.no_grad()
    def update(self, indices: Tensor, z: Tensor) -> None:
        """Move some instances' vectors towards their embeddings; in a process group, those of all processes.

        Parameters
        ----------
        indices : Tensor, shape (n,)
            Which instances, as integers from 0. Of an instance named twice, one of the two embeddings counts.
        z : Tensor, shape (n, d)
            Their embeddings, of any length.

        Raises
        ------
        UnlabeledError
            If the shapes do not fit or, on a processor, an index is not that of an instance.
        """
        _check_rows(z, self.vectors)
        if indices.shape != z.shape[:1]:
            raise UnlabeledError(f"{len(z)} embeddings need as many indices, not a shape of {tuple(indices.shape)}")
        if indices.is_floating_point() or indices.dtype == torch.bool:
            raise UnlabeledError(f"indices must be integers, not {indices.dtype}")
        if (
            indices.device.type == "cpu"
            and len(indices)
            and not 0 <= indices.min() <= indices.max() < len(self.vectors)
        ):
            raise UnlabeledError(
                f"indices must lie between 0 and {len(self.vectors) - 1}, the places of this bank, "
                f"but they go from {indices.min().item()} to {indices.max().item()}"
            )
        indices, new = gather(indices.to(self.vectors.device).long()), gather(_as_stored(z, self.vectors))
        # Unlike indexing, these two fail on a GPU too where an index is below 0.
        old = self.vectors.index_select(0, indices)
        self.vectors.index_copy_(0, indices, unit(torch.lerp(new, old, self.momentum)).to(self.vectors.dtype))

    def sample(self, count: int, *, generator: torch.Generator | None = None) -> Tensor:
        """Draw vectors at random, each as likely as any other, also repeatedly.

        Parameters
        ----------
        count : int
            How many.
        generator : torch.Generator, optional
            On the processor, wherever the bank is, so that a seed draws the same everywhere.

        Returns
        -------
        Tensor, shape (count, d)
        """
        return self.vectors[torch.randint(len(self.vectors), (count,), generator=generator).to(self.vectors.device)]


class Queue(nn.Module):
    """The latest unit vectors, at most so many: the oldest leave first.

    It holds no gradient, and knows nothing of losses: give its vectors to `info_nce` as negatives, as MoCo does, or
    join vectors and labels with those of a batch, as cross-batch memory does. It moves with `to`, and its `state_dict`
    holds what it keeps and where it stands. An empty queue has no vectors, and `info_nce` of none is 0.

    Parameters
    ----------
    size : int
        How many vectors it can hold.
    dim : int
        d, the embeddings' dimension.

    References
    ----------
    .. [1] He, Fan, Wu, Xie, Girshick. Momentum Contrast for Unsupervised Visual Representation Learning. CVPR 2020.
       https://arxiv.org/abs/1911.05722
    .. [2] Wang, Zhang, Huang, Scott. Cross-Batch Memory for Embedding Learning. CVPR 2020.
       https://arxiv.org/abs/1912.06798

    Examples
    --------
    >>> queue = Queue(3, 2)
    >>> for angle in range(5):
    ...     queue.push(torch.tensor([[1.0, angle]]))
    >>> (queue.vectors[:, 1] / queue.vectors[:, 0]).sort().values.round()
    tensor([2., 3., 4.])

    Supervised losses compare a batch with the classes of earlier ones:

    >>> from unlabeled.losses import sup_con
    >>> queue, z, labels = Queue(100, 16), torch.randn(4, 16), torch.tensor([0, 1, 0, 2])
    >>> queue.push(torch.randn(8, 16), torch.arange(8) % 3)
    >>> joined, classes = torch.cat([z, queue.vectors]), torch.cat([labels, queue.labels])
    >>> sup_con(joined, classes, reduction="none")[: len(z)].shape
    torch.Size([4])
    """

    storage: Tensor
    stored_labels: Tensor

    def __init__(self, size: int, dim: int) -> None:
        super().__init__()
        _check_size(size, dim)
        self.register_buffer("storage", torch.zeros(size, dim))
        self.register_buffer("stored_labels", torch.full((size,), -1))
        self.pushed = 0

    def __len__(self) -> int:
        return min(self.pushed, len(self.storage))

    @property
    def vectors(self) -> Tensor:
        """A copy of what it holds now, in no particular order: shape (len(queue), d)."""
        return self.storage[: len(self)].clone()

    @property
    def labels(self) -> Tensor:
        """A copy of the labels of `vectors`, in their order; −1 where none was given: shape (len(queue),), int64."""
        return self.stored_labels[: len(self)].clone()

    @torch.no_grad()
    def push(self, z: Tensor, labels: Tensor | None = None) -> None:
        """Take in embeddings; in a process group, those of all processes.

        Parameters
        ----------
        z : Tensor, shape (n, d)
            Embeddings of any length. Of more than it can hold, the last are kept.
        labels : Tensor of int, shape (n,), optional
            Their labels; by default −1, unlabelled.

        Raises
        ------
        UnlabeledError
            If a shape does not fit, or labels are not integers.
        """
        _check_rows(z, self.storage)
        if labels is None:
            labels = self.stored_labels.new_full((len(z),), -1)
        check_labels(labels, len(z))
        new, labels = gather(_as_stored(z, self.storage)), gather(labels.to(self.stored_labels))
        size = len(self.storage)
        places = torch.arange(self.pushed, self.pushed + len(new), device=new.device) % size
        self.storage[places[-size:]] = new[-size:]
        self.stored_labels[places[-size:]] = labels[-size:]
        self.pushed += len(new)

    def get_extra_state(self) -> Tensor:
        """Give how many vectors have been pushed, for the `state_dict`."""
        return torch.tensor(self.pushed)

    def set_extra_state(self, state: Tensor) -> None:
        """Take up where the saved queue stood."""
        self.pushed = int(state)


def _check_size(rows: int, dim: int) -> None:
    if rows < 1 or dim < 1:
        raise UnlabeledError(f"a memory must have at least one place and one dimension, not {rows} and {dim}")


def _check_rows(z: Tensor, stored: Tensor) -> None:
    check_embeddings(z)
    if z.shape[1] != stored.shape[1]:
        raise UnlabeledError(f"embeddings must have dimension {stored.shape[1]} to be kept here, not {z.shape[1]}")


def _as_stored(z: Tensor, stored: Tensor) -> Tensor:
    return unit(z).to(stored)
