"""A canvas: images on their way through a view, with the geometry and the colour change still to be done."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from unlabeled.views.geometric import affine
from unlabeled.views.geometric.geometry import Size, resample


class Canvas:
    """Images together with one pending map of positions and one pending colour matrix each.

    Geometric steps compose into the map and linear colour steps into the matrix; pixels are touched only when a step
    that is neither needs them, so a recipe resamples once and recolours once. The two kinds may be interleaved:
    resampling weights sum to one, so resampling and recolouring commute.

    Parameters
    ----------
    images : Tensor, shape (n, c, h, w)
        Never changed in place.
    """

    def __init__(self, images: Tensor) -> None:
        _, self.channels, height, width = images.shape
        self.size: Size = (height, width)  # of the images once the pending map is carried out
        self._given = images
        self._images = images
        self._maps: Tensor | None = None
        self._matrices: Tensor | None = None
        self._mean: Tensor | None = None  # colour of self._images, once it has been asked for

    def mean(self) -> Tensor:
        """Give the mean colour of each image as it stands, all steps so far included; shape (n, c)."""
        self._resample()
        if self._mean is None:
            self._mean = self._images.mean((-2, -1))
        return self._mean if self._matrices is None else affine.apply(self._matrices, self._mean)

    def move(self, maps: Tensor, size: Size) -> None:
        """Add a geometric step.

        Parameters
        ----------
        maps : Tensor, float64, shape (n, 2, 3), on the CPU
            From a position (x, y) in the result to one in the image as it stands.
        size : tuple of int
            Height and width of the result.
        """
        self._maps = maps if self._maps is None else affine.compose(self._maps, maps)
        self.size = size

    def recolour(self, matrices: Tensor) -> None:
        """Add a linear colour step: matrices of shape (n, c, c + 1) on the images' device."""
        self._matrices = matrices if self._matrices is None else affine.compose(matrices, self._matrices)

    def change(self, function: Callable[..., Tensor], chosen: Tensor, *parameters: Tensor) -> None:
        """Replace the chosen images by what `function` makes of them.

        Parameters
        ----------
        function : callable
            Called with images of shape (m, c, h, w) and the rows of each of the parameters that belong to them;
            returns a new tensor of the same shape.
        chosen : Tensor, bool, shape (n,), on the CPU
            The images to change.
        *parameters : Tensor, shape (n, ...), on the CPU
            One row an image.
        """
        if not chosen.any():
            return
        images = self._flush()

        def local(parameter: Tensor) -> Tensor:
            return parameter.to(images.dtype).to(images.device)

        if chosen.all():
            self._set(function(images, *map(local, parameters)))
            return
        rows = chosen.nonzero().squeeze(1)
        here = rows.to(images.device)
        changed = function(images.index_select(0, here), *(local(parameter[rows]) for parameter in parameters))
        put = images.index_copy if images is self._given else images.index_copy_
        self._set(put(0, here, changed))

    def finished(self) -> Tensor:
        """Carry out what is pending and clamp to [0, 1]; never the given tensor itself."""
        images = self._flush()
        return images.clamp(0, 1) if images is self._given else images.clamp_(0, 1)

    def _flush(self) -> Tensor:
        self._resample()
        if self._matrices is not None:
            pixels = self._images.flatten(2)
            linear, constant = self._matrices[:, :, :-1].contiguous(), self._matrices[:, :, -1:].contiguous()
            self._set(torch.baddbmm(constant, linear, pixels).view(self._images.shape))
            self._matrices = None
        return self._images

    def _resample(self) -> None:
        if self._maps is not None:
            self._set(resample(self._images, self._maps, self.size))
            self._maps = None

    def _set(self, images: Tensor) -> None:
        self._images = images
        self._mean = None
