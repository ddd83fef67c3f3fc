"""Embeddings remembered from earlier batches: a bank with one place an instance, and a queue of the latest."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unlabeled.errors import UnlabeledError
from unlabeled.losses.embeddings import check_embeddings, unit
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
            Which instances, as integers. Of an instance named twice, one of the two embeddings counts.
        z : Tensor, shape (n, d)
            Their embeddings, of any length.

        Raises
        ------
        UnlabeledError
            If the shapes do not fit.
        """
        _check_rows(z, self.vectors)
        if indices.shape != z.shape[:1]:
            raise UnlabeledError(f"{len(z)} embeddings need as many indices, not a shape of {tuple(indices.shape)}")
        indices, new = gather(indices.to(self.vectors.device)), gather(_as_stored(z, self.vectors))
        self.vectors[indices] = unit(torch.lerp(new, self.vectors[indices], self.momentum)).to(self.vectors.dtype)

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

    It holds no gradient, and knows nothing of losses: give its vectors to `info_nce` as negatives, as MoCo does. It
    moves with `to`, and its `state_dict` holds the vectors and where it stands.

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

    Examples
    --------
    >>> queue = Queue(3, 2)
    >>> for angle in range(5):
    ...     queue.push(torch.tensor([[1.0, angle]]))
    >>> (queue.vectors[:, 1] / queue.vectors[:, 0]).sort().values.round()
    tensor([2., 3., 4.])
    """

    storage: Tensor

    def __init__(self, size: int, dim: int) -> None:
        super().__init__()
        _check_size(size, dim)
        self.register_buffer("storage", torch.zeros(size, dim))
        self.pushed = 0

    def __len__(self) -> int:
        return min(self.pushed, len(self.storage))

    @property
    def vectors(self) -> Tensor:
        """A copy of what it holds now, in no particular order: shape (len(queue), d)."""
        return self.storage[: len(self)].clone()

    @torch.no_grad()
    def push(self, z: Tensor) -> None:
        """Take in embeddings; in a process group, those of all processes.

        Parameters
        ----------
        z : Tensor, shape (n, d)
            Embeddings of any length. Of more than it can hold, the last are kept.

        Raises
        ------
        UnlabeledError
            If the shape does not fit.
        """
        _check_rows(z, self.storage)
        new = gather(_as_stored(z, self.storage))
        size = len(self.storage)
        places = torch.arange(self.pushed, self.pushed + len(new), device=new.device) % size
        self.storage[places[-size:]] = new[-size:]
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
