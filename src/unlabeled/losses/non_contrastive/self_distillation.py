"""Self-distillation: a student's probabilities follow those of a teacher, which are centred and sharpened."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from unlabeled.errors import UnlabeledError
from unlabeled.losses.blockwise.embedding_checks import Reduction, check_embeddings, check_pair, positive_scalar, reduce
from unlabeled.losses.predictions import log_softmax
from unlabeled.processes import all_reduce_sum, world_size


def dino(
    student: Tensor,
    teacher: Tensor,
    centre: Tensor,
    *,
    student_temperature: float | Tensor = 0.1,
    teacher_temperature: float | Tensor = 0.04,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Predict which of k made-up classes the teacher puts the other view in: DINO's cross-entropy.

    .. math:: L_i = -\sum_k q_{ik} \log p_{ik}, \qquad q_i = \mathrm{softmax}\Big(\frac{t_i - c}{\tau_t}\Big), \quad
              p_i = \mathrm{softmax}\Big(\frac{s_i}{\tau_s}\Big)

    Two things keep the classes from becoming one: taking the centre away keeps any class from winning everywhere, and
    a teacher sharper than the student (τ_t < τ_s) keeps all from being alike.

    Parameters
    ----------
    student : Tensor, shape (n, k)
        s, the student's logits of one view.
    teacher : Tensor, shape (n, k)
        t, the teacher's logits of another view of the same instances; detached here.
    centre : Tensor, shape (k,)
        c, about the mean of the teacher's logits; see `Centre`.
    student_temperature, teacher_temperature : float or scalar Tensor, defaults 0.1 and 0.04
        τ_s and τ_t.
    reduction : {"mean", "sum", "none"}, default="mean"
        "none" gives one loss a row.

    Returns
    -------
    Tensor
        At least the entropy of q: a scalar, or shape (n,) if not reduced. NaN gives NaN.

    Raises
    ------
    UnlabeledError
        If shapes do not fit, the batch is empty, or a temperature is not above zero.

    References
    ----------
    .. [1] Caron et al. Emerging Properties in Self-Supervised Vision Transformers. ICCV 2021.
       https://arxiv.org/abs/2104.14294

    Examples
    --------
    >>> logits = torch.zeros(1, 4)
    >>> dino(logits, logits, torch.zeros(4))  # log 4
    tensor(1.3863)
    """
    check_pair(student, teacher)
    student_temperature = positive_scalar(student_temperature, "student_temperature", student)
    teacher_temperature = positive_scalar(teacher_temperature, "teacher_temperature", teacher)
    if centre.shape != student.shape[1:]:
        raise UnlabeledError(f"the centre must have shape ({student.shape[1]},), not {tuple(centre.shape)}")
    q = log_softmax(teacher.detach() - centre.detach(), teacher_temperature).exp()
    return reduce(-(q * log_softmax(student, student_temperature)).sum(dim=1), reduction)


def dino_multi_crop(
    student: Sequence[Tensor],
    teacher: Sequence[Tensor],
    centre: Tensor,
    *,
    student_temperature: float | Tensor = 0.1,
    teacher_temperature: float | Tensor = 0.04,
) -> Tensor:
    r"""Predict the teacher's classes of every large view from every other view: `dino` over all pairs of crops.

    .. math:: L = \frac{1}{|G| (|V| - 1)} \sum_{g \in G} \sum_{v \in V,\, v \neq g} \mathrm{dino}(s_v, t_g, c)

    with G the large views, which the teacher sees, and V all views, which the student sees. From a part the student
    must tell what the teacher makes of the whole.

    Parameters
    ----------
    student : sequence of Tensor, each of shape (n, k)
        The student's logits of each view, those of the large views first and in the teacher's order.
    teacher : sequence of Tensor, each of shape (n, k)
        The teacher's logits of the large views; detached here.
    centre : Tensor, shape (k,)
        See `Centre`.
    student_temperature, teacher_temperature : float or scalar Tensor, defaults 0.1 and 0.04
        τ_s and τ_t.

    Returns
    -------
    Tensor, scalar
        The mean over the pairs of different views. NaN gives NaN.

    Raises
    ------
    UnlabeledError
        If there are fewer than two views, more of the teacher than of the student, or as for `dino`.

    References
    ----------
    .. [1] Caron et al. Unsupervised Learning of Visual Features by Contrasting Cluster Assignments. NeurIPS 2020.
       https://arxiv.org/abs/2006.09882
    .. [2] Caron et al. Emerging Properties in Self-Supervised Vision Transformers. ICCV 2021.
       https://arxiv.org/abs/2104.14294

    Examples
    --------
    >>> logits = [torch.zeros(1, 4)] * 3
    >>> dino_multi_crop(logits, logits[:2], torch.zeros(4))  # log 4
    tensor(1.3863)
    """
    if len(student) < 2 or not 1 <= len(teacher) <= len(student):
        raise UnlabeledError(
            f"the student must see at least two views, the teacher's among them, not {len(student)} and {len(teacher)}"
        )
    losses = [
        dino(s, t, centre, student_temperature=student_temperature, teacher_temperature=teacher_temperature)
        for g, t in enumerate(teacher)
        for v, s in enumerate(student)
        if v != g
    ]
    return torch.stack(losses).mean()


class Centre(nn.Module):
    """A moving average of a teacher's logits, which `dino` takes away from them.

    Parameters
    ----------
    dim : int
        k, the number of logits.
    momentum : float, default=0.9
        How much of the old average stays at each update.

    Attributes
    ----------
    value : Tensor, shape (k,)
        The average, at first zero; a buffer, so it is saved and moved with the module.

    Examples
    --------
    >>> centre = Centre(2)
    >>> centre.update(torch.tensor([[1.0, 2.0], [3.0, 2.0]]))
    >>> centre.value
    tensor([0.2000, 0.2000])
    """

    value: Tensor

    def __init__(self, dim: int, momentum: float = 0.9) -> None:
        super().__init__()
        if not 0 <= momentum <= 1:
            raise UnlabeledError(
                f"momentum must lie between 0 (the last batch only) and 1 (never moves), not {momentum}"
            )
        self.momentum = momentum
        self.register_buffer("value", torch.zeros(dim))

    @torch.no_grad()
    def update(self, logits: Tensor) -> None:
        """Move towards the mean of a batch, over all processes; each must bring as many rows.

        Parameters
        ----------
        logits : Tensor, shape (n, k)
            The teacher's logits of all views.

        Raises
        ------
        UnlabeledError
            If the shape does not fit.
        """
        check_embeddings(logits, "logits")
        if logits.shape[1] != len(self.value):
            raise UnlabeledError(f"the centre is one of {len(self.value)} logits, not of {logits.shape[1]}")
        mean = all_reduce_sum(logits.to(self.value.dtype).mean(dim=0)) / world_size()
        self.value.lerp_(mean, 1 - self.momentum)
