"""The variational autoencoder: codes with a known distribution, so that new instances can be sampled."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from unlabeled.data.batch import Batch
from unlabeled.encoders import Bottleneck, Encoder, Network
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.losses import kl_gaussian
from unlabeled.losses.bounded import bounded
from unlabeled.methods.generative.autoencoder import DECODERS
from unlabeled.modalities import Preprocessing
from unlabeled.setting_checks import check_whole_number
from unlabeled.training.bases.self_supervised import SelfSupervised
from unlabeled.training.inference import (
    as_one,
    canonical_instances,
    drawn_codes,
    evaluating,
    inferred,
    user_units,
)
from unlabeled.training.method_pictures import Pictures
from unlabeled.views.draw import normal

SMALLEST_LOG_DEVIATION = -6.0


class VariationalAutoencoder(SelfSupervised):
    r"""An instance is encoded as a distribution of codes, and a code drawn from it must suffice to rebuild it.

    Split: x is t and y is t too; what hides it is a random code z. The encoder gives its mean μ and log variance, and
    z = μ + σ ⊙ ε with ε from N(0, 1). Loss, the negative evidence lower bound:

    .. math:: L = \frac{1}{N} \sum_{i=1}^{N} -\log p(t_i \mid z_i)
              + \beta \, \mathrm{KL}\big(N(\mu_i, \sigma_i^2) \,\Vert\, N(0, 1)\big)

    with the likelihood summed over the numbers of an instance. It is Bernoulli, a cross-entropy for each pixel, or
    Gaussian with one deviation for all numbers, which is learnt.

    Parameters
    ----------
    latent_dim : int, default 32
        Length of the code; `transform` gives its mean μ.
    likelihood : {"auto", "bernoulli", "gaussian"}, default "auto"
        ``"auto"`` is Bernoulli for images and Gaussian for vectors. Photographs are better served by ``"gaussian"``.
    beta : float, default 1.0
        β; above 1 codes are simpler and pictures blurred, below 1 pictures are sharper and samples worse.

    References
    ----------
    .. [1] Kingma & Welling, Auto-Encoding Variational Bayes, ICLR 2014.
    .. [2] Higgins et al., beta-VAE, ICLR 2017.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> images = load_digits().images[:64] / 16
    >>> model = VariationalAutoencoder(latent_dim=4, epochs=1, random_state=0, progress=False).fit(images)
    >>> model.transform(images).shape, model.sample(5).shape, model.interpolate(images[0], images[1], steps=3).shape
    ((64, 4), (5, 1, 8, 8), (3, 1, 8, 8))
    """

    principle: ClassVar[str] = "generative"

    auto_encoder: ClassVar[Mapping[str, str]] = {"image": "flat_conv", "vector": "mlp"}

    latent_dim: int = 32
    likelihood: Literal["auto", "bernoulli", "gaussian"] = "auto"
    beta: float = 1.0

    def prepare(self, preprocessing: Preprocessing) -> None:
        """Settle on the likelihood for this kind of data."""
        super().prepare(preprocessing)
        if self.likelihood not in ("auto", "bernoulli", "gaussian"):
            raise unknown_name("likelihood", self.likelihood, ["auto", "bernoulli", "gaussian"])
        check_whole_number("latent_dim", self.latent_dim)
        if self.beta < 0:
            raise UnlabeledError(f"beta must not be negative, got {self.beta!r}")
        own = LIKELIHOODS[preprocessing.kind]
        self._bernoulli = (own[0] if self.likelihood == "auto" else self.likelihood) == "bernoulli"
        if self._bernoulli and "bernoulli" not in own:
            raise UnlabeledError(
                f"the Bernoulli likelihood is for numbers in [0, 1], which {preprocessing.kind}s are not; "
                "take likelihood='gaussian'"
            )

    def build(self, encoder: Encoder) -> Network:
        """Squeeze the encoder to the mean of the code; add its log variance, the decoder and a Gaussian's deviation."""
        shape, kind = encoder.preprocessing.shape, encoder.preprocessing.kind
        # Processes that train together wait for the gradient of every parameter there is.
        deviation = {} if self._bernoulli else {"deviation": Deviation()}
        return Network(
            Bottleneck(encoder.preprocessing, encoder=encoder, dim=self.latent_dim),
            log_variance=nn.Linear(encoder.dim, self.latent_dim),
            decoder=DECODERS[kind](self.latent_dim, shape),
            **deviation,
        )

    def split(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Show everything and ask for it back; the random code is what hides."""
        return batch.values, batch.values

    def loss(self, net: Any, x: Tensor, y: Tensor) -> Tensor:
        """Negative evidence lower bound, in nats, averaged over the batch."""
        features = net.encoder.inner(x)
        mean, log_variance = net.encoder.latent(features).float(), net.log_variance(features).float()
        code = mean + (log_variance / 2).exp() * normal(tuple(mean.shape)).to(mean.device)
        decoded = net.decoder(code).float()
        if self._bernoulli:
            surprise = F.binary_cross_entropy_with_logits(decoded, y, reduction="none")
        else:
            surprise = gaussian_surprise(y, decoded, net.deviation())
        return surprise.flatten(1).sum(1).mean() + self.beta * kl_gaussian(mean, log_variance)

    def reconstruct(self, X: Any) -> NDArray[np.float32]:
        """Encode instances and decode the means of their codes.

        Parameters
        ----------
        X : as in `fit`

        Returns
        -------
        ndarray of float32, shape (n, channels, size, size) or (n, d)
            Images in [0, 1]; vectors in the columns' own units.
        """
        return inferred(self, X, lambda net, x: self._decoded(net, net.encoder(x)))

    def sample(self, n: int = 1, random_state: int | None = None) -> NDArray[np.float32]:
        """Decode codes drawn from the standard normal distribution.

        Parameters
        ----------
        n : int, default 1
            How many instances.
        random_state : int, optional
            The same number gives the same instances.

        Returns
        -------
        ndarray of float32, shape (n, channels, size, size) or (n, d)
        """
        with evaluating(self) as (net, device):
            return self._in_user_units(net, drawn_codes(n, self.latent_dim, random_state).to(device))

    def interpolate(self, a: Any, b: Any, steps: int = 8) -> NDArray[np.float32]:
        """Decode the codes on the way from instance `a` to instance `b`, both included.

        Parameters
        ----------
        a, b : one instance each
            An image (a path, PIL image or array) or a vector.
        steps : int, default 8
            How many instances, at least 2.

        Returns
        -------
        ndarray of float32, shape (steps, channels, size, size) or (steps, d)
        """
        check_whole_number("steps", steps, 2)
        ends = [torch.from_numpy(self.transform(as_one(end)))[0] for end in (a, b)]
        with evaluating(self) as (net, device):
            share = torch.linspace(0, 1, steps)[:, None]
            return self._in_user_units(net, torch.lerp(ends[0], ends[1], share).to(device))

    def pictures(self, X: Any) -> Pictures | None:
        """Show instances, what is rebuilt from their codes, and samples."""
        with evaluating(self) as (net, device):
            values = canonical_instances(self, X, device)
            rebuilt = self._decoded(net, net.encoder(values))
            samples = self._decoded(net, drawn_codes(len(values), self.latent_dim, 0).to(device))
        return Pictures.side_by_side(
            "Reconstructions and samples",
            "Each row: an instance, what is rebuilt from its code, and a sample decoded from a random code.",
            instance=values,
            rebuilt=rebuilt,
            sample=samples,
        )

    def _in_user_units(self, net: Network, codes: Tensor) -> NDArray[np.float32]:
        """Decode a batch of codes at a time, so that memory does not grow with their number."""
        return np.concatenate([user_units(self, self._decoded(net, part)) for part in codes.split(self.batch_size)])

    def _decoded(self, net: Network, codes: Tensor) -> Tensor:
        decoded: Tensor = net.decoder(codes)
        return decoded.sigmoid() if self._bernoulli else decoded


class Deviation(nn.Module):
    """The deviation σ of a Gaussian likelihood, one for all numbers of all instances; it starts at 1."""

    def __init__(self) -> None:
        super().__init__()
        self.log_deviation = nn.Parameter(torch.zeros(()))

    def forward(self) -> Tensor:
        """Give log σ, not below its smallest value, where rounding of 8-bit values is far larger."""
        return bounded(self.log_deviation, least=SMALLEST_LOG_DEVIATION)


def gaussian_surprise(y: Tensor, mean: Tensor, log_deviation: Tensor) -> Tensor:
    r"""Negative log density of each number, :math:`\frac{(y - \mu)^2}{2\sigma^2} + \log\sigma + \frac12 \log 2\pi`."""
    return (y - mean).square() * (-2 * log_deviation).exp() / 2 + log_deviation + math.log(2 * math.pi) / 2


LIKELIHOODS = {"image": ("bernoulli", "gaussian"), "vector": ("gaussian",)}
"""What fits a kind of data, the default first."""
