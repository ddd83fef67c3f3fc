"""InfoNCE: tell the one right candidate from all others; and N-pair, the form of it that came first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.losses.blockwise.embedding_checks import (
    Reduction,
    check_embeddings,
    check_pair,
    check_plain,
    positive_scalar,
    reduce,
    unit,
)
from unlabeled.losses.blockwise.pairwise_reduction import (
    Term,
    log_sum_exp,
    pair_sums,
    refuse_transforms,
    single,
    tile_entries,
)
from unlabeled.losses.blockwise.precision import full_precision
from unlabeled.processes import gather, rank, world_size

Critic = Literal["cosine", "dot"] | Tensor | Callable[[Tensor, Tensor], Tensor]


def info_nce(
    x: Tensor,
    c: Tensor,
    temperature: float | Tensor = 0.1,
    *,
    critic: Critic = "cosine",
    negatives: Tensor | None = None,
    symmetric: bool = False,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Find each row's own context among all contexts.

    With f the critic over the temperature, and cⱼ all contexts of the batch or, if given, cᵢ and the negatives,

    .. math:: L_i = -\log \frac{\exp f(x_i, c_i)}{\sum_j \exp f(x_i, c_j)}

    Identical embeddings give ln n. log n − L bounds the mutual information of x and c from below; see
    `mutual_information_bound`. Memory grows with n, not n² (see `unlabeled.losses.blockwise.pairwise_reduction`), and
    everything is computed in at least float32.

    Parameters
    ----------
    x : Tensor, shape (n, d)
        Embeddings.
    c : Tensor, shape (n, d)
        Embeddings of their contexts, row by row. With a critic that is a tensor or a callable, d may differ.
    temperature : float or scalar Tensor, default=0.1
        τ, which the critic is divided by. Use 1 for a critic with a scale of its own. A parameter is learnt.
    critic : {"cosine", "dot"}, Tensor or callable, default="cosine"
        The score of a row and a context. A tensor W of shape (dₓ, d꜀) is the bilinear critic xᵀ W c, and may be learnt.
        A callable takes some rows of x and all contexts, of shapes (m, dₓ) and (n, d꜀), and returns scores (m, n); it
        is called for a few rows at a time, and once more for them in the backward pass.
    negatives : Tensor, shape (m, d) or (n, m, d), optional
        Contexts that are wrong for all rows, or for each row, in place of the other rows' contexts. In a process group
        they are used as they are. Without any (m = 0), as from a queue that is still empty, there is nothing to tell
        apart and the loss is 0.
    symmetric : bool, default=False
        Also find each context's row among all rows, and take the mean of both losses.
    reduction : {"mean", "sum", "none"}, default="mean"
        "none" gives one loss a row.

    Returns
    -------
    Tensor
        A scalar, or shape (n,) if not reduced. One row alone gives 0. NaN gives NaN, and so do dot products too large
        for the type.

    Raises
    ------
    UnlabeledError
        If the shapes do not fit, the batch is empty, the temperature is not above zero, the critic is unknown, or
        `symmetric` is asked for together with negatives or a callable.

    Notes
    -----
    In a process group, this process's rows look for their contexts among those of all processes; every process must
    bring the same n. The mean of the losses over the processes is that of the joined batch, and once data-parallel
    training has averaged them, so are the gradients.

    References
    ----------
    .. [1] van den Oord, Li, Vinyals. Representation Learning with Contrastive Predictive Coding. 2018.
       https://arxiv.org/abs/1807.03748

    Examples
    --------
    >>> same = torch.ones(8, 4)
    >>> bool(torch.isclose(info_nce(same, same), torch.tensor(8.0).log()))
    True
    >>> W = torch.zeros(4, 3, requires_grad=True)
    >>> bool(torch.isclose(info_nce(same, torch.ones(8, 3), critic=W), torch.tensor(8.0).log()))
    True
    """
    temperature = positive_scalar(temperature, "temperature", x)
    check_embeddings(x, "the first embeddings")
    check_embeddings(c, "the contexts")
    if len(x) != len(c):
        raise UnlabeledError(f"row i of both must belong together, but there are {len(x)} rows and {len(c)} contexts")
    if callable(critic):
        if symmetric or negatives is not None:
            raise UnlabeledError("a critic that is a callable takes neither `symmetric` nor `negatives`")
        return reduce(_by_callable(critic, x, c, temperature), reduction)
    x, c, of_context = _as_dot_product(critic, x, c)
    x = x / temperature
    if negatives is None:
        return reduce(find_partner(x, c, both_ways=symmetric), reduction)
    if symmetric:
        raise UnlabeledError("negatives are contexts, and no row can be found among them; leave `symmetric` out")
    check_negatives(negatives, c)
    negatives = of_context(negatives.flatten(0, -2)).view(negatives.shape)
    shared = negatives.ndim == 2
    others = log_sum_exp(x, negatives) if shared else each_with_its_own(x, negatives).logsumexp(dim=1)
    # −log(e⁺ / (e⁺ + Σ e⁻)) = log(1 + exp(log Σ e⁻ − log e⁺))
    return reduce(functional.softplus(others - (x * c).sum(dim=1)), reduction)


