"""Poisson learning: labelled rows are sources and sinks on the graph."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike

from unlabeled.methods.fewlabels.few_labels import Codes, Floats, known_shares, one_hot, softmax
from unlabeled.methods.fewlabels.graph.graph_classifier import GraphClassifier, degrees


class PoissonLearning(GraphClassifier):
    r"""Labelled rows are sources of their class and sinks of the others, which works with one label a class.

    Split: x is the graph and the labelled rows, y the labels of the others. With the graph's Laplacian L = D − W, the
    labels y_i as unit vectors and their mean ȳ,

    .. math:: (L u)_i = y_i - \bar y \text{ at labelled rows},\ 0 \text{ elsewhere}, \qquad \sum_i d_i u_i = 0

    and a row belongs to the class whose u, times `class_prior` over ȳ if that is given, is largest. Each connected
    component is a problem of its own, of the classes that have labels in it. Probabilities are the softmax of u in
    units of its standard deviation: they put rows in order and are not calibrated.

    Parameters
    ----------
    class_prior : array-like, shape (c,), optional
        Known shares of the classes; by default those of the labels.

    See Also
    --------
    LabelPropagation : The same graph with labels held fast, which needs more of them.

    References
    ----------
    .. [1] Calder, Cook, Thorpe & Slepčev, Poisson Learning: Graph Based Semi-Supervised Learning at Very Low Label
       Rates, ICML 2020.

    Examples
    --------
    >>> X = [[0.0], [1.0], [2.0], [10.0], [11.0], [12.0]]
    >>> model = PoissonLearning(n_neighbors=3).fit(X, [0, -1, -1, -1, -1, 1])
    >>> model.transduction_.tolist()
    [0, 0, 0, 1, 1, 1]
    """

    principle: ClassVar[str] = "few labels"

    class_prior: ArrayLike | None = None

    def _spread(self, W: Any, codes: Codes, classes: int) -> Floats:
        """Solve for the potential of each class."""
        prior = self._prior(classes)
        _, parts = sp.csgraph.connected_components(W, directed=False)
        known = np.flatnonzero(codes >= 0)
        Y = one_hot(codes, classes)
        counts = np.zeros((parts.max() + 1, classes))
        np.add.at(counts, parts[known], Y[known])
        mean = counts / counts.sum(axis=1, keepdims=True)
        source = np.zeros_like(Y)
        source[known] = Y[known] - mean[parts[known]]

        # In the coordinates v = √D u the system has the normalised Laplacian, whose eigenvalues are at most 2.
        degree = degrees(W)
        root: Any = sp.diags_array(1 / np.sqrt(degree))
        laplacian = (sp.eye_array(len(codes)) - root @ W @ root).tocsr()
        u = root @ self._solve(laplacian, root @ source, np.ones(len(codes)))
        sums = np.zeros_like(counts)
        np.add.at(sums, parts, degree[:, None] * u)
        u -= (sums / np.bincount(parts, weights=degree)[:, None])[parts]

        if prior is not None:
            u = u * (prior * known.size / np.bincount(codes[known], minlength=classes))
        spread = u.std()
        scores = u / spread if spread > 0 else u
        return softmax(np.where(counts[parts] > 0, scores, -np.inf))

    def _prior(self, classes: int) -> Floats | None:
        if self.class_prior is None:
            return None
        return known_shares(self.class_prior, classes)
