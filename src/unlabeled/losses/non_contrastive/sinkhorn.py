"""Sinkhorn's assignment: share a batch out among prototypes evenly, each row to those it is nearest to."""

from __future__ import annotations

import torch
from torch import Tensor

from unlabeled.losses.blockwise.embedding_checks import check_embeddings, check_positive
from unlabeled.processes import gather
from unlabeled.setting_checks import check_whole_number


@torch.no_grad()
def sinkhorn(scores: Tensor, *, epsilon: float = 0.05, iterations: int = 3) -> Tensor:
    r"""Assign the rows of a batch to prototypes such that every prototype gets the same share.

    .. math:: \max_Q \; \mathrm{Tr}(Q^\top S) + \varepsilon H(Q), \qquad
              Q \mathbf{1}_k = \tfrac1n \mathbf{1}_n, \quad Q^\top \mathbf{1}_n = \tfrac1k \mathbf{1}_k

    Starting from exp(S / ε), the columns and then the rows are divided by their sums, again and again. It is computed
    with logarithms, which neither overflow nor vanish.

    Parameters
    ----------
    scores : Tensor, shape (n, k)
        S, how well each row fits each of k prototypes, such as cosines.
    epsilon : float, default=0.05
        ε. The smaller, the surer the assignment.
    iterations : int, default=3
        How often columns and rows are balanced. The rows come last, so they are exact; the columns are as near as
        the iterations bring them.

    Returns
    -------
    Tensor, shape (n, k)
        n Q: each row's shares, which add up to 1; in at least float32 and without a gradient. NaN gives NaN.

    Raises
    ------
    UnlabeledError
        If the scores are no table, ε is not above zero, or there is no iteration.

    Notes
    -----
    In a process group the batch is that of all processes, and each gets the shares of its own rows; every process must
    bring the same n.

    References
    ----------
    .. [1] Cuturi. Sinkhorn Distances: Lightspeed Computation of Optimal Transport. NeurIPS 2013.
    .. [2] Caron et al. Unsupervised Learning of Visual Features by Contrasting Cluster Assignments. NeurIPS 2020.
       https://arxiv.org/abs/2006.09882

    Examples
    --------
    >>> sinkhorn(torch.zeros(4, 2))[0]
    tensor([0.5000, 0.5000])
    """
    check_embeddings(scores, "scores")
    check_positive(epsilon, "epsilon")
    check_whole_number("iterations", iterations)
    log_q = scores.to(torch.promote_types(scores.dtype, torch.float32)) / epsilon
    for _ in range(iterations):
        # The log-sum of a column over all processes is that of their log-sums.
        log_q = log_q - gather(log_q.logsumexp(dim=0, keepdim=True)).logsumexp(dim=0)
        log_q = log_q - log_q.logsumexp(dim=1, keepdim=True)
    return log_q.exp()
