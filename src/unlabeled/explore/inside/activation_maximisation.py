"""Activation maximisation: images made so that a part of the network answers as strongly as it can."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from unlabeled.explore.inside.layer_outputs import captured


def activation_maximisation(
    net: nn.Module,
    layer: nn.Module,
    filters: Sequence[int],
    shape: tuple[int, ...],
    *,
    steps: int = 128,
    learning_rate: float = 0.2,
    jitter: int | None = None,
    random_state: int = 0,
) -> Tensor:
    r"""Make one image for each filter that maximises the mean of its feature map.

    An image is the sigmoid of an inverse Fourier transform, and what is learnt is the spectrum, divided by the
    frequency. So smooth shapes change as readily as fine detail, and no pattern of single pixels wins. At each step the
    images are shifted at random: only what excites the filter wherever it stands remains.

    Parameters
    ----------
    net : Module
        In evaluation mode; it takes images in [0, 1].
    layer : Module
        A part of it whose output has shape (n, channels, ...).
    filters : sequence of int
        Channels of the layer.
    shape : (channels, h, w)
        Of the images.
    steps : int, default 128
        Steps of gradient ascent.
    learning_rate : float, default 0.2
        The length of a step of the spectrum.
    jitter : int, optional
        Pixels of the largest shift; by default an eighth of the shorter side, at least 1.
    random_state : int, default 0
        Of the start and the shifts.

    Returns
    -------
    Tensor, shape (filters, channels, h, w)
        In [0, 1].

    References
    ----------
    .. [1] Erhan et al., Visualizing Higher-Layer Features of a Deep Network, 2009.
    .. [2] Olah et al., Feature Visualization, Distill 2017.
    """
    device = next(net.parameters()).device
    generator = torch.Generator().manual_seed(random_state)
    channels, height, width = shape
    spectrum = 0.01 * torch.randn(len(filters), channels, height, width // 2 + 1, 2, generator=generator)
    spectrum = spectrum.to(device).requires_grad_()
    scale = frequency_scale(height, width).to(device)[..., None]
    largest = max(1, min(height, width) // 8) if jitter is None else jitter
    which = torch.arange(len(filters), device=device)

    def images() -> Tensor:
        waves = torch.view_as_complex(spectrum * scale)
        return torch.sigmoid(torch.fft.irfft2(waves, s=(height, width), norm="ortho"))

    for _ in range(steps):
        down, right = torch.randint(-largest, largest + 1, (2,), generator=generator).tolist()
        with torch.enable_grad(), captured({"layer": layer}) as kept:
            net(images().roll((down, right), (2, 3)))
            answers = kept["layer"][which, list(filters)].flatten(1).mean(1)
            (gradient,) = torch.autograd.grad(answers.sum(), spectrum)
        # A step of one length for each image: filters differ in scale by orders of magnitude.
        norm = gradient.flatten(1).norm(dim=1).clamp(min=1e-12).view(-1, 1, 1, 1, 1)
        with torch.no_grad():
            spectrum += learning_rate * gradient / norm
    return images().detach()


def frequency_scale(height: int, width: int) -> Tensor:
    """Give one over the frequency of each coefficient of a real transform, shape (height, width // 2 + 1).

    Frequencies are in cycles a pixel; that of the mean, 0, counts as one cycle over the longer side. The scale is
    normed so that its largest value is the square root of the number of pixels.
    """
    rows, columns = torch.fft.fftfreq(height), torch.fft.rfftfreq(width)
    frequency = (rows[:, None] ** 2 + columns[None] ** 2).sqrt().clamp(min=1 / max(height, width))
    scale = 1 / frequency
    normed: Tensor = scale / scale.max() * (height * width) ** 0.5
    return normed
