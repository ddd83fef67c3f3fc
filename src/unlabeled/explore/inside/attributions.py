"""Attributions: which pixels a number depends on, such as the similarity of an image to its neighbour."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unlabeled.explore.inside.layer_outputs import captured

Score = Callable[[Tensor], Tensor]
"""From images, shape (n, c, h, w), to one number each, shape (n,)."""


def similarity_to(encoder: nn.Module, vector: Tensor) -> Score:
    """Make the score that is the cosine between the vector of an image and another one, shape (dim,)."""

    def score(images: Tensor) -> Tensor:
        return F.cosine_similarity(encoder(images), vector[None])

    return score


def class_score(encoder: nn.Module, weights: Tensor, bias: Tensor, index: int) -> Score:
    r"""Make the score that is the logit of a class less the mean logit, :math:`s_c - \frac{1}{C} \sum_k s_k`.

    Softmax does not change with what is added to all logits, and so this does not either.

    Parameters
    ----------
    encoder : Module
        From images to vectors, shape (n, dim).
    weights, bias : Tensor, shape (classes, dim) and (classes,)
        Of the linear head.
    index : int
        The class, c.
    """
    direction, start = weights[index] - weights.mean(0), bias[index] - bias.mean()

    def score(images: Tensor) -> Tensor:
        scores: Tensor = encoder(images) @ direction + start
        return scores

    return score


def saliency(score: Score, images: Tensor) -> Tensor:
    r"""Give the size of the gradient, :math:`|\partial s / \partial x|`, shape (n, c, h, w).

    Parameters
    ----------
    score : callable
        From images to one number each, no image depending on another.
    images : Tensor, shape (n, c, h, w)

    References
    ----------
    .. [1] Simonyan et al., Deep Inside Convolutional Networks, ICLR workshop 2014.

    Examples
    --------
    >>> weights = torch.tensor([[[[1.0, -2.0]]]])
    >>> saliency(lambda images: (images * weights).sum((1, 2, 3)), torch.zeros(1, 1, 1, 2)).tolist()
    [[[[1.0, 2.0]]]]
    """
    return _gradient(score, images).abs()


def integrated_gradients(score: Score, images: Tensor, baseline: Tensor | None = None, steps: int = 64) -> Tensor:
    r"""Share the difference between the score of an image and that of a baseline among the pixels.

    .. math:: (x - b) \odot \int_0^1 \nabla s(b + t (x - b)) \, dt

    The integral is a mean over the middles of `steps` equal parts. The sum over an image is s(x) − s(b), up to the
    error of that rule.

    Parameters
    ----------
    score : callable
        From images to one number each, no image depending on another.
    images : Tensor, shape (n, c, h, w)
    baseline : Tensor, optional
        That broadcasts to the images; by default black, 0.
    steps : int, default 64

    Returns
    -------
    Tensor, shape (n, c, h, w)

    References
    ----------
    .. [1] Sundararajan et al., Axiomatic Attribution for Deep Networks, ICML 2017.
    """
    start = torch.zeros_like(images) if baseline is None else baseline.expand_as(images)
    total = torch.zeros_like(images)
    for step in range(steps):
        total += _gradient(score, start + (step + 0.5) / steps * (images - start))
    return (images - start) * total / steps


def grad_cam(score: Score, layer: nn.Module, images: Tensor) -> Tensor:
    r"""Give where the feature maps of a layer raise the score.

    .. math:: \operatorname{ReLU}\Big(\sum_k \alpha_k A^k\Big), \quad \alpha_k = \frac{1}{hw} \sum_{ij}
        \frac{\partial s}{\partial A^k_{ij}}

    Parameters
    ----------
    score : callable
        From images to one number each; it runs `layer`.
    layer : Module
        Its output has shape (n, k, h', w').
    images : Tensor, shape (n, c, h, w)

    Returns
    -------
    Tensor, shape (n, h, w)
        Interpolated to the size of the images; not negative.

    References
    ----------
    .. [1] Selvaraju et al., Grad-CAM, ICCV 2017.
    """
    with torch.enable_grad(), captured({"layer": layer}) as kept:
        # The images ask for gradients so that the maps have them though the weights may be frozen.
        total = score(images.detach().requires_grad_()).sum()
        (gradient,) = torch.autograd.grad(total, kept["layer"])
    maps = kept["layer"].detach()
    raised = F.relu((gradient.mean((2, 3), keepdim=True) * maps).sum(1, keepdim=True))
    return F.interpolate(raised, images.shape[2:], mode="bilinear", align_corners=False)[:, 0]


def _gradient(score: Score, images: Tensor) -> Tensor:
    with torch.enable_grad():
        asked = images.detach().clone().requires_grad_()
        (gradient,) = torch.autograd.grad(score(asked).sum(), asked)
    return gradient
