"""Some rows of a batch against all of it: what labels say of their pairs, a block of rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from unlabeled.errors import UnlabeledError
from unlabeled.losses.blockwise.distances import Comparison, Distance
from unlabeled.losses.blockwise.embedding_checks import Reduction, check_embeddings, reduce
from unlabeled.losses.blockwise.pairwise_reduction import refuse_transforms, tile_entries
from unlabeled.processes import all_reduce_sum, gather, rank, world_size


def check_labels(labels: Tensor, rows: int) -> None:
    """Refuse labels that are not one integer a row.

    Raises
    ------
    UnlabeledError
        If `labels` is not an integer tensor of shape (rows,).
    """
    if labels.shape != (rows,):
        raise UnlabeledError(f"labels must be one number a row, shape ({rows},), not {tuple(labels.shape)}")
    if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
        raise UnlabeledError(f"labels must be integers, −1 for unlabelled, not {labels.dtype}")


def blocks(z: Tensor, columns: int) -> Iterator[slice]:
    """Cut embeddings into blocks of rows, such that a block's distances to so many others fill one tile.

    Examples
    --------
    >>> list(blocks(torch.zeros(5, 3), 2**17))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    height = max(1, tile_entries(z) // columns)
    return (slice(start, min(start + height, len(z))) for start in range(0, len(z), height))


def pair_masks(labels: Tensor, others: Tensor, own: int) -> tuple[Tensor, Tensor]:
    """Tell which of the others are positives of each row, and which are negatives.

    Parameters
    ----------
    labels : Tensor of int, shape (m,)
        Labels of the rows; −1 means unlabelled.
    others : Tensor of int, shape (n,)
        Labels of all.
    own : int
        Where the first of the rows stands among the others. A row is not its own positive.

    Returns
    -------
    positive, negative : Tensor of bool, shape (m, n)
        Rows without a label are in no pair.

    Examples
    --------
    >>> positive, negative = pair_masks(torch.tensor([0]), torch.tensor([0, 0, 1, -1]), own=0)
    >>> positive.tolist(), negative.tolist()
    ([[False, True, False, False]], [[False, False, True, False]])
    """
    labelled = (labels >= 0)[:, None] & (others >= 0)
    same = labels[:, None] == others
    positive, negative = same & labelled, ~same & labelled
    positive.diagonal(own).fill_(False)
    return positive, negative


def loss_by_rows(
    loss: Callable[[Tensor, Tensor, Tensor], Tensor], z: Tensor, labels: Tensor, distance: Distance
) -> Tensor:
    """Compute a loss of each row from its distances to all rows of all processes, some rows at a time.

    A block's distances are forgotten and made again in the backward pass, so memory grows with the number of rows and
    not with its square.

    Parameters
    ----------
    loss : callable
        From a block's distances and the masks of its positives and negatives, each (m, n), to its losses (m,).
    z : Tensor, shape (n, d)
        This process's embeddings.
    labels : Tensor of int, shape (n,)
        Their labels; −1 means unlabelled.
    distance : {"euclidean", "squared", "cosine", "inner_product"}
        See `unlabeled.losses.distances`.

    Returns
    -------
    Tensor, shape (n,)
        The losses of this process's rows.

    Raises
    ------
    UnlabeledError
        If the embeddings are no table, labels are not one integer a row, or the distance is unknown.
    """
    refuse_transforms()
    check_embeddings(z)
    check_labels(labels, len(z))
    everyone, known = gather(z), gather(labels)
    comparison = Comparison(z, everyone, distance)

    def of_block(b: slice) -> Tensor:
        return loss(comparison.rows(b), *pair_masks(labels[b], known, rank() * len(z) + b.start))

    parts = [checkpoint(of_block, b, use_reentrant=False, preserve_rng_state=False) for b in blocks(z, len(everyone))]
    return torch.cat(parts)


def count_alike(labels: Tensor) -> tuple[Tensor, Tensor]:
    """Count each row's positives and negatives among the rows of all processes, without comparing all pairs.

    Parameters
    ----------
    labels : Tensor of int, shape (n,)
        Labels of this process's rows; −1 means unlabelled, with neither positives nor negatives.

    Returns
    -------
    positives, negatives : Tensor of int, shape (n,)

    Examples
    --------
    >>> [counts.tolist() for counts in count_alike(torch.tensor([3, 3, 5, -1]))]
    [[1, 1, 0, 0], [1, 1, 2, 0]]
    """
    known = gather(labels)
    known = known[known >= 0].sort().values
    same = torch.searchsorted(known, labels, right=True) - torch.searchsorted(known, labels)
    labelled = labels >= 0
    return (same - 1) * labelled, (len(known) - same) * labelled


def reduce_counted(losses: Tensor, counts: Tensor, reduction: Reduction) -> Tensor:
    """Reduce rows of which some count for nothing: the mean is over what counts, in all processes together.

    Parameters
    ----------
    losses : Tensor, shape (n,)
        0 where a row does not count.
    counts : Tensor, shape (n,)
        How often each row counts, or whether.
    reduction : {"mean", "sum", "none"}
        As of every loss.

    Returns
    -------
    Tensor
        The mean over the processes of what they return for "mean" is the mean of the joined batch. It is 0 where
        nothing counts.

    Raises
    ------
    UnlabeledError
        If `reduction` is unknown.

    Examples
    --------
    >>> reduce_counted(torch.tensor([3.0, 0.0, 5.0]), torch.tensor([1, 0, 1]), "mean")
    tensor(4.)
    """
    if reduction != "mean":
        return reduce(losses, reduction)
    return losses.sum() * world_size() / all_reduce_sum(counts.sum().to(losses.dtype)).clamp_min(1)
