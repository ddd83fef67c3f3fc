"""The masked autoencoder: a quarter of the patches is enough to imagine the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unlabeled.data.batch import Batch
from unlabeled.encoders import Encoder, Network
from unlabeled.encoders.image.vit import TransformerLayer, chosen, patchify, sine_positions, unpatchify
from unlabeled.errors import UnlabeledError
from unlabeled.setting_checks import LARGEST_SEED, check_whole_number
from unlabeled.training.bases.self_supervised import SelfSupervised
from unlabeled.training.inference import canonical_batches, canonical_instances, evaluating, user_units
from unlabeled.training.loop import own_randomness
from unlabeled.training.method_pictures import Pictures
from unlabeled.views.draw import uniform


class MaskedAutoencoder(SelfSupervised):
    r"""Most patches of an image are hidden, and the network rebuilds them from the few that are shown.

    Split: x are the visible patches, y the pixels of the hidden ones H. The encoder computes the visible patches only;
    a small decoder gets their vectors, and for each hidden patch one learnt vector and its place. Loss, with
    :math:`\hat p` what the decoder makes of a patch of P numbers:

    .. math:: L = \frac{1}{|H|} \sum_{j \in H} \frac{1}{P} \lVert \hat p_j - p_j \rVert^2

    where each patch is first standardised by its own mean and deviation, so that contrast does not decide what counts.

    Parameters
    ----------
    mask_ratio : float, default 0.75
        Share of the patches that are hidden: round(ratio · L) of L.
    normalise : bool, default True
        Standardise each hidden patch before it is compared.
    decoder_dim : int, default 96
        Length of the vectors in the decoder.
    decoder_depth : int, default 2
        Layers of the decoder.

    References
    ----------
    .. [1] He, Chen, Xie, Li, Dollár & Girshick, Masked Autoencoders Are Scalable Vision Learners, CVPR 2022.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> images = load_digits().images[:64] / 16
    >>> model = MaskedAutoencoder(epochs=1, random_state=0, progress=False).fit(images)
    >>> model.transform(images).shape, model.reconstruct(images).shape
    ((64, 192), (64, 1, 8, 8))
    """

    principle: ClassVar[str] = "generative"

    modalities: ClassVar[tuple[str, ...]] = ("image",)
    auto_encoder: ClassVar[Mapping[str, str]] = {"image": "vit"}

    mask_ratio: float = 0.75
    normalise: bool = True
    decoder_dim: int = 96
    decoder_depth: int = 2

    def build(self, encoder: Encoder) -> Network:
        """Add the decoder of patches."""
        patches, patch = patch_grid(encoder)
        hidden = round(self.mask_ratio * patches)
        if not 0 < hidden < patches:
            raise UnlabeledError(
                f"mask_ratio={self.mask_ratio!r} hides {hidden} of {patches} patches; "
                "at least one must be hidden and one shown"
            )
        self._hidden, self._patch = hidden, patch
        return Network(encoder, decoder=PatchDecoder(encoder, patch, self.decoder_dim, self.decoder_depth))

    def split(self, batch: Batch) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """Choose for each image which patches are shown; hide the pixels of the others."""
        patches = patchify(batch.values, self._patch)
        order = uniform(tuple(patches.shape[:2]), 0, 1).argsort(1).to(patches.device)
        hidden, visible = order.split([self._hidden, patches.shape[1] - self._hidden], 1)
        return (batch.values, visible), (self._target(chosen(patches, hidden)), hidden)

    def loss(self, net: Network, x: tuple[Tensor, Tensor], y: tuple[Tensor, Tensor]) -> Tensor:
        """Mean squared error over the pixels of the hidden patches."""
        images, visible = x
        target, hidden = y
        rebuilt = net.decoder(net.encoder.tokens(images, visible), visible)
        return (chosen(rebuilt, hidden).float() - target).square().mean()

    def reconstruct(self, X: Any, random_state: int = 0) -> NDArray[np.float32]:
        """Hide patches of images and rebuild them; the visible patches are kept.

        With `normalise` the network says only what is within a patch; its mean and contrast are taken from the image.

        Parameters
        ----------
        X : as in `fit`
        random_state : int, default 0
            Decides which patches are hidden.

        Returns
        -------
        ndarray of float32, shape (n, channels, size, size)
            In [0, 1].
        """
        check_whole_number("random_state", random_state, 0, LARGEST_SEED)
        with evaluating(self) as (net, device), own_randomness():
            torch.manual_seed(int(random_state))
            parts = [self._rebuilt(net, values)[1] for values in canonical_batches(self, X, device)]
        return np.concatenate([user_units(self, part) for part in parts])

    def pictures(self, X: Any) -> Pictures | None:
        """Show images, the patches that were visible, and what was made of these."""
        with evaluating(self) as (net, device), own_randomness():
            torch.manual_seed(0)
            values = canonical_instances(self, X, device)
            shown, rebuilt = self._rebuilt(net, values)
        return Pictures.side_by_side(
            "Reconstructions",
            "Each row: an image, the patches that the network saw, and the image with the hidden ones rebuilt.",
            image=values,
            shown=shown,
            rebuilt=rebuilt,
        )

    def _rebuilt(self, net: Network, values: Tensor) -> tuple[Tensor, Tensor]:
        """Give images with their hidden patches grey, and with these rebuilt."""
        (_, visible), (_, hidden) = self.split(Batch.unlabelled(values))
        patches = patchify(values, self._patch)
        made = chosen(net.decoder(net.encoder.tokens(values, visible), visible), hidden).float()
        if self.normalise:
            mean, deviation = _mean_and_deviation(chosen(patches, hidden))
            made = made * deviation + mean
        where = hidden[:, :, None].expand_as(made)
        shape = tuple(values.shape[1:])
        shown = patches.scatter(1, where, torch.full_like(made, 0.5))
        return unpatchify(shown, shape), unpatchify(patches.scatter(1, where, made), shape).clamp(0, 1)

    def _target(self, patches: Tensor) -> Tensor:
        if not self.normalise:
            return patches
        mean, deviation = _mean_and_deviation(patches)
        return (patches - mean) / deviation


class PatchDecoder(nn.Module):
    """A small transformer from the vectors of the visible patches to the pixels of all.

    Parameters
    ----------
    encoder : Encoder
        One that works on patches.
    patch : int
        Pixels along a side of a patch.
    dim : int
        Length of the vectors, a multiple of 16.
    depth : int
        Number of layers.
    """

    def __init__(self, encoder: Encoder, patch: int, dim: int, depth: int) -> None:
        super().__init__()
        if dim % 16 or dim < 16:
            raise UnlabeledError(f"decoder_dim must be a multiple of 16, got {dim!r}")
        channels, size, _ = encoder.preprocessing.shape
        self.grid, self.dim = size // patch, dim
        self.narrow = nn.Linear(encoder.dim, dim)
        self.hidden = nn.Parameter(0.02 * torch.randn(1, 1, dim))
        self.layers = nn.Sequential(*(TransformerLayer(dim, dim // 16) for _ in range(depth)))
        self.pixels = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, channels * patch**2))

    def forward(self, tokens: Tensor, visible: Tensor) -> Tensor:
        """Map visible patches, shape (n, k, encoder's dim), with their places, shape (n, k), to (n, L, pixels)."""
        seen = self.narrow(tokens)
        everywhere = self.hidden.to(seen.dtype).expand(len(seen), self.grid**2, -1)
        whole = everywhere.scatter(1, visible[:, :, None].expand_as(seen), seen)
        positions = sine_positions(self.grid, self.grid, self.dim, self.grid, tokens.device)
        pixels: Tensor = self.pixels(self.layers(whole + positions))
        return pixels


@torch.no_grad()
def patch_grid(encoder: Encoder) -> tuple[int, int]:
    """Give how many patches an encoder cuts an image into, and the pixels along a side of one."""
    training = encoder.training
    device = next((parameter.device for parameter in encoder.parameters()), None)  # of one that has learnt, maybe a GPU
    count = encoder.eval().tokens(torch.zeros(1, *encoder.preprocessing.shape, device=device)).shape[1]
    encoder.train(training)
    return count, encoder.preprocessing.shape[-1] // round(count**0.5)


def _mean_and_deviation(patches: Tensor) -> tuple[Tensor, Tensor]:
    """Give each patch's mean and deviation, shape (n, k, 1); an even patch has almost none, and is not blown up."""
    return patches.mean(2, keepdim=True), (patches.var(2, keepdim=True) + 1e-4).sqrt()
