"""A map that stays as it is: others are placed on it, and nothing that is there moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.explore.maps.map import ANCHORS, at_medians, laid_out, tsne_map
from unlabeled.explore.maps.umap_map import umap_map
from unlabeled.explore.nearest_others import store_of
from unlabeled.files import folder_written_aside, load_arrays, read_json, refuses_damage, save_arrays, write_json
from unlabeled.kernels.blas_threads import blas_threads
from unlabeled.search.metric import checked_vectors
from unlabeled.setting_checks import check_whole_number

KINDS = {"tsne": "t-SNE", "umap": "UMAP"}
FORMAT, VERSION = "map", 1
STEPS = 250  # of the gradient descent by which a row finds its place
PERPLEXITY = 5  # neighbours that hold a row which is placed: few, because it has to find one spot


class FittedMap:
    """Where rows lie in the plane, with the vectors that place others among them.

    Make one with `fit` or read it with `open`.

    Attributes
    ----------
    ids : list of str, length n
        Names of the rows on the map.
    points : ndarray of float32, shape (n, 2)
        Their positions.
    anchors : ndarray of int64, shape (m,)
        The rows whose positions were optimised, in ascending order.
    vectors : ndarray of float32, shape (m, d)
        Vectors of the anchors.
    kind : {"tsne", "umap"}
        The method.
    metric : {"cosine", "euclidean"}
        The distance between vectors.

    Examples
    --------
    >>> vectors = np.repeat(np.eye(3), 20, axis=0) + 0.1 * np.random.default_rng(0).normal(size=(60, 3))
    >>> fitted = FittedMap.fit(vectors[:50])
    >>> fitted.points.shape, fitted.place(vectors[50:]).shape
    ((50, 2), (10, 2))
    """

    def __init__(
        self,
        ids: list[str],
        points: NDArray[np.float32],
        anchors: NDArray[np.int64],
        vectors: NDArray[np.float32],
        kind: str,
        metric: str,
    ) -> None:
        self.ids, self.points, self.anchors, self.vectors = ids, points, anchors, vectors
        self.kind, self.metric = kind, metric

    def __len__(self) -> int:
        return len(self.points)

    @classmethod
    def fit(
        cls,
        vectors: ArrayLike,
        ids: Sequence[str] | None = None,
        *,
        kind: str = "tsne",
        perplexity: float = 30,
        random_state: int = 0,
        metric: str = "cosine",
        max_rows: int = 10_000,
        progress: Callable[[int, int], object] | None = None,
    ) -> Self:
        """Lay vectors out by t-SNE or UMAP; of more than `max_rows`, a sample, on which the others are placed.

        Parameters
        ----------
        vectors : array-like, shape (n, d)
        ids : sequence of str, length n, optional
            Names of the rows; by default their numbers.
        kind : {"tsne", "umap"}, default "tsne"
            The method; UMAP needs the extra ``umap``.
        perplexity : float, default 30
            About how many neighbours hold each point; for UMAP, to how many it is joined.
        random_state : int, default 0
            Of the sample and of the method.
        metric : {"cosine", "euclidean"}
        max_rows : int, default 10000
            Rows that take part in the optimisation. Each of the others is put at the median of the ten of them that are
            nearest to it. Time grows with `max_rows`, and only by a search with n.
        progress : callable, optional
            Called as ``progress(done, total)`` in iterations of t-SNE.
        """
        if kind not in KINDS:
            raise unknown_name("kind of map", kind, KINDS)
        array = checked_vectors(vectors)
        names = [str(row) for row in range(len(array))] if ids is None else [str(name) for name in ids]
        if len(names) != len(array):
            raise UnlabeledError(f"there are {len(names)} ids for {len(array)} vectors; give one id for each")
        check_whole_number("max_rows", max_rows, 4)

        def lay_out(rows: NDArray[np.float32]) -> NDArray[np.float32]:
            if kind != "umap":
                return tsne_map(rows, perplexity, random_state, metric, max_rows, progress)
            return umap_map(rows, max(2, round(perplexity)), random_state, metric)

        points, anchors = laid_out(array, lay_out, max_rows, random_state, metric)
        return cls(names, points, anchors, array[anchors], kind, metric)

    def place(self, vectors: ArrayLike) -> NDArray[np.float32]:
        """Find places for other rows; where a row goes depends on no other that is placed.

        A row starts at the median of the ten anchors nearest to it. On a t-SNE map it then descends the gradient of
        KL(P ‖ Q), where P holds its similarities to its nearest anchors (perplexity 5, at most 15 of them) and Q those
        of its place to the places of all anchors, which stay fixed.

        Parameters
        ----------
        vectors : array-like, shape (q, d)

        Returns
        -------
        ndarray of float32, shape (q, 2)

        References
        ----------
        P. G. Poličar, M. Stražar and B. Zupan, "Embedding to Reference t-SNE Space Addresses Batch Effects in
        Single-Cell Classification", Machine Learning 112, 2023.
        """
        array = checked_vectors(vectors, self.vectors.shape[1])
        if len(array) == 0:
            return np.empty((0, 2), np.float32)
        found = store_of(self.vectors, self.metric).query(array, 3 * PERPLEXITY)
        start = at_medians(self._anchor_points, found.indices[:, :ANCHORS])
        if self.kind != "tsne" or len(self.anchors) < 4:
            return start
        return self._descended(start, found)

    @property
    def _anchor_points(self) -> NDArray[np.float32]:
        return self.points if len(self.points) == len(self.anchors) else self.points[self.anchors]

    def _descended(self, start: NDArray[np.float32], found: Any) -> NDArray[np.float32]:
        from openTSNE import TSNEEmbedding
        from openTSNE.affinity import PrecomputedAffinities, joint_probabilities_nn
        from openTSNE.tsne import PartialTSNEEmbedding
        from scipy.sparse import csr_matrix

        threads = blas_threads()
        perplexity = min(PERPLEXITY, (found.indices.shape[1] - 1) / 3)
        similarities = joint_probabilities_nn(
            found.indices,
            found.distances.astype(np.float64),
            [perplexity],
            symmetrize=False,
            normalization="point-wise",
            n_reference_samples=len(self.anchors),
            n_jobs=threads,
        )
        among = PrecomputedAffinities(csr_matrix((len(self.anchors), len(self.anchors))), normalize=False)
        reference = TSNEEmbedding(self._anchor_points.astype(np.float64), among)  # which stays, so they pull nothing
        placed = PartialTSNEEmbedding(start, reference, similarities)
        # The settings are those of openTSNE's `transform`. Barnes–Hut, so that a row does not depend on the others.
        placed.optimize(
            n_iter=STEPS,
            inplace=True,
            learning_rate=0.1,
            exaggeration=1.5,
            momentum=0.8,
            max_grad_norm=0.25,
            negative_gradient_method="bh",
            theta=0.5,
            dof=1,
            n_jobs=threads,
        )
        return np.asarray(placed, dtype=np.float32)

    def save(self, folder: str | PathLike[str]) -> None:
        """Write the map into `folder`, whole or not at all, replacing a map that was there."""
        with folder_written_aside(folder, FORMAT) as aside:
            about = {"format": FORMAT, "version": VERSION, "kind": self.kind, "metric": self.metric, "ids": self.ids}
            write_json(aside / "map.json", about)
            arrays: dict[str, NDArray[Any]] = {"points": self.points, "anchors": self.anchors, "vectors": self.vectors}
            save_arrays(arrays, aside / "map.safetensors")

    @classmethod
    @refuses_damage
    def open(cls, folder: str | PathLike[str]) -> Self:
        """Read a map that `save` wrote.

        Raises
        ------
        UnlabeledError
            If the folder is missing, damaged, or holds something else.
        """
        folder = Path(folder)
        about = read_json(folder / "map.json")
        if about.get("format") != FORMAT or about.get("version") != VERSION or about.get("kind") not in KINDS:
            raise UnlabeledError(f"{folder} does not hold a map that this version can read; draw it again")
        arrays = load_arrays(folder / "map.safetensors")
        points, anchors, vectors = arrays["points"], arrays["anchors"], arrays["vectors"]
        fits = points.shape == (len(about["ids"]), 2) and len(anchors) == len(vectors) <= len(points)
        if not fits or len(anchors) == 0 or anchors.min() < 0 or anchors.max() >= len(points):
            raise UnlabeledError(f"the map in {folder} is damaged; draw it again")
        return cls(list(about["ids"]), points, anchors, vectors, about["kind"], about["metric"])
