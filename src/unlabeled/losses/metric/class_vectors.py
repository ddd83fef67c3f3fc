"""Losses with one learnt vector a class: embeddings are compared with these and not with each other."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from unlabeled.errors import UnlabeledError
from unlabeled.losses.blockwise.distances import check_margin, distance_matrix
from unlabeled.losses.blockwise.embedding_checks import Reduction, check_embeddings, positive_scalar, reduce
from unlabeled.losses.metric.pair_masks import check_labels
from unlabeled.processes import gather


def arc_face(
    z: Tensor,
    labels: Tensor,
    weight: Tensor,
    *,
    margin: float = 0.5,
    scale: float | Tensor = 64.0,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Classify by the angle to each class's vector, where the right class must win by an angle to spare.

    .. math:: L_i = -\log \frac{e^{s \cos(\theta_{y_i} + m)}}{e^{s \cos(\theta_{y_i} + m)} +
              \sum_{c \neq y_i} e^{s \cos \theta_c}}

    with θ the angles of embedding i to the classes' vectors. Beyond θ = π − m, where cos(θ + m) would rise again,
    cos θ − m sin m takes its place.

    Parameters
    ----------
    z : Tensor, shape (n, d)
        Embeddings, of any length: they are normalised here.
    labels : Tensor of int, shape (n,)
        The class of each, from 0 to c − 1.
    weight : Tensor, shape (c, d)
        One vector a class, of any length; usually a parameter that is learnt along.
    margin : float, default=0.5
        m, in radians, at most π. 0 gives softmax over scaled cosines.
    scale : float or scalar Tensor, default=64.0
        s, an inverse temperature. A parameter is learnt.
    reduction : {"mean", "sum", "none"}, default="mean"
        "none" gives one loss a row.

    Returns
    -------
    Tensor
        A scalar, or shape (n,) if not reduced. NaN gives NaN.

    Raises
    ------
    UnlabeledError
        If shapes do not fit, the batch is empty, the margin is not an angle, or the scale is not above zero. On a
        processor also if a label is no class; a GPU is not made to wait for that check.

    References
    ----------
    .. [1] Deng, Guo, Xue, Zafeiriou. ArcFace: Additive Angular Margin Loss for Deep Face Recognition. CVPR 2019.
       https://arxiv.org/abs/1801.07698

    Examples
    --------
    >>> z, weight = torch.tensor([[1.0, 0.0]]), torch.eye(2)
    >>> arc_face(z, torch.tensor([0]), weight, margin=0.0, scale=1.0)  # log(e + 1) − 1
    tensor(0.3133)
    """
    check_margin(margin)
    if margin > math.pi:
        raise UnlabeledError(f"margin is an angle in radians, at most π, not {margin}; 28.6° are 0.5")
    scale = positive_scalar(scale, "scale", z)
    cosines = _cosines(z, labels, weight)
    own = cosines.gather(1, labels[:, None].long())
    # Below the smallest number there is, clamp stops the gradient, which the square root would make infinite.
    sine = (1 - own.square()).clamp(min=torch.finfo(own.dtype).tiny).sqrt()
    moved = own * math.cos(margin) - sine * math.sin(margin)
    moved = torch.where(own >= -math.cos(margin), moved, own - margin * math.sin(margin))
    return _cross_entropy(scale * cosines.scatter(1, labels[:, None].long(), moved), labels, reduction)


