"""How many clusters? Distortion and silhouette over k, drawn, and a suggestion."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import pairwise_distances, silhouette_score
from sklearn.utils import check_random_state

from unlabeled.errors import UnlabeledError
from unlabeled.figure import figure
from unlabeled.methods.mixture.k_means import KMeans

KS = (2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30)
SAMPLE = 2000  # rows whose silhouettes are measured: they need all distances between them


@dataclass(frozen=True)
class Elbow:
    """What `elbow` found.

    Parameters
    ----------
    ks : list of int
        Numbers of clusters, ascending.
    distortions : list of float
        Mean squared distance of a row to its centre, for each k.
    silhouettes : list of float
        Mean silhouette of a sample, for each k: (b − a) / max(a, b) with a the mean distance to the row's own cluster
        and b that to the nearest other one. NaN where it is not defined, as for k = 1.
    suggested_k : int
        The k with the largest silhouette; if there is none, `knee`.
    knee : int
        The k at which the distortion's curve bends most: the point farthest below the line between its ends.
    models : list of KMeans
        The fits.
    """

    ks: list[int]
    distortions: list[float]
    silhouettes: list[float]
    suggested_k: int
    knee: int
    models: list[KMeans] = field(repr=False)

    def plot(self, path: str | PathLike[str]) -> Path:
        """Draw both curves as a PNG, the suggestion marked; give the path."""
        panels = (
            ("Distortion", "mean squared distance to the centre", self.distortions),
            ("Silhouette", "larger: clusters farther apart", self.silhouettes),
        )
        with figure(path, 8.4, 3.2) as drawn:
            for place, (title, meaning, values) in enumerate(panels, start=1):
                axes = drawn.add_subplot(1, 2, place)
                axes.plot(self.ks, values, marker="o", markersize=3.5, linewidth=1.4, color="#2a6fbb")
                axes.axvline(self.suggested_k, color="#c2410c", linewidth=1, linestyle="--")
                axes.set_title(f"{title}: {meaning}", loc="left", fontsize=9)
                axes.set_xlabel(f"clusters (suggested: {self.suggested_k})", fontsize=8)
                axes.tick_params(labelsize=8)
                axes.spines[["top", "right"]].set_visible(False)
        return Path(path)


def elbow(X: Any, ks: Iterable[int] = KS, *, random_state: Any = 0, sample: int = SAMPLE, **settings: Any) -> Elbow:
    """Fit k-means for several k, and say which fits best.

    Parameters
    ----------
    X : as for `KMeans.fit`
        The rows.
    ks : iterable of int
        Numbers of clusters to try; those above the number of rows are left out.
    random_state : int, RandomState or None, default 0
        Of the starts and of the sample.
    sample : int, default 2000
        Rows whose silhouettes are measured.
    **settings
        Further hyper-parameters of `KMeans`.

    Returns
    -------
    Elbow
        Distortions, silhouettes, the suggested k; its `plot` draws them.

    Raises
    ------
    UnlabeledError
        If no k can be tried, or X cannot be clustered.

    Notes
    -----
    Silhouettes judge how well clusters are separated, and suggest a k even where there are no clusters: look whether
    the largest is well above 0. Distortion falls with every further cluster; what counts is where it falls less.

    References
    ----------
    .. [1] Rousseeuw, Silhouettes: a Graphical Aid to the Interpretation and Validation of Cluster Analysis, 1987.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> rows = np.concatenate([rng.normal(place, 0.3, (50, 2)) for place in (0, 4, 9)])
    >>> elbow(rows, range(1, 7)).suggested_k
    3
    """
    random = check_random_state(random_state)
    blocks = KMeans(**settings)._open(X, reset=True)
    n = blocks.shape[0]
    tried = sorted({int(k) for k in ks if 1 <= k <= n})
    if not tried:
        raise UnlabeledError(f"no number of clusters to try: ks must hold some between 1 and the {n} rows")
    seen = np.sort(random.choice(n, min(sample, n), replace=False))
    rows = blocks.take(seen)
    distances = pairwise_distances(rows - rows.mean(axis=0))  # near zero, where products of rows keep their digits
    np.fill_diagonal(distances, 0)  # which rounding leaves a little off
    models = [KMeans(k, **settings, random_state=int(random.randint(2**31))).fit(blocks) for k in tried]
    distortions = [model.inertia_ / n for model in models]
    silhouettes = [_silhouette(distances, model.labels_[seen]) for model in models]
    knee = tried[_knee(np.array(tried, dtype=np.float64), np.array(distortions))]
    suggested = knee if np.isnan(silhouettes).all() else tried[int(np.nanargmax(silhouettes))]
    return Elbow(tried, distortions, silhouettes, suggested, knee, models)


def _silhouette(distances: NDArray[Any], labels: NDArray[np.int32]) -> float:
    if not 2 <= len(np.unique(labels)) < len(labels):
        return float("nan")
    return float(silhouette_score(distances, labels, metric="precomputed"))


def _knee(x: NDArray[np.float64], y: NDArray[np.float64]) -> int:
    """Find the point farthest below the line between the first and the last, both axes scaled to 1."""
    if len(x) < 3 or y[0] == y[-1]:
        return 0
    along, down = (x - x[0]) / (x[-1] - x[0]), (y - y[-1]) / (y[0] - y[-1])
    return int(np.argmax(1 - along - down))
