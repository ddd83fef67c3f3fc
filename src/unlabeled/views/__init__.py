"""Views: a view is a distorted copy of a batch, each instance with its own random parameters."""

from unlabeled.views.compose import BySize, Compose
from unlabeled.views.geometric.canvas import Canvas
from unlabeled.views.geometric.geometry import rotate90
from unlabeled.views.geometric.moves import Flip, RandomCrop, Resize, Rotate, Rotate90, Shear, Shift
from unlabeled.views.photometric.colour import ColourJitter, Grey, Invert
from unlabeled.views.photometric.damage import Cutout, Noise
from unlabeled.views.photometric.filters import Blur, Sharpness, Sobel
from unlabeled.views.photometric.gaussian_blur import gaussian_blur
from unlabeled.views.photometric.tone import Autocontrast, Equalize, Posterize, Solarize
from unlabeled.views.randaugment import RandAugment
from unlabeled.views.recipes import gentle, local, simclr, strong, weak
from unlabeled.views.table_corruption import TableCorruption
from unlabeled.views.video import ClipView, FrameSampling
from unlabeled.views.view import ImageView, Operation, View

__all__ = [
    "Autocontrast",
    "Blur",
    "BySize",
    "Canvas",
    "ClipView",
    "ColourJitter",
    "Compose",
    "Cutout",
    "Equalize",
    "Flip",
    "FrameSampling",
    "Grey",
    "ImageView",
    "Invert",
    "Noise",
    "Operation",
    "Posterize",
    "RandAugment",
    "RandomCrop",
    "Resize",
    "Rotate",
    "Rotate90",
    "Sharpness",
    "Shear",
    "Shift",
    "Sobel",
    "Solarize",
    "TableCorruption",
    "View",
    "gaussian_blur",
    "gentle",
    "local",
    "rotate90",
    "simclr",
    "strong",
    "weak",
]
