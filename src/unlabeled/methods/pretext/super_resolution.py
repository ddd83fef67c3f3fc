"""Super-resolution: detail that is lost must be known."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor
from torch.nn import functional as F

from unlabeled.errors import UnlabeledError
from unlabeled.modalities import Preprocessing
from unlabeled.training.bases.restoration import Restoration


class SuperResolution(Restoration):
    r"""An image is shrunk, and the network gives back the large one.

    Split: x is t shrunk by a factor and enlarged again, both by bicubic interpolation, and y is t. Loss, with f the
    encoder and g a decoder that sees the encoder's feature maps and the enlarged image, and says what to add to it:

    .. math:: L = \frac{1}{N} \sum_{i=1}^{N} \lVert t_i - g(f(\mathrm{up}(\mathrm{down}(t_i)))) \rVert^2

    `restore` takes small images: bringing them to the size of the method enlarges them by bicubic interpolation, which
    is what the network has learnt to improve.

    Parameters
    ----------
    factor : int, default 2
        How many times lower and narrower the small image is.

    References
    ----------
    .. [1] Dong, Loy, He & Tang, Image Super-Resolution Using Deep Convolutional Networks, TPAMI 2016.

    Examples
    --------
    >>> import numpy as np
    >>> images = np.random.default_rng(0).random((32, 16, 16))
    >>> model = SuperResolution(epochs=1, random_state=0, progress=False).fit(images)
    >>> model.restore(images[:, ::2, ::2]).shape
    (32, 1, 16, 16)
    """

    principle: ClassVar[str] = "pretext"

    factor: int = 2

    def prepare(self, preprocessing: Preprocessing) -> None:
        """Check the factor."""
        super().prepare(preprocessing)
        if self.factor < 2 or self.factor > preprocessing.shape[-1]:
            raise UnlabeledError(
                f"factor must be a whole number from 2 to the image's size of {preprocessing.shape[-1]}, "
                f"got {self.factor!r}"
            )

    def damage(self, values: Tensor) -> Tensor:
        """Shrink and enlarge."""
        size = values.shape[-1]
        small = F.interpolate(values, 2 * (max(1, round(size / self.factor)),), mode="bicubic", antialias=True)
        # With antialias this is Pillow's bicubic kernel, by which `restore` has small images enlarged.
        return F.interpolate(small.clamp(0, 1), (size, size), mode="bicubic", antialias=True).clamp(0, 1)
