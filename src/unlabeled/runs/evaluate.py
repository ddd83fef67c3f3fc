"""Judging a finished run again, with other labels or more splits."""

from __future__ import annotations

import os
from typing import Any

from unlabeled.errors import UnlabeledError
from unlabeled.modalities import open_instances
from unlabeled.runs.embeddings import Say, labelled, silent
from unlabeled.runs.judge import judge
from unlabeled.runs.run import Run


def evaluate_run(
    run: Run,
    labels: str | os.PathLike[str] | None = None,
    *,
    seeds: tuple[int, ...] = (0, 1, 2),
    train_rows: int | None = None,
    say: Say = silent,
) -> dict[str, Any]:
    """Judge a run as `unlabeled.runs.judge` does, with the labels of a file in place of the run's own.

    Parameters
    ----------
    run : Run
    labels : path, optional
        CSV or parquet; may cover only some instances.
    seeds : tuple of int
        One split for each.
    train_rows : int, optional
        How many labels the probes learn from; the rest test them. By default four fifths.
    say : callable, optional
        Receives a sentence when labels match no instance.
    """
    embeddings = run.embeddings
    if labels is not None:
        embeddings = labelled(embeddings, labels, say)
    elif embeddings.labels is None:
        raise UnlabeledError(f"{run.folder} has no labels of its own; give some with --labels labels.csv")
    data = run.source
    instances, _ = open_instances(data, preprocessing=run.encoder.preprocessing, on_error="skip")
    if list(instances.ids) != embeddings.ids:
        raise UnlabeledError(f"the data in {data.source} have changed since the run; learn again to judge it")
    return judge(embeddings, run.encoder, instances, seeds, train_rows)
