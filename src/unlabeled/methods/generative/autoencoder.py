"""The autoencoder: through a narrow passage and back."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from unlabeled.data.batch import Batch
from unlabeled.encoders import Bottleneck, Encoder, Network
from unlabeled.training.bases.self_supervised import SelfSupervised
from unlabeled.training.inference import canonical_instances, evaluating, inferred
from unlabeled.training.method_pictures import Pictures


class Autoencoder(SelfSupervised):
    r"""An instance is squeezed to a short code and rebuilt from it; what the code must keep is what matters.

    Split: x is t and y is t too; what hides it is the narrow code between encoder f and decoder g. Loss:

    .. math:: L = \frac{1}{N} \sum_{i=1}^{N} \lVert t_i - g(f(t_i)) \rVert^2

    The encoder has convolutions with 32, 64 (stride 2), 64 (stride 2) and 64 channels, LeakyReLU, and a dense layer to
    the code; the decoder is its mirror image, of transposed convolutions. Vectors go through an MLP and its mirror.

    Parameters
    ----------
    latent_dim : int, default 32
        Length of the code, which is what `transform` gives.

    References
    ----------
    .. [1] Hinton & Salakhutdinov, Reducing the Dimensionality of Data with Neural Networks, Science 2006.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> images = load_digits().images[:64] / 16
    >>> model = Autoencoder(latent_dim=2, epochs=1, random_state=0, progress=False).fit(images)
    >>> model.transform(images).shape, model.reconstruct(images).shape
    ((64, 2), (64, 1, 8, 8))
    """

    principle: ClassVar[str] = "generative"

    auto_encoder: ClassVar[Mapping[str, str]] = {"image": "flat_conv", "vector": "mlp"}

    latent_dim: int = 32

    def build(self, encoder: Encoder) -> Network:
        """Squeeze the encoder to the code and add the mirrored decoder."""
        preprocessing = encoder.preprocessing
        bottleneck = Bottleneck(preprocessing, encoder=encoder, dim=self.latent_dim)
        decoder = DECODERS[preprocessing.kind](self.latent_dim, preprocessing.shape)
        return Network(bottleneck, decoder=decoder)

    def split(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Show everything and ask for it back; the code is what hides."""
        return batch.values, batch.values

    def loss(self, net: Network, x: Tensor, y: Tensor) -> Tensor:
        """Squared distance between instance and reconstruction, summed over its numbers, averaged over the batch."""
        rebuilt: Tensor = net.decoder(net.encoder(x)).float()
        return (rebuilt - y).square().flatten(1).sum(1).mean()

    def reconstruct(self, X: Any) -> NDArray[np.float32]:
        """Encode instances and decode them again.

        Parameters
        ----------
        X : as in `fit`

        Returns
        -------
        ndarray of float32, shape (n, channels, size, size) or (n, d)
            Images in [0, 1]; vectors in the columns' own units.
        """
        return inferred(self, X, lambda net, x: net.decoder(net.encoder(x)))

    def pictures(self, X: Any) -> Pictures | None:
        """Show instances, and what is rebuilt from their codes."""
        with evaluating(self) as (net, device):
            values = canonical_instances(self, X, device)
            rebuilt = net.decoder(net.encoder(values))
        about = "Each row: an instance, and what is rebuilt from its code."
        return Pictures.side_by_side("Reconstructions", about, instance=values, rebuilt=rebuilt)


class _CropTo(nn.Module):
    """Cut what a decoder made to the size it should have: sizes not divisible by four come out a little larger."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        return x[..., : self.size, : self.size]


def image_decoder(latent_dim: int, shape: tuple[int, ...]) -> nn.Sequential:
    """Make the mirror image of `FlatConv`: a dense layer, then transposed convolutions up to `shape`."""
    channels, size, _ = shape
    small = math.ceil(size / 4)
    layers: list[nn.Module] = [nn.Linear(latent_dim, 64 * small * small), nn.Unflatten(1, (64, small, small))]
    for outputs, stride in [(64, 1), (64, 2), (32, 2)]:
        layers += [nn.ConvTranspose2d(64, outputs, 3, stride, padding=1, output_padding=stride - 1), nn.LeakyReLU()]
    return nn.Sequential(*layers, nn.ConvTranspose2d(32, channels, 3, padding=1), _CropTo(size))


def vector_decoder(latent_dim: int, shape: tuple[int, ...], width: int = 256) -> nn.Sequential:
    """Make the mirror image of an MLP with two hidden layers."""
    return nn.Sequential(
        *[nn.Linear(latent_dim, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, shape[0])]
    )


DECODERS: dict[str, Callable[[int, tuple[int, ...]], nn.Module]] = {"image": image_decoder, "vector": vector_decoder}
"""The decoder of each kind of data that can be rebuilt from a code."""
