"""Classifiers on a graph of neighbours: labels flow along its edges."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from typing import Any, ClassVar, Literal, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.methods.fewlabels.few_labels import Codes, FewLabels, Floats, normalised
from unlabeled.methods.fewlabels.graph.conjugate_gradients import conjugate_gradients
from unlabeled.search.exact import ExactStore
from unlabeled.search.neighbour_graph import NeighbourGraph
from unlabeled.setting_checks import check_whole_number

Metric = Literal["euclidean", "cosine", "precomputed"]


class GraphClassifier(FewLabels):
    """Base of the methods that spread labels over one sparse, symmetric graph of nearest neighbours.

    The graph joins each row to its nearest others. An edge counts in both directions, and no row is its own neighbour.

    Parameters
    ----------
    n_neighbors : int, default 10
        Neighbours of each row, itself not counted; also those that vote in `predict`.
    metric : {"euclidean", "cosine", "precomputed"}, default "euclidean"
        What near means. With ``"precomputed"``, X is a square matrix of weights, sparse or not, in `fit`, and in
        `predict` one of weights from new rows to those of `fit`.
    weights : {"gaussian", "uniform"}, default "gaussian"
        Weights of the edges; see `NeighbourGraph.weights`.
    tol : float, default 1e-6
        Relative residual at which the linear system counts as solved.
    max_iter : int, default 1000
        Iterations of conjugate gradients at most.
    random_state : int, RandomState or None, default None
        Of the approximate neighbours of more than 50,000 rows.

    Attributes
    ----------
    classes_ : ndarray, shape (c,)
        The classes.
    label_distributions_ : ndarray, shape (n, c)
        Share of each class in each row of `fit`; rows sum to one.
    transduction_ : ndarray, shape (n,)
        The class of each row of `fit`; −1, or the empty string where classes are names, for unreached rows.
    unreached_ : ndarray of bool, shape (n,)
        Rows that no path of the graph joins to a labelled one, or only one so long that what comes through it is too
        small for a number. Their distribution is uniform.
    n_iter_ : int
        Iterations made.
    n_features_in_ : int
        Columns seen in `fit`.
    """

    principle: ClassVar[str] = "few labels"

    n_neighbors: int = 10
    metric: Metric = "euclidean"
    weights: Literal["gaussian", "uniform"] = "gaussian"
    tol: float = 1e-6
    max_iter: int = 1000
    random_state: Any = None

    @abstractmethod
    def _spread(self, W: Any, codes: Codes, classes: int) -> Floats:
        """Give a score of each class for each row of a graph in which a path leads from every row to a label.

        Scores are not negative, and in proportion to the distribution over the classes. A row of zeros is one to which
        nothing has come.
        """

    def fit(self, X: Any, y: Any, *, graph: NeighbourGraph | None = None) -> Self:
        """Spread the known labels over the graph.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n, d)
            Rows, labelled or not.
        y : array-like, shape (n,)
            Classes, −1 where unknown.
        graph : NeighbourGraph, optional
            The graph of these rows, where it is there already.

        Returns
        -------
        self

        Raises
        ------
        UnlabeledError
            If rows, labels, graph or settings are not usable.
        """
        self._check()
        X = self._rows(X, reset=True)
        labels = self._read_labels(y, X.shape[0])
        W = self._graph(X, graph)
        _, parts = sp.csgraph.connected_components(W, directed=False)
        reached = np.isin(parts, parts[labels.codes >= 0])
        count = len(labels.classes)
        distributions = np.full((X.shape[0], count), 1 / count)
        inside = W if reached.all() else W[reached][:, reached]
        scores = self._spread(inside, labels.codes[reached], count)
        arrived = scores.any(axis=1)
        reached[reached] = arrived
        distributions[reached] = normalised(scores[arrived])
        self.label_distributions_, self.unreached_ = distributions, ~reached
        self.transduction_ = labels.names(np.where(reached, distributions.argmax(axis=1), -1))
        self.X_ = X if self.metric != "precomputed" else np.empty((0, 0))
        return self

    def predict_proba(self, X: Any) -> Floats:
        """Give the mean distribution of each row's nearest rows of `fit`, near ones counting more.

        Rows sum to one. A row whose neighbours are all unreached has the uniform distribution.
        """
        return self._predicted(X)[0]

    def predict(self, X: Any) -> NDArray[Any]:
        """Give the class of each row; −1, or the empty string, where all its neighbours are unreached."""
        shares, reached = self._predicted(X)
        named: NDArray[Any] = self.classes_[shares.argmax(axis=1)]
        if reached.all():
            return named
        nothing: Any = "" if named.dtype.kind in "OU" else -1
        return np.where(reached, named, nothing)

    def _predicted(self, X: Any) -> tuple[Floats, NDArray[np.bool_]]:
        check_is_fitted(self)
        X = self._rows(X, reset=False)
        W = sp.csr_array(X) if self.metric == "precomputed" else self._to_neighbours(X)
        votes = W @ np.where(self.unreached_[:, None], 0, self.label_distributions_)
        sums = votes.sum(axis=1, keepdims=True)
        reached = sums[:, 0] > 0
        count = len(self.classes_)
        return np.where(reached[:, None], votes / np.where(sums > 0, sums, 1), 1 / count), reached

    def _to_neighbours(self, X: Any) -> sp.csr_array:
        """Give the weights of new rows' edges to their nearest rows of `fit`."""
        k = min(self.n_neighbors, self.X_.shape[0])
        if sp.issparse(self.X_) or sp.issparse(X):
            from sklearn.neighbors import NearestNeighbors

            index = NearestNeighbors(n_neighbors=k, metric=self.metric, algorithm="brute").fit(self.X_)
            distances, indices = index.kneighbors(X)
        else:
            ids = [str(row) for row in range(len(self.X_))]
            found = ExactStore.build(ids, self.X_, metric=self.metric).query(X, k)
            distances, indices = found.distances.astype(np.float64), found.indices
        weights = np.ones_like(distances, dtype=np.float64)
        if self.weights == "gaussian":
            farthest = distances[:, -1:]
            weights = np.exp(-4 * np.square(distances / np.where(farthest > 0, farthest, 1)))
        rows = np.repeat(np.arange(len(indices)), k)
        return sp.csr_array((weights.ravel(), (rows, indices.ravel())), shape=(len(indices), self.X_.shape[0]))

    def _graph(self, X: Any, graph: NeighbourGraph | None) -> Any:
        """Give the symmetric matrix of weights."""
        if self.metric == "precomputed":
            return _checked_weights(X)
        if graph is None:
            seed = int(check_random_state(self.random_state).randint(2**31))
            graph = NeighbourGraph.from_vectors(X, self.n_neighbors, metric=self.metric, random_state=seed)
        elif len(graph) != X.shape[0]:
            raise UnlabeledError(f"the graph has {len(graph)} rows, and X has {X.shape[0]}")
        return graph.weights(self.weights)

    def _solve(self, A: Any, B: Floats, diagonal: Floats) -> Floats:
        """Solve A F = B, and warn if that took too long."""
        found, self.n_iter_, converged = conjugate_gradients(A, B, diagonal, tol=self.tol, max_iter=self.max_iter)
        if not converged:
            warnings.warn(
                f"{type(self).__name__} did not converge in {self.max_iter} iterations; raise max_iter or tol",
                ConvergenceWarning,
                stacklevel=4,
            )
        return found

    def _check(self) -> None:
        check_whole_number("n_neighbors", self.n_neighbors)
        for name, known in (("metric", ("euclidean", "cosine", "precomputed")), ("weights", ("gaussian", "uniform"))):
            if getattr(self, name) not in known:
                raise unknown_name(name, str(getattr(self, name)), known)
        if not self.tol > 0:
            raise UnlabeledError(f"tol must be above 0, got {self.tol!r}")
        check_whole_number("max_iter", self.max_iter)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.metric == "precomputed"
        return tags


def _checked_weights(X: Any) -> Any:
    """Make a given matrix of weights undirected and free of self-loops."""
    matrix: Any = sp.csr_array(X, dtype=np.float64)
    if matrix.shape[0] != matrix.shape[1]:
        raise UnlabeledError(f"a precomputed graph is a square matrix of weights, not one of shape {matrix.shape}")
    if (matrix.data < 0).any():
        raise UnlabeledError("the weights of a graph must not be negative")
    matrix = sp.csr_array(matrix.maximum(matrix.T))
    matrix.setdiag(0)
    matrix.eliminate_zeros()
    return matrix


def degrees(W: Any) -> Floats:
    """Give the sum of each row's weights, 1 for a row that has none."""
    sums = np.asarray(W.sum(axis=1), dtype=np.float64).ravel()
    return np.where(sums > 0, sums, 1)
