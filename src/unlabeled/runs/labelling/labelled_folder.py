"""The folder of a labelled data set: what may be in it before, and what is written into it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.counted import counted
from unlabeled.data.labels import read_labels
from unlabeled.errors import UnlabeledError
from unlabeled.files import check_encodable, check_output, check_writable, read_json, write_json
from unlabeled.runs.grouping.assign import save_grouping
from unlabeled.runs.grouping.feature_matrix import Rows
from unlabeled.runs.grouping.row_encoding import RowEncoding
from unlabeled.runs.grouping.write_table import write_table
from unlabeled.runs.labelling.given_labels import GivenLabels
from unlabeled.runs.labelling.label_candidates import CrossValidated
from unlabeled.runs.labelling.label_findings import nearest_labelled
from unlabeled.runs.labelling.label_report import write_label_report
from unlabeled.runs.staging import read_about

CARD = "label.json"


def check_labelled_folder(out: Path, resume: bool, overwrite: bool) -> dict[str, Any]:
    """Refuse a folder that holds something else; give the card of an earlier round."""
    check_encodable(out)
    if not out.exists():
        check_writable(out)
        return {}
    if not out.is_dir():
        raise UnlabeledError(f"{out} is a file; name a folder for --out")
    if not (out / CARD).exists():
        if any(path.name not in (".lock",) for path in out.iterdir()):
            raise UnlabeledError(f"{out} exists and holds no labels made here; choose another folder for --out")
        return {}
    before: dict[str, Any] = read_json(out / CARD)
    if not isinstance(before, dict) or not isinstance(before.get("complete"), bool):
        raise UnlabeledError(f"{out / CARD} was not written here, or is damaged; choose another folder for --out")
    if before.get("complete") and not overwrite:
        raise UnlabeledError(f"{out} holds finished labels; choose another folder, or replace them with --overwrite")
    if not before.get("complete") and not (resume or overwrite):
        raise UnlabeledError(f"{out} holds unfinished labels; go on with --resume, or begin again with --overwrite")
    if overwrite and not resume and (out / "run" / "checkpoint").exists() and not is_finished(out / "run"):
        shutil.rmtree(out / "run")
    return before


def check_nothing_replaced(out: Path, source: Any, labels: Any) -> None:
    """Refuse the labels of an earlier round as data or as given labels: they would be replaced, and are guesses."""
    given = [source, *(labels if isinstance(labels, list | tuple) else [labels])]
    files = [each for each in given if isinstance(each, str | os.PathLike) and Path(each).is_file()]
    for suffix in ("csv", "parquet"):
        check_output(out / f"labels.{suffix}", files, overwrite=True)


def forgotten_labels(out: Path, ids: Sequence[str], given: GivenLabels) -> list[str]:
    """Point out labels of the round before that were not given again; refuse a folder with those of other data."""
    if not (out / "given.csv").exists():
        return []
    table = read_labels(out / "given.csv")
    try:
        before = table.match(ids).labels >= 0
    except UnlabeledError as error:
        raise UnlabeledError(
            f"{out} seems to hold the labels of another data set ({error}); choose another folder for --out"
        ) from error
    gone = int((before & (given.codes < 0)).sum())
    return (
        [
            f"{counted(gone, 'label')} of the round before {'is' if gone == 1 else 'are'} not among those given now; "
            f"to use {'it' if gone == 1 else 'them'} too, add --labels {free_name(out, 'given')}"
        ]
        if gone
        else []
    )


def free_name(out: Path, stem: str) -> Path:
    """Give the first name that is not taken: what people filled in or gave in an earlier round is never replaced."""
    number = 1
    while (out / f"{stem}-{number}.csv").exists():
        number += 1
    return out / f"{stem}-{number}.csv"


def write_labels(
    out: Path,
    rows: Rows,
    given: GivenLabels,
    names: list[str | None],
    confidence: NDArray[np.float64],
    labelled: NDArray[np.bool_],
    about: dict[str, Any],
    estimator: Any,
    chosen: CrossValidated,
) -> None:
    """Write what `label_dataset` found: the card comes last and says that all is there."""
    known = given.codes >= 0
    said_by = np.where(known, "person", np.where(labelled, about["method"], None))
    columns = {
        "id": list(rows.ids),
        "label": names,
        "confidence": [None if k else float(c) for k, c in zip(known.tolist(), confidence.tolist(), strict=True)],
        "source": said_by.tolist(),
        "nearest": [
            "; ".join(f"{rows.ids[other]}={given.classes[given.codes[other]]}" for other in others)
            for others in nearest_labelled(rows, given, np.arange(len(rows)))
        ],
    }
    if (out / "given.csv").exists():
        (out / "given.csv").rename(free_name(out, "given"))
    for suffix in ("parquet", "csv"):
        write_table(columns, out / f"labels.{suffix}")
    write_table({"id": [rows.ids[row] for row in np.flatnonzero(known)], "label": [n for n in given.names if n]},
                out / "given.csv")  # fmt: skip
    proposals = about["next"]
    write_table(
        {
            "id": [item["id"] for item in proposals],
            "label": ["" for _ in proposals],
            "guess": [item["guess"] for item in proposals],
            "confidence": [item["confidence"] for item in proposals],
        },
        out / about["next_file"],
    )
    encoding = rows.encoding or RowEncoding(rows.array.shape[1])
    features = chosen.candidate.features
    save_grouping(out / "model", "labels", encoding, estimator, features=features, classes=given.classes,
                  temperature=about["temperature"], threshold=about["threshold"])  # fmt: skip
    write_label_report(out, about, rows.images)
    write_json(out / CARD, about)
    shutil.rmtree(out / "tuning", ignore_errors=True)  # needed only to go on with unfinished work


def is_finished(run: Path) -> bool:
    """Tell whether a representation was learnt to its end; it keeps its checkpoint then too."""
    return (run / "run.json").exists() and bool(read_about(run).get("complete"))
