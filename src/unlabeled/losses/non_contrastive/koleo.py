"""The KoLeo regulariser: no embedding may lie close to another, so that they spread out evenly."""

from __future__ import annotations

import torch
from torch import Tensor

from unlabeled.errors import UnlabeledError
from unlabeled.losses.blockwise.distances import Comparison, distances
from unlabeled.losses.blockwise.embedding_checks import Reduction, check_embeddings, reduce, unit
from unlabeled.losses.metric.pair_masks import blocks
from unlabeled.processes import gather, rank

LEAST = 1e-8  # added to a distance, so that its logarithm is finite


def koleo(z: Tensor, *, reduction: Reduction = "mean") -> Tensor:
    r"""Push each embedding away from its nearest neighbour in the batch.

    .. math:: L_i = -\log\big(\min_{j \neq i} \lVert \bar z_i - \bar z_j \rVert + 10^{-8}\big)

    It is the Kozachenko–Leonenko estimate of minus the embeddings' entropy, up to constants.

    Parameters
    ----------
    z : Tensor, shape (n, d)
        Embeddings, of any length: they are normalised here.
    reduction : {"mean", "sum", "none"}, default="mean"
        "none" gives one loss a row.

    Returns
    -------
    Tensor
        At least −log 2: a scalar, or shape (n,) if not reduced. Copies, at distance 0, have no direction to be pushed
        in, and no gradient. NaN gives NaN.

    Raises
    ------
    UnlabeledError
        If the embeddings are no table, or there is one row in all.

    Notes
    -----
    Neighbours are found in bounded memory and without a gradient; the gradient is that of the distances to them. In a
    process group they are looked for among the rows of all processes.

    References
    ----------
    .. [1] Sablayrolles, Douze, Schmid, Jégou. Spreading vectors for similarity search. ICLR 2019.
       https://arxiv.org/abs/1806.03198
    .. [2] Oquab et al. DINOv2: Learning Robust Visual Features without Supervision. TMLR 2024.
       https://arxiv.org/abs/2304.07193

    Examples
    --------
    >>> koleo(torch.tensor([[1.0, 0.0], [-3.0, 0.0]]))  # −log 2
    tensor(-0.6931)
    """
    check_embeddings(z)
    z = unit(z)
    everyone = gather(z)
    if len(everyone) < 2:
        raise UnlabeledError("an embedding is pushed from its nearest neighbour, but the batch has one row")
    nearest = []
    with torch.no_grad():
        comparison = Comparison(z, everyone, "cosine")
        for block in blocks(z, len(everyone)):
            order = comparison.order(block)
            order.diagonal(rank() * len(z) + block.start).fill_(torch.inf)
            nearest.append(order.argmin(dim=1))
    return reduce(-(distances(z, everyone[torch.cat(nearest)]) + LEAST).log(), reduction)
