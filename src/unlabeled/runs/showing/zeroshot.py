"""Zero-shot classification with a run: images into classes that are told by their names."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from unlabeled.errors import UnlabeledError
from unlabeled.evaluation.accuracy import accuracy_by_class, balanced_accuracy, wilson_interval
from unlabeled.methods.crossmodal.clip import CLIP
from unlabeled.methods.crossmodal.zero_shot import TEMPLATES
from unlabeled.modalities.modality import OnError
from unlabeled.registry import saved_method
from unlabeled.runs.grouping.write_table import check_table, inputs_of, write_table
from unlabeled.runs.run import Run


def zeroshot(
    run: str | os.PathLike[str],
    images: Any,
    names: Sequence[str],
    *,
    templates: Sequence[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    on_error: OnError = "skip",
    overwrite: bool = False,
) -> dict[str, Any]:
    """Sort images into classes by their names.

    Parameters
    ----------
    run : path
        A run of `CLIP`.
    images : anything `unlabeled.data.Images` takes
    names : sequence of str
    templates : sequence of str, optional
        With ``{}`` for the name; by default "a picture of a {}", "a drawing of a {}" and "{}".
    out : path, optional
        CSV or parquet to write: ``id``, ``label``, ``probability``.
    on_error : {"skip", "raise"}, default "skip"
        What to do with an image that cannot be read.
    overwrite : bool, default False
        Replace a table that is already there.

    Returns
    -------
    dict
        ``images`` (of each ``id``, ``label`` and ``probability``), ``counts``, ``skipped``, and where the images have
        labels of these names ``accuracy``, ``interval`` (95 %), ``balanced_accuracy`` (the mean over classes),
        ``chance`` (of the latter) and ``labelled``.

    Raises
    ------
    UnlabeledError
        If the run is of another method, or names, templates or images are not usable.
    """
    if out is not None:
        check_table(out, inputs_of(run, images), overwrite=overwrite)
    opened = Run(run)
    name = saved_method(opened.folder / "model")
    if name != "clip":
        raise UnlabeledError(
            f"the run in {run} was learnt by {name} and knows no words; zero-shot classes need a run of images with "
            "captions: unlabeled learn pairs.parquet --method clip"
        )
    model = CLIP.load(opened.folder / "model")
    classifier = model.zero_shot(names, templates or TEMPLATES)
    found = opened.embed(images, on_error=on_error)
    similarity = model.scale_ * (found.vectors @ classifier.vectors_.T).astype(np.float64)
    weights = np.exp(similarity - similarity.max(1, keepdims=True))
    probabilities = weights / weights.sum(1, keepdims=True)
    best = probabilities.argmax(1)
    labels, sure = classifier.classes_[best].tolist(), probabilities.max(1).tolist()
    if out is not None:
        write_table({"id": found.ids, "label": labels, "probability": sure}, out)
    rows = [{"id": i, "label": n, "probability": p} for i, n, p in zip(found.ids, labels, sure, strict=True)]
    return {
        "images": rows,
        "counts": dict(Counter(labels).most_common()),
        "skipped": [{"id": s.id, "reason": s.reason} for s in found.skipped],
        **_judged(found.label_names, labels, classifier.classes_.tolist()),
    }


def _judged(truth: list[str | None] | None, labels: list[str], known: list[str]) -> dict[str, Any]:
    """Give the share of right labels, of all and by class, where the images have labels of these names."""
    number = {name: place for place, name in enumerate(known)}
    pairs = [(number[t], number[label]) for t, label in zip(truth or [], labels, strict=False) if t in number]
    if not pairs:
        return {"accuracy": None, "interval": None, "balanced_accuracy": None, "chance": None, "labelled": 0}
    asked, found = np.array(pairs).T
    right = float((asked == found).mean())
    return {
        "accuracy": right,
        "interval": list(wilson_interval(right, len(pairs))),
        "balanced_accuracy": balanced_accuracy(accuracy_by_class(asked, found)),
        "chance": 1 / len(known),
        "labelled": len(pairs),
    }
