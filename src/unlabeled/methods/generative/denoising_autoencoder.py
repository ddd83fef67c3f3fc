"""The denoising autoencoder: what can be told apart from noise is what the data have in common."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

from torch import Tensor

from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.modalities import Preprocessing
from unlabeled.training.bases.restoration import Restoration
from unlabeled.views.draw import normal, uniform


class DenoisingAutoencoder(Restoration):
    r"""An instance is corrupted by noise, and the network gives back the clean one.

    Split: x is t with noise, y is t itself. Loss, with f the encoder and g the decoder:

    .. math:: L = \frac{1}{N} \sum_{i=1}^{N} \lVert t_i - g(f(\tilde t_i)) \rVert^2

    Noise is drawn anew in every step. Gaussian noise is added, in images up to black and white; masking sets values to
    0, which is black in an image and the mean in a standardised vector; salt and pepper sets one half of the values
    struck to 1 and the other to 0 in an image, −1 in a vector. For images, g sees the encoder's feature maps and the
    noisy image, and says what to add to it.

    Parameters
    ----------
    corruption : {"gaussian", "masking", "salt_and_pepper"}, default "gaussian"
        The kind of noise; it strikes each number by itself.
    amount : float, default 0.1
        Deviation of Gaussian noise, where white is 1 and a column's deviation is 1; else the share of values that are
        struck.

    References
    ----------
    .. [1] Vincent, Larochelle, Bengio & Manzagol, Extracting and Composing Robust Features with Denoising Autoencoders,
       ICML 2008.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> images = load_digits().images[:64] / 16
    >>> model = DenoisingAutoencoder(epochs=1, random_state=0, progress=False).fit(images)
    >>> model.transform(images).shape, model.restore(images).shape
    ((64, 192), (64, 1, 8, 8))
    """

    principle: ClassVar[str] = "generative"

    modalities: ClassVar[tuple[str, ...]] = ("image", "vector")

    corruption: Literal["gaussian", "masking", "salt_and_pepper"] = "gaussian"
    amount: float = 0.1

    def prepare(self, preprocessing: Preprocessing) -> None:
        """Check the noise, and note the range of this kind of data."""
        super().prepare(preprocessing)
        if self.corruption not in CORRUPTIONS:
            raise unknown_name("corruption", self.corruption, CORRUPTIONS)
        if not 0 < self.amount < math.inf or (self.corruption != "gaussian" and self.amount > 1):
            raise UnlabeledError(f"amount must be above 0 and finite, and as a share at most 1; got {self.amount!r}")
        self._range, self._pepper = RANGE[preprocessing.kind], PEPPER[preprocessing.kind]

    def damage(self, values: Tensor) -> Tensor:
        """Make noisy copies."""
        if self.corruption == "gaussian":
            return (values + self.amount * normal(tuple(values.shape)).to(values.device)).clamp(*self._range)
        chance = uniform(tuple(values.shape), 0, 1)
        struck = (chance < self.amount).to(values.device)
        if self.corruption == "masking":
            return values.masked_fill(struck, 0.0)
        salted = (chance < self.amount / 2).to(values.device)
        return values.masked_fill(struck, self._pepper).masked_fill(salted, 1.0)


CORRUPTIONS = ("gaussian", "masking", "salt_and_pepper")
RANGE = {"image": (0.0, 1.0), "vector": (-math.inf, math.inf)}
"""What a value can be, by kind of data: noise in an image ends at black and white, as in a file."""
PEPPER = {"image": 0.0, "vector": -1.0}
"""The lesser of the two values that salt and pepper sets; the other is 1."""
