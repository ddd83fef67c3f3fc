"""Ready-made views: the recipes of the papers."""

from __future__ import annotations

from unlabeled.views.compose import BySize, Compose
from unlabeled.views.geometric.moves import Flip, RandomCrop, Resize, Rotate, Shift
from unlabeled.views.photometric.colour import ColourJitter, Grey
from unlabeled.views.photometric.damage import Cutout
from unlabeled.views.photometric.filters import Blur
from unlabeled.views.randaugment import RandAugment
from unlabeled.views.view import ImageView

SMALL = 32
"""Images up to this side, in pixels, get weaker jitter and no blur in `simclr`, as the paper does for CIFAR-10."""


def simclr(
    size: int | None = None,
    *,
    jitter: float | None = None,
    blur: float | None = None,
    scale: tuple[float, float] = (0.08, 1.0),
) -> ImageView:
    """Make SimCLR's view: crop, flip, colour jitter, grey, blur.

    Parameters
    ----------
    size : int, optional
        Side of the square views, in pixels; None keeps the images' own height and width.
    jitter : float, optional
        Strength s of the jitter: 0.8 s for brightness, contrast and saturation, 0.2 s for hue. By default 1, or 0.5
        for views of at most 32 pixels.
    blur : float, optional
        Probability of the blur. By default 0.5, or 0 for views of at most 32 pixels.
    scale : tuple of float, default (0.08, 1.0)
        Range of the crop's area, as a fraction of the image's.

    Returns
    -------
    ImageView
        Where the defaults depend on a size not yet known, the view looks at the images it is given.

    References
    ----------
    .. [1] Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations", 2020.

    Examples
    --------
    >>> simclr(32)
    Compose([
        RandomCrop(scale=(0.08, 1.0), ratio=(0.75, 1.3333333333333333), size=32, p=1.0),
        Flip(p=0.5),
        ColourJitter(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1, p=0.8),
        Grey(p=0.2),
    ])
    """

    def recipe(strength: float, blurred: float) -> Compose:
        steps = [
            RandomCrop(scale=scale, size=size),
            Flip(),
            ColourJitter(0.8 * strength, 0.8 * strength, 0.8 * strength, 0.2 * strength, p=0.8),
            Grey(p=0.2),
        ]
        return Compose([*steps, Blur(p=blurred)] if blurred else steps)

    small = recipe(0.5 if jitter is None else jitter, 0.0 if blur is None else blur)
    large = recipe(1.0 if jitter is None else jitter, 0.5 if blur is None else blur)
    if size is None and small != large:
        return BySize(small, large, limit=SMALL)
    return small if size is not None and size <= SMALL else large


def gentle(size: int | None = None) -> Compose:
    """Make the view of shapes on an empty ground, such as digits: a crop of at least 70 %, and a turn of at most 15°.

    It does not mirror, because a letter in a mirror is another or none, and keeps most of the shape, because a part of
    it may be another shape.

    Parameters
    ----------
    size : int, optional
        Side of the square views, in pixels; None keeps the images' own height and width.

    Examples
    --------
    >>> gentle()
    Compose([
        RandomCrop(scale=(0.7, 1.0), ratio=(0.75, 1.3333333333333333), size=None, p=1.0),
        Rotate(degrees=15, p=1.0),
    ])
    """
    return Compose([RandomCrop(scale=(0.7, 1.0), size=size), Rotate(degrees=15)])


def local(size: int | None = None) -> ImageView:
    """Make the local view of multi-crop methods: SimCLR's, of 5 to 40 % of the image.

    Parameters
    ----------
    size : int, optional
        Side of the square views, in pixels; None keeps the images' own height and width.

    References
    ----------
    .. [1] Caron et al., "Emerging Properties in Self-Supervised Vision Transformers", 2021.

    Examples
    --------
    >>> import torch
    >>> local(16)(torch.rand(2, 3, 32, 32)).shape
    torch.Size([2, 3, 16, 16])
    """
    return simclr(size, scale=(0.05, 0.4))


def weak(size: int | None = None) -> Compose:
    """Make the weak view of FixMatch: a flip, and a shift of at most 12.5 %.

    Parameters
    ----------
    size : int, optional
        Side of the square views, in pixels; None keeps the images' own height and width.

    References
    ----------
    .. [1] Sohn et al., "FixMatch: Simplifying Semi-Supervised Learning with Consistency and Confidence", 2020.

    Examples
    --------
    >>> weak()
    Compose([
        Flip(p=0.5),
        Shift(fraction=0.125, p=1.0),
    ])
    """
    resized = [] if size is None else [Resize(size)]
    return Compose([*resized, Flip(p=0.5), Shift(fraction=0.125)])


def strong(size: int | None = None) -> Compose:
    """Make the strong view of FixMatch: the weak one, then RandAugment and cutout.

    Parameters
    ----------
    size : int, optional
        Side of the square views, in pixels; None keeps the images' own height and width.

    References
    ----------
    .. [1] Sohn et al., "FixMatch: Simplifying Semi-Supervised Learning with Consistency and Confidence", 2020.

    Examples
    --------
    >>> import torch
    >>> strong()(torch.rand(8, 3, 32, 32)).shape
    torch.Size([8, 3, 32, 32])
    """
    return Compose([*weak(size).steps, RandAugment(), Cutout(fraction=0.5)])