def n_pair(anchors: Tensor, positives: Tensor, *, l2: float = 0.002, reduction: Reduction = "mean") -> Tensor:
    r"""Find each anchor's positive among the positives of all classes: the N-pair loss.

    .. math:: L_i = \log\Big(1 + \sum_{j \neq i} \exp(a_i \cdot p_j - a_i \cdot p_i)\Big)
              + \frac{\lambda}{4} \big(\lVert a_i \rVert^2 + \lVert p_i \rVert^2\big)

    The first part is `info_nce` with dot products and temperature 1. As these may grow without end by making the
    embeddings longer, the second part keeps them short.

    Parameters
    ----------
    anchors, positives : Tensor, shape (n, d)
        Embeddings of two instances of each of n different classes, row by row.
    l2 : float, default=0.002
        λ ≥ 0, the weight of the squared lengths.
    reduction : {"mean", "sum", "none"}, default="mean"
        "none" gives one loss a pair.

    Returns
    -------
    Tensor
        A scalar, or shape (n,) if not reduced. NaN gives NaN, and so do dot products too large for the type.

    Raises
    ------
    UnlabeledError
        If the shapes differ, the batch is empty, or λ is negative.

    Notes
    -----
    In a process group the positives are those of all processes, as for `info_nce`.

    References
    ----------
    .. [1] Sohn. Improved Deep Metric Learning with Multi-class N-pair Loss Objective. NeurIPS 2016.

    Examples
    --------
    >>> same = torch.ones(8, 4)
    >>> bool(torch.isclose(n_pair(same, same, l2=0), torch.tensor(8.0).log()))
    True
    """
    check_pair(anchors, positives)
    check_plain(l2, "l2")
    if not 0 <= l2 < float("inf"):
        raise UnlabeledError(f"the weight of the squared lengths, l2, must be a number from 0, not {l2}")
    a, p = single(anchors), single(positives)
    lengths = a.square().sum(dim=1) + p.square().sum(dim=1)
    return reduce(find_partner(a, p) + l2 / 4 * lengths, reduction)


def find_partner(x: Tensor, c: Tensor, *, both_ways: bool = False) -> Tensor:
    """Give −log of the softmax, over the c of all processes, of each x's dot product with its own c.

    With `both_ways`, the mean of that and of finding each c's own x among all x.
    """
    own = (x * c).sum(dim=1)
    if not both_ways:
        return log_sum_exp(x, gather(c)) - own
    if world_size() == 1:
        of_x, of_c = pair_sums((Term(),), x, c, columns=True)
    else:
        of_x, of_c = log_sum_exp(x, gather(c)), log_sum_exp(c, gather(x))
    return (of_x + of_c) / 2 - own


def check_negatives(negatives: Tensor, c: Tensor) -> None:
    """Refuse negatives that are neither shared by all rows nor one table a row.

    Raises
    ------
    UnlabeledError
        If the shape is neither (m, d) nor (n, m, d), with n and d those of `c`.
    """
    shared = negatives.ndim == 2 and negatives.shape[1:] == c.shape[1:]
    each = negatives.ndim == 3 and negatives.shape[::2] == c.shape
    if not (shared or each):
        n, d = c.shape
        raise UnlabeledError(
            f"negatives must have shape (m, {d}), shared by all rows, or ({n}, m, {d}), not {tuple(negatives.shape)}"
        )


def each_with_its_own(x: Tensor, negatives: Tensor) -> Tensor:
    """Multiply each row (n, d) with its own negatives (n, m, d): dot products (n, m)."""
    with full_precision(x):
        return torch.bmm(negatives, x[:, :, None]).squeeze(2)


def _as_dot_product(critic: Critic, x: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Callable[[Tensor], Tensor]]:
    """Bring rows and contexts to where the critic is their dot product; also give what does it to more contexts."""
    if isinstance(critic, Tensor):
        if critic.shape != (x.shape[1], c.shape[1]):
            wanted = (x.shape[1], c.shape[1])
            raise UnlabeledError(f"a bilinear critic for these must have shape {wanted}, not {tuple(critic.shape)}")
        with full_precision(x):
            return single(x) @ single(critic).to(single(x).dtype), single(c), single
    if critic not in ("cosine", "dot"):
        raise unknown_name("critic", str(critic), ["cosine", "dot"])
    check_pair(x, c)
    prepare = unit if critic == "cosine" else single
    return prepare(x), prepare(c), prepare


def _by_callable(
    critic: Callable[[Tensor, Tensor], Tensor], x: Tensor, c: Tensor, temperature: float | Tensor
) -> Tensor:
    """Score a few rows at a time, and again in the backward pass, so that the scores are never held whole."""
    refuse_transforms()
    everyone = gather(c)
    first = rank() * len(c)

    def losses(rows: Tensor, own: Tensor) -> Tensor:
        scores = critic(rows, everyone)
        if scores.shape != (len(rows), len(everyone)):
            wanted = (len(rows), len(everyone))
            raise UnlabeledError(f"the critic must give scores of shape {wanted} for these, not {tuple(scores.shape)}")
        scores = single(scores) / temperature
        return scores.logsumexp(dim=1) - scores.gather(1, own[:, None]).squeeze(1)

    size = max(1, tile_entries(x) // len(everyone))
    own = torch.arange(first, first + len(x), device=x.device)
    blocks = zip(x.split(size), own.split(size), strict=True)
    return torch.cat([checkpoint(losses, rows, where, use_reentrant=False) for rows, where in blocks])
