"""CIELAB: colours as lightness and two opponents, in which distances are about those that people see."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

# sRGB's primaries and white (D65) in XYZ, IEC 61966-2-1; rows are divided by the white, so that white is (1, 1, 1).
_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_RELATIVE = (_XYZ / _XYZ.sum(axis=1, keepdims=True)).astype(np.float32)
_BEND = 6 / 29


def lab(rgb: ArrayLike) -> NDArray[np.float32]:
    """Turn sRGB bytes into CIELAB.

    Parameters
    ----------
    rgb : array-like of uint8, shape (..., 3)

    Returns
    -------
    ndarray of float32, shape (..., 3)
        L* from 0 (black) to 100 (white), a* from green to red, b* from blue to yellow.

    References
    ----------
    .. [1] CIE 15, Colorimetry, 2004.

    Examples
    --------
    >>> lab([[255, 255, 255], [255, 0, 0]]).round(1) + 0
    array([[100. ,   0. ,   0. ],
           [ 53.2,  80.1,  67.2]], dtype=float32)
    """
    value = np.arange(256, dtype=np.float32) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)
    xyz = linear[np.asarray(rgb, dtype=np.uint8)] @ _RELATIVE.T
    bent = np.where(xyz > _BEND**3, np.cbrt(xyz), xyz / (3 * _BEND**2) + 4 / 29)
    x, y, z = np.moveaxis(bent, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1).astype(np.float32)
