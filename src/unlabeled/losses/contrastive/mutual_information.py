"""A lower bound of mutual information, from how well contexts are told apart."""

from __future__ import annotations

import math

from torch import Tensor

from unlabeled.losses.contrastive.info_nce import Critic, info_nce
from unlabeled.processes import world_size


def mutual_information_bound(critic: Critic, x: Tensor, c: Tensor, temperature: float | Tensor = 1.0) -> Tensor:
    r"""Bound the mutual information of x and c from below, by InfoNCE over N pairs.

    .. math:: I(x; c) \geq \log N - L

    The bound holds in the mean over batches, for any critic, and is tightest for one that is log p(c | x) / p(c) up to
    what depends on x alone. It cannot exceed log N, so information beyond that needs larger batches, which cost no more
    memory than linear here.

    Parameters
    ----------
    critic : {"cosine", "dot"}, Tensor or callable
        The score of x and c, as for `info_nce`.
    x, c : Tensor, shape (n, d)
        Pairs drawn from their joint distribution, row by row. They must be independent of each other and, for an honest
        figure, of the data the critic was trained on.
    temperature : float or scalar Tensor, default=1.0
        What the critic is divided by. A parameter is learnt.

    Returns
    -------
    Tensor, scalar
        In nats, at most log N; below 0 for a critic worse than chance. Its gradient is that of −L, so it can be
        maximised. NaN gives NaN.

    Raises
    ------
    UnlabeledError
        As for `info_nce`.

    Notes
    -----
    In a process group, N is the number of pairs of all processes, and the mean over the processes is the bound.

    References
    ----------
    .. [1] van den Oord, Li, Vinyals. Representation Learning with Contrastive Predictive Coding. 2018.
       https://arxiv.org/abs/1807.03748
    .. [2] Poole, Ozair, van den Oord, Alemi, Tucker. On Variational Bounds of Mutual Information. ICML 2019.
       https://arxiv.org/abs/1905.06922

    Examples
    --------
    >>> import torch
    >>> x = 100 * torch.eye(8)  # each x tells its c for certain, and log 8 is all that 8 pairs can show
    >>> bool(torch.isclose(mutual_information_bound("dot", x, x), torch.tensor(8.0).log()))
    True
    """
    most = math.log(len(x) * world_size())
    return (most - info_nce(x, c, temperature, critic=critic)).clamp_max(most)
