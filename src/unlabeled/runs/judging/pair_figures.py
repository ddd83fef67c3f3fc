"""How well the two halves of pairs find each other: of those that a run has learnt from, or of others."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.counted import counted
from unlabeled.data.instances import Subset
from unlabeled.encoders import Encoder, embed
from unlabeled.encoders.pair.two_towers import TwoTowers
from unlabeled.errors import UnlabeledError
from unlabeled.evaluation.pair_retrieval import pair_recall
from unlabeled.modalities import modality_of, open_instances
from unlabeled.runs.embeddings import Embeddings, Say, say_skipped, silent
from unlabeled.runs.run import Run
from unlabeled.search import ExactStore

SAME = 1e-4
"""How far two vectors of length 1 of the same image may be apart: encoding rounds."""


def caption_embeddings(encoder: Encoder, instances: Any, device: Any = "cpu") -> Embeddings | None:
    """Encode each different caption of pairs once, as its own id; None if there are no captions to encode."""
    if not isinstance(encoder, TwoTowers) or not getattr(instances, "complete", False):
        return None
    first = np.sort(np.unique(instances.codes[1], return_index=True)[1])
    captions = [instances.captions[row] for row in first]
    texts, _ = open_instances(captions, preprocessing=encoder.preprocessing)
    return Embeddings(captions, embed(encoder, texts, device=device))


def retrieval(
    images: NDArray[np.float32], captions: NDArray[np.float32], pairs: Any, kept: NDArray[np.bool_] | None = None
) -> dict[str, Any]:
    """Look captions up among the images and images among the captions.

    Parameters
    ----------
    images, captions : ndarray of float32, shape (m, dim)
        Vectors of the different images and of the different captions, in the order in which pairs have them first.
    pairs : PreparedPairs
    kept : ndarray of bool, shape (n,), optional
        The pairs that count; by default all.

    Returns
    -------
    dict
        What `PairRecall` holds, in JSON's types.
    """
    chosen = np.arange(len(pairs)) if kept is None else np.flatnonzero(kept)
    picture, caption = (_in_order(codes) for codes in pairs.codes)
    rows = picture[chosen], caption[chosen]
    found = asdict(pair_recall(images[rows[0]], captions[rows[1]], *rows))
    for name, value in found.items():
        if isinstance(value, dict):
            found[name] = {str(k): share for k, share in value.items()}  # JSON's names are strings
    return found


def recall_on_others(run: Run, source: str | os.PathLike[str], say: Say = silent) -> dict[str, Any]:
    """Measure recall on pairs that a run has not learnt from; those with an image of the run are left out.

    Parameters
    ----------
    run : Run
        Over pairs.
    source : path
        Pairs, in any form that ``unlabeled learn`` takes.
    say : callable, optional
        Receives a sentence on what is left out.

    Returns
    -------
    dict
        In JSON's types: ``pairs``, how many were looked up; ``known``, how many were left out; and ``retrieval``.

    Raises
    ------
    UnlabeledError
        If the run is over something else, the source holds no captions, or the run has learnt from all of it.
    """
    if run.captions is None:
        raise UnlabeledError(
            f"{run.folder} has not learnt from images with captions, so they cannot be looked up by each other"
        )
    opened = run.open_as_its_own(source)
    instances: Any
    instances, _ = open_instances(opened, preprocessing=run.encoder.preprocessing, on_error="skip")
    say_skipped(opened, instances, say)
    captions = caption_embeddings(run.encoder, instances)
    if captions is None:
        raise UnlabeledError(f"{source} holds images without captions; recall is measured on pairs of both")
    images = embed(run.encoder, Subset(instances, modality_of(instances).distinct(instances)))
    learnt = ExactStore.build(run.embeddings.ids, run.embeddings.vectors, metric="euclidean")
    seen = learnt.query(images, 1).distances[:, 0] <= SAME
    kept = ~seen[_in_order(instances.codes[0])]
    if not kept.any():
        raise UnlabeledError(f"{run.folder} has learnt from all images of {source}; give pairs that taught nothing")
    if not kept.all():
        say(f"Left out: {counted(int((~kept).sum()), 'pair')} whose image the run has learnt from")
    found = retrieval(images, captions.vectors, instances, kept)
    return {"pairs": int(kept.sum()), "known": int((~kept).sum()), "retrieval": found}


def _in_order(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number codes anew, from 0, in the order in which they come first."""
    _, first, places = np.unique(codes, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[places.reshape(-1)]
