"""The generative adversarial network: one network makes images, another tells them from real ones."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from unlabeled.data.batch import Batch
from unlabeled.encoders import Encoder, Network, Teacher
from unlabeled.errors import UnlabeledError
from unlabeled.methods.generative.inversion import between, nearest_codes
from unlabeled.methods.generative.spectral_norm import SpectralNorm
from unlabeled.setting_checks import LARGEST_SEED, check_whole_number
from unlabeled.training.bases.self_supervised import SelfSupervised
from unlabeled.training.inference import as_one, canonical_instances, drawn_codes, evaluating, user_units
from unlabeled.training.loop import own_randomness
from unlabeled.training.method_pictures import Pictures
from unlabeled.views.draw import normal


class GAN(SelfSupervised):
    r"""A generator makes images from random codes; a discriminator learns what gives them away, and so what images are.

    Split: x is a random code z, and y a real image t. Two losses, with D the discriminator's logit, σ the sigmoid and G
    the generator:

    .. math:: L_D = -\mathrm{E} \log \sigma(D(t)) - \mathrm{E} \log \sigma(-D(G(z)))
              + \frac{\gamma}{2} \mathrm{E} \lVert \nabla_t D(t) \rVert^2, \qquad
              L_G = -\mathrm{E} \log \sigma(D(G(z)))

    L_G is the non-saturating form. The term with γ is the R1 penalty, which keeps the game from diverging; spectral
    normalisation of the discriminator does so too, without a second derivative. Both players step at once: the loss is
    the sum of both, made so that each player has the gradient of its own loss only. D sees G's images as constants in
    the first, and is itself a constant in the second.

    Samples come from a running average of the generator, which is calmer than the generator itself.

    Parameters
    ----------
    latent_dim : int, default 64
        Length of the random code.
    penalty : float, default 1.0
        γ of the R1 penalty. 0 switches it off; without spectral normalisation the game may then diverge.
    spectral_norm : bool, default False
        After each step, divide each weight matrix of the discriminator by its largest singular value.
    momentum : float, default 0.99
        Of the generator's running average.

    References
    ----------
    .. [1] Goodfellow et al., Generative Adversarial Nets, NeurIPS 2014.
    .. [2] Radford, Metz & Chintala, Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
       Networks, ICLR 2016.
    .. [3] Mescheder, Geiger & Nowozin, Which Training Methods for GANs do actually Converge?, ICML 2018.
    .. [4] Miyato, Kataoka, Koyama & Yoshida, Spectral Normalization for Generative Adversarial Networks, ICLR 2018.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> images = load_digits().images[:64] / 16
    >>> model = GAN(epochs=1, random_state=0, progress=False).fit(images)
    >>> model.transform(images).shape, model.sample(5, random_state=0).shape
    ((64, 256), (5, 1, 8, 8))
    """

    principle: ClassVar[str] = "generative"

    modalities: ClassVar[tuple[str, ...]] = ("image",)
    auto_encoder: ClassVar[Mapping[str, str]] = {"image": "flat_conv"}
    minimum_rows: ClassVar[int] = 2
    betas: ClassVar[tuple[float, float]] = (0.0, 0.99)  # momentum would carry each player past the other

    latent_dim: int = 64
    penalty: float = 1.0
    spectral_norm: bool = False
    momentum: float = 0.99

    def build(self, encoder: Encoder) -> Network:
        """Make the encoder a discriminator by a linear layer, and add the generator and its running average."""
        if self.latent_dim < 1 or self.penalty < 0 or not 0 <= self.momentum < 1:
            raise UnlabeledError(
                "latent_dim must be at least 1, penalty not negative and momentum in [0, 1); "
                f"got {self.latent_dim!r}, {self.penalty!r} and {self.momentum!r}"
            )
        decoder = generator(self.latent_dim, encoder.preprocessing.shape)
        head = nn.Linear(encoder.dim, 1)
        norm = {"spectral_norm": SpectralNorm(encoder, head)} if self.spectral_norm else {}
        return Network(encoder, head=head, decoder=decoder, teacher=Teacher(decoder), **norm)

    def split(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Draw a code for each real image."""
        return normal((len(batch), self.latent_dim)).to(batch.index.device), batch.values

    def loss(self, net: Network, x: Tensor, y: Tensor) -> Tensor:
        """Sum of both players' losses, each with a gradient in that player's weights only."""
        made = net.decoder(x)
        real = y.detach().requires_grad_(self.penalty > 0)
        real_logits = net.head(net.encoder(real)).float()
        loss = F.softplus(-real_logits).mean() + F.softplus(net.head(net.encoder(made.detach())).float()).mean()
        if self.penalty > 0:
            (slope,) = torch.autograd.grad(real_logits.sum(), real, create_graph=True)
            loss = loss + self.penalty / 2 * slope.float().square().flatten(1).sum(1).mean()
        fooled = constant(net.head, constant(net.encoder, made)).float()
        return loss + F.softplus(-fooled).mean()

    def after_step(self, net: Network, batch: Batch, done: float) -> None:
        """Move the running average towards the generator, and normalise the discriminator if asked to."""
        assert net.teacher is not None
        if self.spectral_norm:
            net.get_submodule("spectral_norm")(net.encoder, net.head)
        net.teacher.follow(net.decoder, momentum=self.momentum)

    def sample(self, n: int = 1, random_state: int | None = None) -> NDArray[np.float32]:
        """Make images from random codes.

        Parameters
        ----------
        n : int, default 1
            How many images.
        random_state : int, optional
            The same number gives the same images.

        Returns
        -------
        ndarray of float32, shape (n, channels, size, size)
            In [0, 1].
        """
        with evaluating(self) as (net, device):
            assert net.teacher is not None
            parts = drawn_codes(n, self.latent_dim, random_state).to(device).split(self.batch_size)
            return np.concatenate([user_units(self, net.teacher(part)) for part in parts])

    def interpolate(self, a: Any, b: Any, steps: int = 8, random_state: int = 0) -> NDArray[np.float32]:
        """Make images on the way between the two that the generator makes most like `a` and `b`.

        There is no network from an image to its code, so the codes of the ends are searched for by gradient descent.
        The ends are as like the given images as the generator is able to make them.

        Parameters
        ----------
        a, b : one image each
            A path, PIL image or array.
        steps : int, default 8
            How many images, at least 2.
        random_state : int, default 0
            Of the codes that the search starts from.

        Returns
        -------
        ndarray of float32, shape (steps, channels, size, size)
            In [0, 1].
        """
        check_whole_number("steps", steps, 2)
        check_whole_number("random_state", random_state, 0, LARGEST_SEED)
        with evaluating(self) as (net, device), own_randomness():
            assert net.teacher is not None
            torch.manual_seed(int(random_state))
            ends = torch.cat([canonical_instances(self, as_one(end), device) for end in (a, b)])
            codes = nearest_codes(net.teacher.copy, ends, self.latent_dim, progress=self.progress)
            parts = between(codes[0], codes[1], steps).split(self.batch_size)
            return np.concatenate([user_units(self, net.teacher(part)) for part in parts])

    def pictures(self, X: Any) -> Pictures | None:
        """Show samples."""
        return Pictures.grid(
            "Samples", "Images made from random codes.", torch.from_numpy(self.sample(64, random_state=0))
        )


