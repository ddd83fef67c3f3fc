"""Losses on predicted classes: make them sure, make them agree, or make a student's follow a teacher's."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.losses.blockwise.embedding_checks import (
    Reduction,
    check_embeddings,
    check_plain,
    positive_scalar,
    reduce,
)
from unlabeled.losses.metric.pair_masks import check_labels

Agreement = Literal["mse", "ce", "kl"]


def sharpen(p: Tensor, temperature: float | Tensor = 0.5) -> Tensor:
    r"""Move probabilities towards their largest.

    .. math:: \frac{p_c^{1/T}}{\sum_k p_k^{1/T}}

    Parameters
    ----------
    p : Tensor, shape (n, c)
        Probabilities of c classes, not logits.
    temperature : float or scalar Tensor, default=0.5
        T. Below 1 sharpens, 1 changes nothing, above 1 flattens. Towards 0 all falls to the largest, in equal shares
        where several are.

    Returns
    -------
    Tensor, shape (n, c)
        Probabilities. A row of zeros stays one. NaN gives NaN.

    Raises
    ------
    UnlabeledError
        If `p` is no table of floating-point numbers or the temperature is not above zero.

    References
    ----------
    .. [1] Berthelot et al. MixMatch: A Holistic Approach to Semi-Supervised Learning. NeurIPS 2019.
       https://arxiv.org/abs/1905.02249

    Examples
    --------
    >>> sharpen(torch.tensor([[0.75, 0.25]]))
    tensor([[0.9000, 0.1000]])
    """
    check_embeddings(p, "probabilities")
    temperature = positive_scalar(temperature, "temperature", p)
    largest = p.amax(dim=1, keepdim=True)
    # The largest becomes 1 before the power is taken, which then cannot make all of them vanish.
    raised = (p / largest.masked_fill(largest == 0, 1)).pow(1 / temperature)
    whole = raised.sum(dim=1, keepdim=True)
    return raised / whole.masked_fill(whole == 0, 1)


def entropy(logits: Tensor, *, reduction: Reduction = "mean") -> Tensor:
    r"""How unsure the predictions are; as a loss, it makes them sure.

    .. math:: L_i = -\sum_c p_{ic} \log p_{ic}, \qquad p_i = \mathrm{softmax}(\text{logits}_i)

    Parameters
    ----------
    logits : Tensor, shape (n, c)
        Unnormalised log-probabilities of c classes. The loss takes these, and not probabilities, because its gradient
        is finite in them, also where a probability is zero to rounding. Of probabilities p give ``p.log()``.
    reduction : {"mean", "sum", "none"}, default="mean"
        "none" gives one entropy a row.

    Returns
    -------
    Tensor
        In nats, between 0 and log c: a scalar, or shape (n,) if not reduced. NaN gives NaN.

    Raises
    ------
    UnlabeledError
        If `logits` is no table of floating-point numbers.

    References
    ----------
    .. [1] Grandvalet, Bengio. Semi-supervised Learning by Entropy Minimization. NeurIPS 2004.

    Examples
    --------
    >>> entropy(torch.tensor([[0.0, 0.0]]))  # log 2
    tensor(0.6931)
    """
    check_embeddings(logits, "logits")
    log_p = log_softmax(logits)
    return reduce(-(log_p.exp() * log_p).sum(dim=1), reduction)


def consistency(logits: Tensor, target: Tensor, kind: Agreement = "mse", *, reduction: Reduction = "mean") -> Tensor:
    r"""How far the predictions on one view are from a target made from another view, or by a teacher.

    ======  ========================================
    `kind`  with p = softmax(logits) and the target q
    ======  ========================================
    mse     mean over the classes of (p − q)²
    ce      −Σ q log p
    kl      Σ q (log q − log p), which is ce minus the entropy of q
    ======  ========================================

    Parameters
    ----------
    logits : Tensor, shape (n, c)
        Unnormalised log-probabilities of c classes.
    target : Tensor, shape (n, c)
        q: probabilities, such as `sharpen` gives, or one-hot rows. Detached here: no gradient reaches what made it.
    kind : {"mse", "ce", "kl"}, default="mse"
        Squared error, cross-entropy, or Kullback-Leibler divergence.
    reduction : {"mean", "sum", "none"}, default="mean"
        "none" gives one loss a row, to mask or weigh unsure targets before the mean.

    Returns
    -------
    Tensor
        A scalar, or shape (n,) if not reduced; at least 0. NaN gives NaN.

    Raises
    ------
    UnlabeledError
        If shapes differ, the batch is empty, or the kind is unknown.

    References
    ----------
    .. [1] Laine, Aila. Temporal Ensembling for Semi-Supervised Learning. ICLR 2017.
       https://arxiv.org/abs/1610.02242
    .. [2] Tarvainen, Valpola. Mean Teachers Are Better Role Models. NeurIPS 2017. https://arxiv.org/abs/1703.01780
    .. [3] Xie et al. Unsupervised Data Augmentation for Consistency Training. NeurIPS 2020.
       https://arxiv.org/abs/1904.12848

    Examples
    --------
    >>> logits, target = torch.zeros(1, 2), torch.tensor([[1.0, 0.0]])
    >>> [round(consistency(logits, target, kind).item(), 4) for kind in ("mse", "ce", "kl")]
    [0.25, 0.6931, 0.6931]
    """
    _check_predictions(logits, target, "target")
    target = target.detach()
    log_p = log_softmax(logits)
    match kind:
        case "mse":
            losses = (log_p.exp() - target).square().mean(dim=1)
        case "ce":
            losses = -(target * log_p).sum(dim=1)
        case "kl":
            losses = (torch.xlogy(target, target) - target * log_p).sum(dim=1)
        case _:
            raise unknown_name("kind of agreement", kind, ("mse", "ce", "kl"))
    return reduce(losses, reduction)


def distillation(
    student: Tensor,
    teacher: Tensor,
    labels: Tensor | None = None,
    *,
    temperature: float | Tensor = 2.0,
    alpha: float = 0.5,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Teach a student what a teacher makes of each class, and the true class where it is known.

    .. math:: L_i = \alpha \, T^2 \, \mathrm{KL}\big(\mathrm{softmax}(t_i / T) \,\Vert\, \mathrm{softmax}(s_i / T)\big)
              + (1 - \alpha)\, (-\log \mathrm{softmax}(s_i)_{y_i})

    T² keeps the gradient's size from shrinking as T grows.

    Parameters
    ----------
    student : Tensor, shape (n, c)
        s, the student's logits.
    teacher : Tensor, shape (n, c)
        t, the teacher's logits; detached here.
    labels : Tensor of int, shape (n,), optional
        y, the true classes; −1 means unlabelled, and drops the second term for that row. By default no row has one,
        and the loss is the first term without its α.
    temperature : float or scalar Tensor, default=2.0
        T. The higher, the more the teacher's small probabilities count.
    alpha : float, default=0.5
        α, between 0 (labels only) and 1 (teacher only).
    reduction : {"mean", "sum", "none"}, default="mean"
        "none" gives one loss a row.

    Returns
    -------
    Tensor
        A scalar, or shape (n,) if not reduced; at least 0. NaN gives NaN.

    Raises
    ------
    UnlabeledError
        If shapes differ, the batch is empty, α is not in [0, 1], or the temperature is not above zero. On a processor
        also if a label is no class.

    References
    ----------
    .. [1] Hinton, Vinyals, Dean. Distilling the Knowledge in a Neural Network. 2015.
       https://arxiv.org/abs/1503.02531

    Examples
    --------
    >>> student, teacher = torch.tensor([[0.0, 0.0]]), torch.tensor([[2.0, -2.0]])
    >>> round(distillation(student, teacher).item(), 4)
    1.3113
    """
    _check_predictions(student, teacher, "teacher")
    temperature = positive_scalar(temperature, "temperature", student)
    check_plain(alpha, "alpha")
    if not 0 <= alpha <= 1:
        raise UnlabeledError(f"alpha must lie between 0 (labels only) and 1 (teacher only), not {alpha}")
    log_s, log_t = log_softmax(student, temperature), log_softmax(teacher.detach(), temperature)
    soft = temperature**2 * (log_t.exp() * (log_t - log_s)).sum(dim=1)
    if labels is None:
        return reduce(soft, reduction)
    check_labels(labels, len(student))
    if labels.device.type == "cpu" and not labels.max() < student.shape[1]:
        raise UnlabeledError(f"there are {student.shape[1]} classes, but a label is {labels.max().item()}")
    known = labels >= 0
    hard = -log_softmax(student).gather(1, labels.clamp(min=0).long()[:, None])[:, 0]
    return reduce(alpha * soft + (1 - alpha) * torch.where(known, hard, 0), reduction)


def log_softmax(logits: Tensor, temperature: float | Tensor = 1.0) -> Tensor:
    """Log-probabilities of logits over a temperature, in at least float32, and finite whatever the logits.

    Examples
    --------
    >>> log_softmax(torch.tensor([[0.0, 0.0]]), 0.1)
    tensor([[-0.6931, -0.6931]])
    """
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    # The largest is made 0 first: none overflows, and what falls below the least finite number stays at it, so that
    # a probability of 0 times its logarithm is 0.
    below = (logits - logits.detach().amax(dim=1, keepdim=True)) / temperature
    return functional.log_softmax(below.clamp(min=torch.finfo(below.dtype).min / 2), dim=1)


def _check_predictions(logits: Tensor, other: Tensor, name: str) -> None:
    check_embeddings(logits, "logits")
    check_embeddings(other, name)
    if logits.shape != other.shape:
        raise UnlabeledError(
            f"logits and {name} must have one shape (n, classes), not {tuple(logits.shape)} and {tuple(other.shape)}"
        )
