"""CIELAB on tensors: colours as lightness and two opponents, in which distances are about those that people see."""

from __future__ import annotations

import torch
from torch import Tensor

# sRGB's primaries and white (D65) in XYZ, IEC 61966-2-1.
_XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
_BEND = 6 / 29


def rgb_to_lab(images: Tensor) -> Tensor:
    """Turn sRGB into CIELAB.

    Parameters
    ----------
    images : Tensor, shape (n, 3, h, w)
        Floats in [0, 1].

    Returns
    -------
    Tensor of float32, shape (n, 3, h, w)
        L* from 0 (black) to 100 (white), a* from green to red, b* from blue to yellow.

    References
    ----------
    .. [1] CIE 15, Colorimetry, 2004.

    Examples
    --------
    >>> red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)
    >>> [round(value, 1) for value in rgb_to_lab(red).flatten().tolist()]
    [53.2, 80.1, 67.2]
    """
    values = images.float()
    linear = torch.where(values <= 0.04045, values / 12.92, ((values.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4)
    matrix = linear.new_tensor(_XYZ)
    xyz = torch.einsum("rc,nchw->nrhw", matrix / matrix.sum(1, keepdim=True), linear)  # white becomes (1, 1, 1)
    bent = torch.where(xyz > _BEND**3, xyz.clamp(min=_BEND**3) ** (1 / 3), xyz / (3 * _BEND**2) + 4 / 29)
    x, y, z = bent.unbind(1)
    return torch.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), 1)
