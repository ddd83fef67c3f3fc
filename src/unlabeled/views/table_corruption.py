"""A view of vectors: some entries replaced by those of other rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor

from unlabeled.errors import UnlabeledError
from unlabeled.processes import gather, rank
from unlabeled.views import draw
from unlabeled.views.view import View, check


@dataclass(frozen=True)
class TableCorruption(View):
    """Replace entries of each row by the same column's value in another row of the batch.

    Each entry is replaced with probability `p`, and each replacement comes from another row of its own, so a column
    keeps its distribution while the ties between columns are broken. With several processes the rows of all of them
    serve. A batch of one row has no other row, and stays as it is.

    Parameters
    ----------
    p : float, default 0.6
        Probability for each entry.

    References
    ----------
    .. [1] Bahri et al., "SCARF: Self-Supervised Contrastive Learning using Random Feature Corruption", 2022.

    Examples
    --------
    >>> import torch
    >>> TableCorruption(p=1.0)(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[3., 4.],
            [1., 2.]])
    """

    kind: ClassVar[str] = "vector"
    p: float = 0.6

    def __post_init__(self) -> None:
        check(0 <= self.p <= 1, self, "p", "a probability, between 0 and 1")

    def __call__(self, batch: Tensor, generator: Generator | None = None) -> Tensor:
        """Give a corrupted copy of `batch`, shape (n, d) (see `View`)."""
        if batch.ndim != 2:
            raise UnlabeledError(f"TableCorruption needs vectors of shape (n, d); got {tuple(batch.shape)}")
        n, d = batch.shape
        replaced = draw.uniform((n, d), 0.0, 1.0, generator) < self.p
        everyone = gather(batch)
        others = max(len(everyone) - 1, 1)
        # Going at least one row and at most all but one further on, around the end, never comes back to the row.
        step = 1 + draw.choice((n, d), others, generator)
        row = (rank() * n + torch.arange(n)[:, None] + step) % max(len(everyone), 1)
        return torch.where(replaced.to(batch.device), everyone.gather(0, row.to(batch.device)), batch)
