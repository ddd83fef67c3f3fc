"""Maps: vectors laid out in the plane so that neighbours stay neighbours."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.explore.nearest_others import nearest_others, store_of
from unlabeled.explore.principal_plane import principal_plane
from unlabeled.kernels.blas_threads import blas_threads
from unlabeled.search.metric import checked_vectors, unit_rows

EARLY, LATE = 250, 500  # iterations with and without exaggeration
EVERY = 50  # iterations between two reports of progress
ANCHORS = 10  # mapped neighbours that place a row which did not take part in the optimisation


def tsne_map(
    vectors: ArrayLike,
    perplexity: float = 30,
    random_state: int = 0,
    metric: str = "cosine",
    max_rows: int = 10_000,
    progress: Callable[[int, int], object] | None = None,
) -> NDArray[np.float32]:
    """Lay vectors out in the plane by t-SNE.

    Minimises KL(P ‖ Q), where P holds the similarities of neighbours under Gaussians whose width gives each the stated
    perplexity, and Q those of points in the plane under a Student t distribution with one degree of freedom.

    The settings are those found to matter: the start is the principal plane, scaled to a standard deviation of 1e-4,
    which keeps the large arrangement; the learning rate is n / 12 with exaggeration 12 for 250 iterations, and n
    without for 500 more. Neighbours are found exactly. Gradients are by Barnes–Hut: interpolation by FFT is faster from
    10,000 points on, but its rounding differs from call to call and with it the map. Hence also `max_rows`: of more
    rows a sample is optimised, and every other is put at the median of the ten sampled rows nearest to it.

    Distances between far-apart groups, their sizes and their densities say little on any such map.

    Parameters
    ----------
    vectors : array-like, shape (n, d)
    perplexity : float, default 30
        About how many neighbours hold each point; lowered to (n − 1) / 3 for few rows.
    random_state : int, default 0
        Of the sample and of the jitter that parts duplicates. The same seed gives the same map on one machine.
    metric : {"cosine", "euclidean"}
        The distance between vectors.
    max_rows : int, default 10000
        Rows that take part in the optimisation.
    progress : callable, optional
        Called as ``progress(done, total)`` while it runs, in iterations.

    Returns
    -------
    ndarray of float32, shape (n, 2)
        Positions, centred. Of fewer than four rows, which have no neighbourhoods to keep, the principal plane.

    Raises
    ------
    UnlabeledError
        If there are no vectors, they hold NaN, the metric is unknown, the perplexity below 1, or `max_rows` below 4.

    References
    ----------
    L. van der Maaten and G. Hinton, "Visualizing Data using t-SNE", JMLR 9, 2008.
    D. Kobak and P. Berens, "The art of using t-SNE for single-cell transcriptomics", Nature Communications 10, 2019.
    A. C. Belkina et al., "Automated optimized parameters for t-SNE", Nature Communications 10, 2019.

    Examples
    --------
    >>> import numpy as np
    >>> vectors = np.repeat(np.eye(3), 20, axis=0) + 0.1 * np.random.default_rng(0).normal(size=(60, 3))
    >>> tsne_map(vectors).shape
    (60, 2)
    """
    array = checked_for_map(vectors, metric)
    if perplexity < 1 or max_rows < 4:
        raise UnlabeledError(f"perplexity must be at least 1, max_rows at least 4; they are {perplexity}, {max_rows}")
    points, _ = laid_out(
        array, lambda rows: _optimised(rows, perplexity, random_state, metric, progress), max_rows, random_state, metric
    )
    return points


def laid_out(
    array: NDArray[np.float32],
    lay_out: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    max_rows: int,
    random_state: int,
    metric: str,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Lay rows out; of more than `max_rows` a sample, among which every other is put.

    Returns
    -------
    points : ndarray of float32, shape (n, 2)
    anchors : ndarray of int64, shape (m,)
        The rows that were laid out, in ascending order.
    """
    if len(array) <= max_rows:
        return lay_out(array), np.arange(len(array))
    anchors = np.sort(np.random.default_rng(random_state).choice(len(array), max_rows, replace=False))
    placed = lay_out(array[anchors])
    points = at_medians(placed, store_of(array[anchors], metric).query(array, ANCHORS).indices)
    points[anchors] = placed
    return points, anchors


def at_medians(points: NDArray[np.float32], nearest: NDArray[np.int64]) -> NDArray[np.float32]:
    """Put each row at the median of the points nearest to it, whose numbers `nearest` holds, shape (n, k)."""
    medians: NDArray[np.float32] = np.median(points[nearest], axis=1)
    return medians


def checked_for_map(vectors: ArrayLike, metric: str) -> NDArray[np.float32]:
    """Give the vectors as float32; refuse an empty array and a metric by which no map is made."""
    array = checked_vectors(vectors)
    if metric not in ("cosine", "euclidean"):
        raise unknown_name("metric", metric, ("cosine", "euclidean"))
    if len(array) == 0:
        raise UnlabeledError("there are no vectors to map; give at least one")
    return array


def _optimised(
    array: NDArray[np.float32],
    perplexity: float,
    random_state: int,
    metric: str,
    progress: Callable[[int, int], object] | None,
) -> NDArray[np.float32]:
    """Run t-SNE on all rows."""
    from openTSNE import TSNE
    from openTSNE.affinity import PerplexityBasedNN
    from openTSNE.nearest_neighbors import PrecomputedNeighbors

    if metric == "cosine":
        array = unit_rows(array)
    if len(array) < 4:
        return principal_plane(array)
    perplexity = min(perplexity, (len(array) - 1) / 3)
    found = nearest_others(array, max(1, int(3 * perplexity)), metric)
    threads = blas_threads()
    affinities = PerplexityBasedNN(
        knn_index=PrecomputedNeighbors(found.indices, found.distances.astype(np.float64)),
        perplexity=perplexity,
        n_jobs=threads,
    )
    done = 0

    def report(iteration: int, error: float, embedding: object) -> None:
        nonlocal done
        done += EVERY
        if progress is not None:
            progress(done, EARLY + LATE)

    optimiser = TSNE(
        early_exaggeration_iter=EARLY,
        n_iter=LATE,
        negative_gradient_method="bh",
        n_jobs=threads,
        callbacks=report,
        callbacks_every_iters=EVERY,
    )
    start = _start(array, np.random.default_rng(random_state))
    embedding = optimiser.fit(affinities=affinities, initialization=start)
    points: NDArray[np.float64] = np.asarray(embedding)
    points -= points.mean(axis=0)
    return points.astype(np.float32)


def _start(array: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float64]:
    """Give the principal plane at the small scale t-SNE starts from, with jitter so that duplicates can part."""
    plane = principal_plane(array).astype(np.float64)
    scale = plane[:, 0].std() or 1.0
    return 1e-4 * (plane / scale + random.normal(0, 0.01, plane.shape))
