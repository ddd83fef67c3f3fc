"""Other instances on the map of a run, which stays as it is."""

from __future__ import annotations

import filecmp
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.errors import UnlabeledError
from unlabeled.explore import FittedMap, scatter_picture
from unlabeled.explore.maps.fitted_map import KINDS
from unlabeled.runs.embeddings import Embeddings
from unlabeled.runs.run import Run


def find_map(folder: str | os.PathLike[str]) -> tuple[Run, FittedMap]:
    """Give the run and the map that a folder stands for: that of the run, or ``map`` in it."""
    folder = Path(folder)
    home = folder if (folder / "run.json").exists() else folder.absolute().parent
    run = Run(home)
    if not (home / "map").is_dir():
        raise UnlabeledError(f"{home} has no map yet; draw one with: unlabeled map {home}")
    return run, FittedMap.open(home / "map")


def embeddings_onto(run: Run, source: Any) -> Embeddings:
    """Give the vectors of a source by the encoder of a run; of another run, those that it holds.

    Raises
    ------
    UnlabeledError
        If another run has another encoder, whose vectors have no place on this map.
    """
    if not isinstance(source, str | os.PathLike) or not (Path(source) / "run.json").exists():
        return run.embed(source, on_error="skip")
    other = Run(source)
    ours, theirs = (each.folder / "model" / run.encoder.weights_file for each in (run, other))
    if theirs.exists() and filecmp.cmp(ours, theirs, shallow=False):
        return other.embeddings
    raise UnlabeledError(
        f"{source} has an encoder of its own, whose vectors have no place on the map of {run.folder}; give its data "
        f"instead: unlabeled map {other.about.get('source')} --onto {run.folder}"
    )


def map_onto(fitted: FittedMap, embeddings: Embeddings, path: Path) -> NDArray[np.float32]:
    """Place instances on a map and draw both: those that were there grey, the new ones coloured by label.

    Returns
    -------
    ndarray of float32, shape (n, 2)
        The positions of the new instances.
    """
    points = fitted.place(embeddings.vectors)
    labelled = embeddings.labels is not None and bool((embeddings.labels >= 0).any())
    labels = np.zeros(len(points), np.int64)
    classes = ["new"]
    if labelled and embeddings.labels is not None and embeddings.classes is not None:
        classes = [*embeddings.classes, "new"]
        labels = np.where(embeddings.labels < 0, len(classes) - 1, embeddings.labels)
    everything = np.concatenate([fitted.points, points])
    kinds = np.concatenate([np.full(len(fitted), -1), labels])
    title = f"{KINDS[fitted.kind]} map, with {len(points):,} new instances"
    scatter_picture(everything, kinds, classes, path=path, title=title, unknown="on the map before")
    return points
