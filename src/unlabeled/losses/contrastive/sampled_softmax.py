"""A softmax over very many classes, estimated from some of them."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from unlabeled.errors import UnlabeledError
from unlabeled.losses.blockwise.embedding_checks import Reduction, check_embeddings, positive_scalar, reduce
from unlabeled.losses.blockwise.pairwise_reduction import single
from unlabeled.losses.blockwise.precision import full_precision


def sampled_softmax(
    z: Tensor,
    classes: Tensor,
    labels: Tensor,
    *,
    negatives: int = 1024,
    temperature: float | Tensor = 0.1,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Say which of N classes each row is of, comparing it with k classes drawn at random instead of all.

    .. math:: L_i = -\log \frac{\exp(s_{i, y_i})}{\exp(s_{i, y_i}) + \frac{N - 1}{k_i} \sum_{j} \exp(s_{i, c_j})},
              \qquad s_{ic} = \frac{z_i \cdot v_c}{\tau \lVert v_c \rVert}

    The sum over k drawn classes, weighted by (N − 1)/k, is an unbiased estimate of the sum over all others. The classes
    are drawn for the whole batch, with replacement and every one alike; those that hit a row's own class do not count
    for that row. Memory is that of n × k numbers, and of the gradient, which has the shape of `classes`. With k of
    N − 1 or more every class is taken once, and the loss is the exact cross-entropy.

    Parameters
    ----------
    z : Tensor, shape (n, d)
        Embeddings, used as they are.
    classes : Tensor, shape (N, d)
        A vector of each class, brought to unit length here.
    labels : Tensor of int64, shape (n,)
        y, the class of each row, from 0 to N − 1.
    negatives : int, default=1024
        k.
    temperature : float or scalar Tensor, default=0.1
        τ.
    reduction : {"mean", "sum", "none"}, default="mean"
        "none" gives one loss a row.

    Returns
    -------
    Tensor
        A scalar, or shape (n,) if not reduced; float32, or float64 if `z` is.

    Raises
    ------
    UnlabeledError
        If there are fewer than two classes, `negatives` is below 1 or the temperature not above zero.

    References
    ----------
    .. [1] Jean, Cho, Memisevic, Bengio. On Using Very Large Target Vocabulary for Neural Machine Translation.
       ACL 2015. https://arxiv.org/abs/1412.2007

    Examples
    --------
    >>> z, classes = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> round(sampled_softmax(z, classes, torch.tensor([0]), temperature=1.0).item(), 4)  # log(1 + 1/e)
    0.3133
    """
    check_embeddings(z, "embeddings")
    check_embeddings(classes, "classes")
    temperature = positive_scalar(temperature, "temperature", z)
    count = len(classes)
    if count < 2 or negatives < 1:
        raise UnlabeledError(f"there must be at least 2 classes and 1 negative, not {count} and {negatives}")
    if negatives >= count - 1:
        drawn = torch.arange(count, device=z.device)
    else:
        drawn = torch.randint(count, (negatives,), device=z.device)
    z = single(z)
    own = functional.normalize(single(classes[labels]), dim=1)
    others = functional.normalize(single(classes[drawn]), dim=1)
    true = (z * own).sum(1) / temperature
    with full_precision(z):
        scores = z @ others.T / temperature
    scores = scores.masked_fill(labels[:, None] == drawn, -math.inf)
    counted = (labels[:, None] != drawn).sum(1)
    # Where no drawn class is another one, nothing is known of the sum, and the row's loss is 0.
    rest = torch.logsumexp(scores, 1) + math.log(count - 1) - counted.clamp(min=1).to(z.dtype).log()
    return reduce(functional.softplus(torch.where(counted > 0, rest - true, -math.inf)), reduction)
