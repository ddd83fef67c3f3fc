"""Judging a finished run again, with other labels or more splits."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from unlabeled.errors import UnlabeledError
from unlabeled.files import write_json
from unlabeled.modalities import open_instances
from unlabeled.registry import method
from unlabeled.runs.embeddings import Say, labelled, silent
from unlabeled.runs.judge import PROBES, judge
from unlabeled.runs.judging.held_out_labels import rows_to_test
from unlabeled.runs.report import write_report
from unlabeled.runs.run import Run
from unlabeled.training.control.collapse_advice import collapse_advice


def evaluate_run(
    run: Run,
    labels: str | os.PathLike[str] | None = None,
    *,
    seeds: tuple[int, ...] = (0, 1, 2),
    train_rows: int | None = None,
    probes: Sequence[str] = PROBES,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    data: Any = None,
    renew: bool = False,
    progress: bool | None = False,
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
    probes : sequence of str, default ("knn", "linear")
        What judges: "knn", "linear", "retrieval", "gallery", "clustering"; see `unlabeled.evaluation.evaluate`.
    settings : mapping of str to mapping, optional
        Arguments of a probe by its name, such as ``{"knn": {"k": 5, "metric": "euclidean"}}``.
    data : path or data object, optional
        The data the run was learnt from, where they are no longer where they were.
    renew : bool, default False
        Write the figures into the run, and its report anew.
    progress : bool, optional
        Show a progress bar; None shows it on a terminal and in a notebook.
    say : callable, optional
        Receives a sentence when labels match no instance.

    Raises
    ------
    UnlabeledError
        If there are no labels, a probe or a setting is unknown, or the data are not those that the run was learnt from:
        the stored vectors would be compared with baselines of other content.
    """
    embeddings = run.embeddings
    if labels is not None:
        embeddings = labelled(embeddings, labels, say)
    elif embeddings.labels is None:
        raise UnlabeledError(f"{run.folder} has no labels of its own; give some with --labels labels.csv")
    opened = run.source if data is None else run.open_as_its_own(data)
    instances, _ = open_instances(opened, preprocessing=run.encoder.preprocessing, on_error="skip")
    if not run.learnt_from(instances):
        raise UnlabeledError(
            f"the data in {opened.source} are not those that {run.folder} was learnt from: names or contents have "
            "changed; learn again to judge them"
        )
    advice = collapse_advice(method(run.about["recipe"]["method"]))
    figures = judge(
        embeddings,
        run.encoder,
        instances,
        seeds,
        train_rows,
        advice,
        progress,
        rows_to_test(run),
        run.captions,
        probes,
        settings,
    )
    if renew:
        kept = {key: value for key, value in run.metrics.items() if key not in ("note", "evaluation")}
        write_json(run.folder / "metrics.json", kept | figures)
        write_report(run.folder)
    return figures
