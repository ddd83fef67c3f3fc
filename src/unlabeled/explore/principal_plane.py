"""The principal plane: the two directions in which vectors vary most."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def principal_plane(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """Project on the first two principal components; what the data lack is zero."""
    from sklearn.decomposition import PCA

    plane = np.zeros((len(array), 2), np.float32)
    components = min(2, *array.shape)
    if np.ptp(array, axis=0).any():
        plane[:, :components] = PCA(components, random_state=0).fit_transform(array)
    return plane
