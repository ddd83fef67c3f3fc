"""Label spreading: labels flow to neighbours, and a share flows back to where they were given."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp

from unlabeled.errors import UnlabeledError
from unlabeled.methods.fewlabels.few_labels import Codes, Floats, one_hot
from unlabeled.methods.fewlabels.graph.graph_classifier import GraphClassifier, degrees

FADED = 100
"""Times the tolerance, where the largest source is 1: a row with no larger entry is solved for again."""
LEAST = 1e-3
"""No row with a larger entry is solved for again, however coarse the tolerance."""


class LabelSpreading(GraphClassifier):
    r"""Each row takes its neighbours' labels to a share α and keeps its own to 1 − α, so that wrong labels can change.

    Split: x is the graph and the labelled rows, y the labels of the others. With the weights W and the degrees D,

    .. math:: F = (1 - \alpha)\, (I - \alpha S)^{-1} Y, \qquad S = D^{-1/2} W D^{-1/2}

    which is where the iteration F ← α S F + (1 − α) Y ends; its rows are then scaled to sum one.

    Parameters
    ----------
    alpha : float, default 0.99
        α, above 0 and below 1; the larger, the farther labels flow.

    See Also
    --------
    LabelPropagation : Known labels stay as they are.
    PoissonLearning : For very few labels.

    References
    ----------
    .. [1] Zhou, Bousquet, Lal, Weston & Schölkopf, Learning with Local and Global Consistency, NeurIPS 2003.

    Examples
    --------
    >>> X = [[0.0], [1.0], [2.0], [10.0], [11.0], [12.0]]
    >>> LabelSpreading(n_neighbors=2).fit(X, [0, -1, -1, -1, -1, 1]).predict([[1.5], [9.0]])
    array([0, 1])
    """

    principle: ClassVar[str] = "few labels"

    alpha: float = 0.99

    def _spread(self, W: Any, codes: Codes, classes: int) -> Floats:
        """Solve the system that the iteration converges to."""
        if not 0 < self.alpha < 1:
            raise UnlabeledError(f"alpha must lie between 0 and 1, got {self.alpha!r}")
        root = sp.diags_array(1 / np.sqrt(degrees(W)))
        A = (sp.eye_array(len(codes)) - self.alpha * (root @ W @ root)).tocsr()
        F, far, iterations = np.zeros((len(codes), classes)), np.full(len(codes), True), 0
        B = (1 - self.alpha) * one_hot(codes, classes)
        # A label fades with every hop. Where what is left of it is no larger than the solver's error, classes cannot be
        # told apart. Such rows are solved for again, with the values of all other rows kept.
        while far.any():
            largest = np.abs(B).max()
            B = B / largest  # squares of what has faded could be too small for numbers
            found = self._solve(A[far][:, far], B, np.ones(len(B))).clip(min=0)
            iterations += self.n_iter_
            F[far] = largest * found
            faded = found.max(axis=1) <= min(FADED * self.tol, LEAST)
            if faded.all():
                break
            far[far] = faded
            B = -(A[far][:, ~far] @ F[~far])
            if not B.any():  # so far away that numbers end; these rows stay zero
                break
        self.n_iter_ = iterations
        return F
