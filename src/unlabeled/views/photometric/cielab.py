"""CIELAB on tensors: an image as lightness and two opponent colours, and back."""

from __future__ import annotations

import torch
from torch import Tensor

# sRGB's primaries and white (D65) in XYZ, IEC 61966-2-1; rows are divided by the white, so that white is (1, 1, 1).
_XYZ = torch.tensor([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]], dtype=torch.float64)
_RELATIVE = _XYZ / _XYZ.sum(dim=1, keepdim=True)
_BEND = 6 / 29


def rgb_to_lab(images: Tensor) -> Tensor:
    """Turn sRGB images into CIELAB.

    Parameters
    ----------
    images : Tensor, shape (n, 3, h, w)
        In [0, 1].

    Returns
    -------
    Tensor, shape (n, 3, h, w)
        L* from 0 (black) to 100 (white), a* from green to red, b* from blue to yellow.

    References
    ----------
    .. [1] CIE 15, Colorimetry, 2004.
    """
    linear = torch.where(images <= 0.04045, images / 12.92, ((images.clamp(min=0) + 0.055) / 1.055) ** 2.4)
    xyz = torch.einsum("rc,nchw->nrhw", _RELATIVE.to(linear), linear)
    bent = torch.where(xyz > _BEND**3, xyz.clamp(min=_BEND**3) ** (1 / 3), xyz / (3 * _BEND**2) + 4 / 29)
    x, y, z = bent.unbind(1)
    return torch.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), 1)


def lab_to_rgb(lab: Tensor) -> Tensor:
    """Undo `rgb_to_lab`; colours that no screen can show are cut off at 0 and 1, channel by channel."""
    lightness, a, b = lab.unbind(1)
    y = (lightness + 16) / 116
    bent = torch.stack((y + a / 500, y, y - b / 200), 1)
    xyz = torch.where(bent > _BEND, bent**3, 3 * _BEND**2 * (bent - 4 / 29))
    linear = torch.einsum("rc,nchw->nrhw", torch.linalg.inv(_RELATIVE).to(xyz), xyz).clamp(0, 1)
    return torch.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055)
