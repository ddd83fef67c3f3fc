"""The soft nearest neighbours loss: a neighbour drawn by nearness should be of one's own class."""

from __future__ import annotations

import torch
from torch import Tensor

from unlabeled.losses.blockwise.batch_sums import batch_sums, centred
from unlabeled.losses.blockwise.distances import Distance, check_distance
from unlabeled.losses.blockwise.embedding_checks import Reduction, check_embeddings, positive_scalar, unit
from unlabeled.losses.blockwise.pairwise_reduction import Term, single
from unlabeled.losses.blockwise.scores import DOT, EUCLIDEAN, SQUARED, Score
from unlabeled.losses.metric.pair_masks import check_labels, count_alike, reduce_counted
from unlabeled.processes import gather

# −D up to a constant, which the fraction cancels: the cosine distance is 1 − cos.
SCORES: dict[str, Score] = {"squared": SQUARED, "euclidean": EUCLIDEAN, "cosine": DOT, "inner_product": DOT}


def soft_nearest_neighbours(
    z: Tensor,
    labels: Tensor,
    temperature: float | Tensor = 1.0,
    *,
    distance: Distance = "squared",
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Have a neighbour, drawn the likelier the nearer it is, be of one's own class.

    With D the distance,

    .. math:: L_i = -\log \frac{\sum_{j \neq i, \, y_j = y_i} \exp(-D(z_i, z_j) / \tau)}
                               {\sum_{j \neq i} \exp(-D(z_i, z_j) / \tau)}

    One near row of the class is enough, where `sup_con` asks all of them to be near: a class may have several clusters.
    Memory grows with n, not n² (see `unlabeled.losses.blockwise.pairwise_reduction`), and everything is computed in at
    least float32.

    Parameters
    ----------
    z : Tensor, shape (n, d)
        Embeddings.
    labels : Tensor, shape (n,)
        Integers. −1 is unlabelled: such a row is nobody's right neighbour, but may be drawn.
    temperature : float or scalar Tensor, default=1.0
        τ, in the unit of the distance. The smaller, the more only the nearest neighbours count. A parameter is learnt.
    distance : {"squared", "euclidean", "cosine", "inner_product"}, default="squared"
        D, as in `unlabeled.losses.distances`.
    reduction : {"mean", "sum", "none"}, default="mean"
        "none" gives the loss of every row.

    Returns
    -------
    Tensor
        A scalar, or shape (n,) if not reduced; 0 where all rows are of one class. A row without others of its class
        has loss 0 and is left out of the mean; where all rows are such, the mean is 0. NaN gives NaN, and so do
        distances too large for the type.

    Raises
    ------
    UnlabeledError
        If the batch is empty, the labels are not one integer a row, the temperature is not above zero, or the distance
        is unknown.

    Notes
    -----
    In a process group the batch is that of all processes, as for `nt_xent`.

    References
    ----------
    .. [1] Salakhutdinov, Hinton. Learning a Nonlinear Embedding by Preserving Class Neighbourhood Structure.
       AISTATS 2007.
    .. [2] Frosst, Papernot, Hinton. Analyzing and Improving Representations with the Soft Nearest Neighbor Loss.
       ICML 2019. https://arxiv.org/abs/1902.01889

    Examples
    --------
    >>> z, labels = torch.zeros(5, 2), torch.tensor([0, 0, 0, 1, 1])
    >>> soft_nearest_neighbours(z, labels, reduction="none").exp().round(decimals=3)
    tensor([2., 2., 2., 4., 4.])
    """
    check_embeddings(z)
    check_labels(labels, len(z))
    temperature = positive_scalar(temperature, "temperature", z)
    check_distance(distance)
    z = unit(z) if distance == "cosine" else single(z)
    z = centred(z) if distance in ("squared", "euclidean") else z
    # Distances over the temperature are those of rescaled embeddings.
    z = z / (temperature if distance == "euclidean" else temperature**0.5)
    everyone = gather(z)
    terms = Term(among="same"), Term()
    right, anyone = batch_sums(terms, z, everyone, (labels, gather(labels)), score=SCORES[distance])
    positives, _ = count_alike(labels)
    counted = positives > 0
    return reduce_counted(torch.where(counted, anyone - right, 0), counted, reduction)
