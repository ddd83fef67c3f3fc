"""Label propagation: each unlabelled row has the mean label of its neighbours."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp

from unlabeled.methods.fewlabels.few_labels import Codes, Floats, one_hot
from unlabeled.methods.fewlabels.graph.graph_classifier import GraphClassifier, degrees


class LabelPropagation(GraphClassifier):
    r"""Known labels stay as they are, and every other row takes the weighted mean of its neighbours' labels.

    Split: x is the graph and the labelled rows, y the labels of the others. The labels F are harmonic: with the
    weights W, the degrees D, and the rows parted into labelled ones L and unlabelled ones U,

    .. math:: F_L = Y_L, \qquad (D_{UU} - W_{UU}) F_U = W_{UL} Y_L

    which is where repeated propagation with clamped labels ends. With fewer than about five labels a class it fails:
    nearly all rows take nearly the same mean. Take `PoissonLearning` then.

    See Also
    --------
    LabelSpreading : Known labels may change.
    PoissonLearning : For very few labels.

    References
    ----------
    .. [1] Zhu, Ghahramani & Lafferty, Semi-Supervised Learning Using Gaussian Fields and Harmonic Functions, ICML 2003.

    Examples
    --------
    >>> X = [[0.0], [1.0], [2.0], [10.0], [11.0], [12.0]]
    >>> model = LabelPropagation(n_neighbors=2).fit(X, ["low", "", "", "", "", "high"])
    >>> model.transduction_.tolist()
    ['low', 'low', 'low', 'high', 'high', 'high']
    """

    principle: ClassVar[str] = "few labels"

    def _spread(self, W: Any, codes: Codes, classes: int) -> Floats:
        """Clamp the labelled rows and solve for the others."""
        known, hidden = np.flatnonzero(codes >= 0), np.flatnonzero(codes < 0)
        F = one_hot(codes, classes)
        self.n_iter_ = 1  # where all rows are labelled, one look is enough
        if len(hidden):
            degree = degrees(W)[hidden]
            A = sp.diags_array(degree) - W[hidden][:, hidden]
            F[hidden] = self._solve(A, W[hidden][:, known] @ F[known], degree).clip(min=0)
        return F