def constant(module: nn.Module, x: Tensor) -> Tensor:
    """Apply a module whose weights get no gradient from this; its input does."""
    result: Tensor = functional_call(module, {name: p.detach() for name, p in module.named_parameters()}, (x,))
    return result


def generator(latent_dim: int, shape: tuple[int, ...], width: int = 64) -> nn.Sequential:
    """Make a DCGAN generator: a dense layer, then transposed convolutions that double the image, with BatchNorm.

    Parameters
    ----------
    latent_dim : int
        Length of the code.
    shape : tuple of int
        Of an image, (channels, size, size).
    width : int, default 64
        Channels before the last layer; each size below has twice as many, at most 256.
    """
    channels, size, _ = shape
    doublings = 0
    while size > 7 * 2**doublings:
        doublings += 1
    side = -(-size // 2**doublings)
    widths = [min(256, width * 2**step) for step in reversed(range(doublings + 1))]
    first = nn.Linear(latent_dim, widths[0] * side * side, bias=False)
    layers: list[nn.Module] = [first, nn.Unflatten(1, (widths[0], side, side)), nn.BatchNorm2d(widths[0]), nn.ReLU()]
    for inputs, outputs in pairwise(widths):
        layers += [nn.ConvTranspose2d(inputs, outputs, 4, 2, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    too_large = side * 2**doublings - size
    cut = nn.ZeroPad2d((0, -too_large, 0, -too_large))
    return nn.Sequential(*layers, nn.Conv2d(widths[-1], channels, 3, padding=1), nn.Sigmoid(), cut)
