"""Inversion of a generator: codes whose images are like given ones, and the way between two codes."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unlabeled.training.control.progress import ProgressBar


def nearest_codes(
    generator: nn.Module,
    images: Tensor,
    latent_dim: int,
    *,
    starts: int = 16,
    steps: int = 200,
    rate: float = 0.1,
    progress: bool | None = False,
) -> Tensor:
    r"""Find for each image a code from which a generator makes one that is like it.

    .. math:: \min_z \lVert G(z) - t \rVert^2, \qquad \lVert z \rVert = \sqrt{d}

    by Adam from several random codes, of which the best counts. All codes have the length that random ones have nearly
    always; of others the generator has learnt nothing.

    Parameters
    ----------
    generator : Module
        From codes to images, in evaluation mode; its weights stay as they are.
    images : Tensor, shape (n, channels, h, w)
    latent_dim : int
        d.
    starts : int, default 16
        Random codes for each image.
    steps : int, default 200
        Of Adam.
    rate : float, default 0.1
        Its learning rate.
    progress : bool, optional
        Show a progress bar; with None on a terminal and in a notebook.

    Returns
    -------
    Tensor, shape (n, d)

    References
    ----------
    .. [1] Creswell & Bharath, Inverting the Generator of a Generative Adversarial Network, TNNLS 2019.
    """
    wanted = images.repeat_interleave(starts, 0)
    directions = torch.randn(len(wanted), latent_dim).to(images.device).requires_grad_()
    optimizer = torch.optim.Adam([directions], lr=rate)
    with torch.enable_grad(), ProgressBar("Search for codes", steps, show=progress, unit="steps") as bar:
        for step in range(steps):
            optimizer.zero_grad()
            (gradient,) = torch.autograd.grad(_apart(generator, directions, wanted).sum(), directions)
            directions.grad = gradient
            optimizer.step()
            bar.advance(step + 1)
    with torch.no_grad():
        best = _apart(generator, directions, wanted).view(len(images), starts).argmin(1)
        codes = _of_length(directions).view(len(images), starts, latent_dim)
        return codes[torch.arange(len(images), device=images.device), best]


def between(a: Tensor, b: Tensor, steps: int) -> Tensor:
    """Give codes at even steps on the great circle from code a to code b, both of one length; shape (steps, d).

    Examples
    --------
    >>> between(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]), 3)[1]
    tensor([0.7071, 0.7071])
    """
    share = torch.linspace(0, 1, steps, device=a.device)[:, None]
    angle = torch.arccos(F.cosine_similarity(a, b, dim=0).clamp(-1, 1))
    # Where the directions are nearly the same the circle is a line.
    bent = (
        torch.sin((1 - share) * angle) * a + torch.sin(share * angle) * b if angle > 1e-3 else torch.lerp(a, b, share)
    )
    way: Tensor = F.normalize(bent, dim=1) * a.norm()
    return way


def _of_length(directions: Tensor) -> Tensor:
    codes: Tensor = F.normalize(directions, dim=1) * directions.shape[1] ** 0.5
    return codes


def _apart(generator: nn.Module, directions: Tensor, wanted: Tensor) -> Tensor:
    """Give the squared distance of each made image to the one that is wanted."""
    made: Tensor = generator(_of_length(directions))
    return (made.float() - wanted).square().flatten(1).sum(1)
