"""Colorization: who knows that this is grass knows that it is green."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from unlabeled.data.batch import Batch
from unlabeled.data.instances import Instances
from unlabeled.encoders import Encoder, Network
from unlabeled.encoders.image.lightness import Lightness, lightness
from unlabeled.encoders.image.map_decoder import MapDecoder
from unlabeled.errors import UnlabeledError
from unlabeled.modalities import Preprocessing
from unlabeled.processes import all_reduce_sum
from unlabeled.training.bases.validated import Validated
from unlabeled.training.inference import canonical_instances, evaluating, inferred
from unlabeled.training.method_pictures import Pictures
from unlabeled.views.photometric.cielab import lab_to_rgb, rgb_to_lab

SCALE = 2
"""How many times lower and narrower colours are predicted than the image; the eye forgives it."""
TEMPERATURE = 0.38
"""The paper's compromise between the mean colour, which is pale, and the likeliest, which is spotty."""
RARE = 0.5
"""λ of the paper: how far the weights of colours are made even."""
WIDTH = 10.0
"""Of a bin of colours, in units of a* and b*."""
LOOKED_AT = 64
"""Instances among which one must have a colour."""


class Colorization(Validated):
    r"""The colours of an image are taken away, and the network says what they were.

    Split: x is the lightness L* of CIELAB, y are the colours a*, b*, sorted into bins of 10 × 10 units. Loss, with q
    the bin of place p, one of P, and w its weight:

    .. math:: L = -\frac{1}{P} \sum_p w_{q_p} \log p(q_p \mid x), \qquad
              w_q \propto \Big((1 - \lambda)\, \tilde p_q + \frac{\lambda}{Q}\Big)^{-1}, \qquad
              \sum_q \tilde p_q w_q = 1

    where :math:`\tilde p` says how often each of the Q bins was seen so far. Without the weights everything would be
    grey, because most of most pictures is. `colorize` takes the mean of the bins by probabilities sharpened with a
    temperature of 0.38. The encoder sees lightness only, in `transform` as well.

    References
    ----------
    .. [1] Zhang, Isola & Efros, Colorful Image Colorization, ECCV 2016.

    Examples
    --------
    >>> import numpy as np
    >>> images = np.random.default_rng(0).random((32, 16, 16, 3))
    >>> model = Colorization(epochs=1, random_state=0, progress=False).fit(images)
    >>> model.transform(images).shape, model.colorize(images).shape
    ((32, 192), (32, 3, 16, 16))
    """

    principle: ClassVar[str] = "pretext"

    modalities: ClassVar[tuple[str, ...]] = ("image",)
    minimum_rows: ClassVar[int] = 2

    def prepare(self, preprocessing: Preprocessing) -> None:
        """Refuse images without colours."""
        super().prepare(preprocessing)
        if preprocessing.shape[0] != 3:
            raise UnlabeledError("Colorization learns from images in colour, and these are grey")
        self._canonical = preprocessing.canonical

    def hold_out(self, instances: Instances, groups: NDArray[np.int64] | None) -> tuple[Instances, Instances | None]:
        """Refuse grey images that are stored as if they had colours, then hold some out."""
        some = torch.linspace(0, len(instances) - 1, min(LOOKED_AT, len(instances))).long()
        if all(grey(self._canonical(instances.gather(few).values)) for few in some.split(8)):  # mostly ends with eight
            raise UnlabeledError(
                f"Colorization learns from images in colour, and {len(some)} of these, taken from everywhere, are all "
                "grey, though they are stored in three channels"
            )
        return super().hold_out(instances, groups)

    def build(self, encoder: Encoder) -> Network:
        """Let the encoder see lightness only; add a decoder with an output for each bin of colours."""
        seeing = Lightness(encoder.preprocessing, encoder=encoder)
        palette = ColourBins()
        return Network(seeing, decoder=MapDecoder(seeing, len(palette.centres), scale=SCALE), palette=palette)

    def split(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Show images, of which the encoder sees the lightness; hide their colours, shape (n, 2, h, w)."""
        return batch.values, rgb_to_lab(batch.values.float())[:, 1:]

    def loss(self, net: Any, x: Tensor, y: Tensor) -> Tensor:
        """Weighted cross-entropy of the bins."""
        logits = net.decoder(net.encoder.features(x).maps()).float()
        bins = net.palette.bins(F.interpolate(y, logits.shape[2:], mode="area"))
        # Divided by the number of places, not by the sum of their weights, which differs between parts of a batch.
        mean: Tensor = F.cross_entropy(logits, bins, weight=net.palette.weights(), reduction="sum") / bins.numel()
        return mean

    def after_step(self, net: Any, batch: Batch, done: float) -> None:
        """Count the colours of the batch."""
        net.palette.count(rgb_to_lab(batch.values.float())[:, 1:])

    def colorize(self, X: Any) -> NDArray[np.float32]:
        """Give images the colours that the network finds likely; their own colours, if any, are not looked at.

        Parameters
        ----------
        X : as in `fit`
            Grey images, or images in colour.

        Returns
        -------
        ndarray of float32, shape (n, 3, size, size)
            In [0, 1].
        """
        return inferred(self, X, self._colorized)

    def pictures(self, X: Any) -> Pictures | None:
        """Show images, their lightness, and the colours that were found for it."""
        with evaluating(self) as (net, device):
            values = canonical_instances(self, X, device)
            colorized = self._colorized(net, values)
        return Pictures.side_by_side(
            "Colourised",
            "Each row: an image, its lightness, which is all that the network sees, and the colours that it gives it.",
            image=values,
            lightness=lightness(values),
            colourised=colorized,
        )

    def _colorized(self, net: Any, values: Tensor) -> Tensor:
        logits = net.decoder(net.encoder.features(values).maps()).float()
        colours = torch.einsum("nqhw,qc->nchw", (logits / TEMPERATURE).softmax(1), net.palette.centres)
        large = F.interpolate(colours, values.shape[2:], mode="bilinear")
        return lab_to_rgb(torch.cat((rgb_to_lab(values.float())[:, :1], large), 1))


def grey(images: Tensor) -> bool:
    """Tell whether all places of images, shape (n, 3, h, w), fall into the bin of grey.

    Examples
    --------
    >>> grey(torch.full((2, 3, 4, 4), 0.5)), grey(torch.tensor([0.5, 0.5, 0.7]).reshape(1, 3, 1, 1))
    (True, False)
    """
    return bool((rgb_to_lab(images.float())[:, 1:].abs() <= WIDTH / 2).all())


class ColourBins(nn.Module):
    """The colours that a screen can show, in bins of 10 × 10 units of a* and b*, and how often each was seen.

    Attributes
    ----------
    centres : Tensor, shape (Q, 2)
        Middle of each bin.
    seen : Tensor, shape (Q,)
        Places counted so far.
    """

    centres: Tensor
    number: Tensor
    seen: Tensor

    def __init__(self, width: float = WIDTH) -> None:
        super().__init__()
        steps = torch.linspace(0, 1, 52)  # five 8-bit steps apart: no bin lies between two of them
        cube = torch.cartesian_prod(steps, steps, steps).T[None, :, :, None]
        cells = (rgb_to_lab(cube)[0, 1:, :, 0].T / width).round().long()
        self.width, self.low = width, -13
        table = torch.full((27, 27), -1)
        found = cells.unique(dim=0)
        table[found[:, 0] - self.low, found[:, 1] - self.low] = torch.arange(len(found))
        self.register_buffer("centres", found * width, persistent=False)
        self.register_buffer("number", table, persistent=False)
        self.register_buffer("seen", torch.zeros(len(found)))

    def bins(self, colours: Tensor) -> Tensor:
        """Give the number of the bin of each colour, shape (n, 2, h, w) to (n, h, w)."""
        a, b = ((colours / self.width).round().long() - self.low).clamp(0, 26).unbind(1)
        found = self.number[a, b]
        # Rounding at the edge of what a screen can show may leave every bin; then the nearest one is meant.
        outside = (found < 0).nonzero(as_tuple=True)
        strays = colours.permute(0, 2, 3, 1)[outside]
        found[outside] = torch.cdist(strays, self.centres).argmin(1)
        return found

    @torch.no_grad()
    def count(self, colours: Tensor) -> None:
        """Count the colours of a batch, over all processes."""
        counted = torch.bincount(self.bins(colours).flatten(), minlength=len(self.seen))
        self.seen += all_reduce_sum(counted.to(self.seen.dtype))

    def weights(self) -> Tensor:
        """Give the weight of each bin, such that the mean over the places seen is 1."""
        count = len(self.seen)
        share = (self.seen + 1) / (self.seen.sum() + count)  # before anything is seen, all alike
        weights = 1 / ((1 - RARE) * share + RARE / count)
        return weights / (weights * share).sum()