def cosface(
    z: Tensor,
    labels: Tensor,
    weight: Tensor,
    *,
    margin: float = 0.35,
    scale: float | Tensor = 64.0,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Classify by the cosine to each class's vector, where the right class must win by a margin of cosines.

    .. math:: L_i = -\log \frac{e^{s (\cos\theta_{y_i} - m)}}{e^{s (\cos\theta_{y_i} - m)} +
              \sum_{c \neq y_i} e^{s \cos \theta_c}}

    Parameters
    ----------
    z : Tensor, shape (n, d)
        Embeddings, of any length: they are normalised here.
    labels : Tensor of int, shape (n,)
        The class of each, from 0 to c − 1.
    weight : Tensor, shape (c, d)
        One vector a class, of any length; usually a parameter that is learnt along.
    margin : float, default=0.35
        m, a difference of cosines. 0 gives softmax over scaled cosines.
    scale : float or scalar Tensor, default=64.0
        s, an inverse temperature. A parameter is learnt.
    reduction : {"mean", "sum", "none"}, default="mean"
        "none" gives one loss a row.

    Returns
    -------
    Tensor
        A scalar, or shape (n,) if not reduced. NaN gives NaN.

    Raises
    ------
    UnlabeledError
        As for `arc_face`.

    References
    ----------
    .. [1] Wang et al. CosFace: Large Margin Cosine Loss for Deep Face Recognition. CVPR 2018.
       https://arxiv.org/abs/1801.09414

    Examples
    --------
    >>> z, weight = torch.tensor([[1.0, 0.0]]), torch.eye(2)
    >>> cosface(z, torch.tensor([0]), weight, margin=1.0, scale=1.0)  # log(e⁰ + e⁰)
    tensor(0.6931)
    """
    check_margin(margin)
    scale = positive_scalar(scale, "scale", z)
    cosines = _cosines(z, labels, weight)
    own = labels[:, None].long()
    return _cross_entropy(scale * cosines.scatter(1, own, cosines.gather(1, own) - margin), labels, reduction)


def proxy_anchor(
    z: Tensor, labels: Tensor, proxies: Tensor, *, margin: float = 0.1, scale: float | Tensor = 32.0
) -> Tensor:
    r"""Let each class's proxy attract the embeddings of its class and repel all others, the hardest of them most.

    With s the cosines, P⁺ the proxies of classes in the batch, and Xₚ⁺ and Xₚ⁻ the embeddings of p's class and others,

    .. math:: L = \frac{1}{|P^+|} \sum_{p \in P^+} \log\Big(1 + \sum_{x \in X_p^+} e^{-\alpha (s(x, p) - \delta)}\Big)
              + \frac{1}{|P|} \sum_{p \in P} \log\Big(1 + \sum_{x \in X_p^-} e^{\alpha (s(x, p) + \delta)}\Big)

    Parameters
    ----------
    z : Tensor, shape (n, d)
        Embeddings, of any length: they are normalised here.
    labels : Tensor of int, shape (n,)
        The class of each, from 0 to c − 1.
    proxies : Tensor, shape (c, d)
        One vector a class, of any length; usually a parameter that is learnt along.
    margin : float, default=0.1
        δ, a difference of cosines.
    scale : float or scalar Tensor, default=32.0
        α, an inverse temperature. A parameter is learnt.

    Returns
    -------
    Tensor, scalar
        Above 0. NaN gives NaN.

    Raises
    ------
    UnlabeledError
        As for `arc_face`.

    Notes
    -----
    In a process group the batch is that of all processes: each returns the loss of one that holds it.

    References
    ----------
    .. [1] Kim, Kim, Cho, Kwak. Proxy Anchor Loss for Deep Metric Learning. CVPR 2020.
       https://arxiv.org/abs/2003.13911

    Examples
    --------
    >>> z, proxies = torch.tensor([[1.0, 0.0]]), torch.eye(2)
    >>> proxy_anchor(z, torch.tensor([0]), proxies, margin=0.0, scale=1.0)  # log(1 + e⁻¹) + log(1 + e⁰) / 2
    tensor(0.6598)
    """
    check_margin(margin)
    scale = positive_scalar(scale, "scale", z)
    cosines, known = gather(_cosines(z, labels, proxies)), gather(labels)
    own = known[:, None] == torch.arange(len(proxies), device=known.device)
    # The least finite number in place of −inf: where none is taken, the gradient is then 0 and not NaN.
    nothing = torch.finfo(cosines.dtype).min
    attracted = (-scale * (cosines - margin)).masked_fill(~own, nothing).logsumexp(dim=0)
    repelled = (scale * (cosines + margin)).masked_fill(own, nothing).logsumexp(dim=0)
    present = own.any(dim=0)
    positive = torch.where(present, functional.softplus(attracted), 0).sum() / present.sum()
    return positive + torch.where(own.all(dim=0), 0, functional.softplus(repelled)).mean()


def proxy_nca(
    z: Tensor, labels: Tensor, proxies: Tensor, *, temperature: float | Tensor = 1.0, reduction: Reduction = "mean"
) -> Tensor:
    r"""Bring each embedding nearer to its class's proxy than to the proxies of other classes.

    .. math:: L_i = -\log \frac{e^{-\lVert \bar z_i - \bar p_{y_i} \rVert^2 / \tau}}
              {\sum_c e^{-\lVert \bar z_i - \bar p_c \rVert^2 / \tau}}

    Parameters
    ----------
    z : Tensor, shape (n, d)
        Embeddings, of any length: they are normalised here.
    labels : Tensor of int, shape (n,)
        The class of each, from 0 to c − 1.
    proxies : Tensor, shape (c, d)
        One vector a class, of any length; usually a parameter that is learnt along.
    temperature : float or scalar Tensor, default=1.0
        τ. A parameter is learnt.
    reduction : {"mean", "sum", "none"}, default="mean"
        "none" gives one loss a row.

    Returns
    -------
    Tensor
        A scalar, or shape (n,) if not reduced; 0 with a single class. NaN gives NaN.

    Raises
    ------
    UnlabeledError
        As for `arc_face`.

    Notes
    -----
    The own proxy stands in the denominator, as in NCA [3]_ and ProxyNCA++ [2]_, so the loss is −log of a probability.
    Movshovitz-Attias et al. [1]_ leave it out; theirs can fall below zero.

    References
    ----------
    .. [1] Movshovitz-Attias et al. No Fuss Distance Metric Learning Using Proxies. ICCV 2017.
       https://arxiv.org/abs/1703.07464
    .. [2] Teh, DeVries, Taylor. ProxyNCA++: Revisiting and Revitalizing Proxy Neighborhood Component Analysis.
       ECCV 2020. https://arxiv.org/abs/2004.01113
    .. [3] Goldberger, Roweis, Hinton, Salakhutdinov. Neighbourhood Components Analysis. NeurIPS 2004.

    Examples
    --------
    >>> z, proxies = torch.tensor([[1.0, 0.0]]), torch.eye(2)
    >>> proxy_nca(z, torch.tensor([0]), proxies)  # log(1 + e⁻²)
    tensor(0.1269)
    """
    temperature = positive_scalar(temperature, "temperature", z)
    # At unit length ‖z − p‖² = 2 − 2 cos, and softmax does not see the constant.
    return _cross_entropy(2 / temperature * _cosines(z, labels, proxies), labels, reduction)


def _cosines(z: Tensor, labels: Tensor, vectors: Tensor) -> Tensor:
    check_embeddings(z)
    check_labels(labels, len(z))
    check_embeddings(vectors, "the vectors of the classes")
    if labels.device.type == "cpu" and not (labels.min() >= 0 and labels.max() < len(vectors)):
        raise UnlabeledError(
            f"there are vectors for {len(vectors)} classes, so labels must lie between 0 and {len(vectors) - 1}, "
            f"but they go from {labels.min().item()} to {labels.max().item()}"
        )
    return 1 - distance_matrix(z, vectors, "cosine")


def _cross_entropy(logits: Tensor, labels: Tensor, reduction: Reduction) -> Tensor:
    return reduce(functional.cross_entropy(logits, labels.long(), reduction="none"), reduction)
