"""Deblurring: to sharpen an edge one must know which edge it is."""

from __future__ import annotations

import math
from typing import ClassVar

from torch import Tensor

from unlabeled.errors import UnlabeledError
from unlabeled.modalities import Preprocessing
from unlabeled.setting_checks import fits
from unlabeled.training.bases.restoration import Restoration
from unlabeled.views import draw
from unlabeled.views.photometric.gaussian_blur import gaussian_blur


class Deblurring(Restoration):
    r"""An image is blurred, and the network makes it sharp again.

    Split: x is t blurred by a Gaussian, y is t. Loss, with f the encoder and g a decoder that sees the encoder's
    feature maps and the blurred image, and says what to add to it:

    .. math:: L = \frac{1}{N} \sum_{i=1}^{N} \lVert t_i - g(f(\mathrm{blur}_\sigma(t_i))) \rVert^2

    Parameters
    ----------
    sigma : tuple of float, default (0.5, 2.0)
        Range of the blur's standard deviation, in pixels; drawn anew for each image and step.

    References
    ----------
    .. [1] Xu, Ren, Liu & Jia, Deep Convolutional Neural Network for Image Deconvolution, NeurIPS 2014.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> images = load_digits().images[:64] / 16
    >>> model = Deblurring(epochs=1, random_state=0, progress=False).fit(images)
    >>> model.restore(images).shape
    (64, 1, 8, 8)
    """

    principle: ClassVar[str] = "pretext"

    sigma: tuple[float, float] = (0.5, 2.0)

    def prepare(self, preprocessing: Preprocessing) -> None:
        """Check the range of the blur."""
        super().prepare(preprocessing)
        numbers = len(self.sigma) == 2 and all(fits(width, float) for width in self.sigma)
        if not numbers or not 0 <= self.sigma[0] <= self.sigma[1] or not 0 < self.sigma[1] < math.inf:
            raise UnlabeledError(f"sigma must be a range (low, high) of pixels that ends above 0, got {self.sigma!r}")

    def damage(self, values: Tensor) -> Tensor:
        """Blur each image by a width of its own."""
        sigma = draw.uniform((len(values),), *self.sigma).to(values)
        return gaussian_blur(values, sigma, self.sigma[1])
