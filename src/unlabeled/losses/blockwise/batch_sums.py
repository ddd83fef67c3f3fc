"""The batch that a loss compares within: this process's rows against those of all processes."""

from __future__ import annotations

from torch import Tensor

from unlabeled.losses.blockwise.pairwise_reduction import Term, pair_sums
from unlabeled.losses.blockwise.scores import DOT, Score
from unlabeled.processes import all_reduce_sum, rank, world_size


def batch_sums(
    terms: tuple[Term, ...],
    z: Tensor,
    everyone: Tensor,
    labels: tuple[Tensor, Tensor] | None = None,
    *,
    score: Score = DOT,
) -> tuple[Tensor, ...]:
    """Sum over the scores of each of this process's rows with all other rows of all processes.

    Parameters
    ----------
    terms : tuple of Term
        The sums to take; see `unlabeled.losses.blockwise.pairwise_reduction`.
    z : Tensor, shape (n, d)
        This process's rows; every process must bring the same n.
    everyone : Tensor, shape (n · processes, d)
        ``gather(z)``
    labels : pair of Tensors, shapes (n,) and (n · processes,), optional
        Labels of both, −1 where unknown.
    score : Score
        The measure of two embeddings.

    Returns
    -------
    tuple of Tensor, shape (n,)
        One a term.
    """
    if everyone is z:
        return pair_sums(terms, z, labels=labels, score=score)
    return pair_sums(terms, z, everyone, labels=labels, score=score, own=rank() * len(z))


def centred(z: Tensor) -> Tensor:
    """Subtract the mean of the rows of all processes, which changes no distance but makes their rounding small."""
    return z - all_reduce_sum(z.detach().mean(dim=0)) / world_size()
