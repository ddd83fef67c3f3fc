"""Losses with one learnt vector a class: embeddings are compared with these and not with each other."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from unlabeled.errors import UnlabeledError
from unlabeled.losses.distances import check_margin, distance_matrix
from unlabeled.losses.embeddings import Reduction, check_embeddings, check_positive, check_temperature, reduce
from unlabeled.losses.rows import check_labels


def arc_face(
    z: Tensor,
    labels: Tensor,
    weight: Tensor,
    *,
    margin: float = 0.5,
    scale: float = 64.0,
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
    scale : float, default=64.0
        s, an inverse temperature.
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
    check_positive(scale, "scale")
    cosines = _cosines(z, labels, weight)
    own = cosines.gather(1, labels[:, None].long())
    # Below the smallest number there is, clamp stops the gradient, which the square root would make infinite.
    sine = (1 - own.square()).clamp(min=torch.finfo(own.dtype).tiny).sqrt()
    moved = own * math.cos(margin) - sine * math.sin(margin)
    moved = torch.where(own >= -math.cos(margin), moved, own - margin * math.sin(margin))
    return _cross_entropy(scale * cosines.scatter(1, labels[:, None].long(), moved), labels, reduction)


def proxy_nca(
    z: Tensor, labels: Tensor, proxies: Tensor, *, temperature: float = 1.0, reduction: Reduction = "mean"
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
    temperature : float, default=1.0
        τ.
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
    check_temperature(temperature)
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
