"""The main job: from instances nobody labelled to a run that can be searched and has been judged."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from unlabeled.data import Images, Instances, LabelTable, Vectors, open_source, read_labels
from unlabeled.encoders import embed
from unlabeled.errors import UnlabeledError
from unlabeled.files import folder_lock, read_json, write_json
from unlabeled.runs.embeddings import Embeddings, write_embeddings
from unlabeled.runs.judge import judge
from unlabeled.runs.pictures import draw
from unlabeled.runs.report import write_report
from unlabeled.runs.run import Run
from unlabeled.search import LanceStore
from unlabeled.training.devices import choose_device
from unlabeled.training.door import OnError, open_instances
from unlabeled.training.self_supervised import SelfSupervised

Say = Callable[[str], None]


def learn(
    source: Any,
    out: str | os.PathLike[str],
    method: SelfSupervised,
    *,
    labels: str | os.PathLike[str] | None = None,
    on_error: OnError = "skip",
    resume: bool = False,
    overwrite: bool = False,
    say: Say = lambda message: None,
) -> Run:
    """Learn a representation, judge it, index it and draw it, into one folder.

    Parameters
    ----------
    source : path or data object
        A folder, parquet, NumPy or text file (see `unlabeled.data.open_source`).
    out : path
        The folder of the run.
    method : SelfSupervised
        The method with its settings. It is fitted, and its checkpoints go into the run's folder.
    labels : path, optional
        CSV or parquet with an id (or path) and a label; used to judge and to colour, never to learn.
    on_error : {"skip", "raise"}, default "skip"
        What to do with an image that cannot be read. Skipped ones are listed in the run.
    resume : bool, default False
        Go on with the unfinished run in `out`.
    overwrite : bool, default False
        Replace a run that is already in `out`.
    say : callable, optional
        Receives a sentence at each stage.

    Returns
    -------
    Run

    Raises
    ------
    UnlabeledError
        If data, labels or settings are not usable, `out` holds something else, or another process writes there.
    """
    out = Path(out)
    _check_folder(out, resume, overwrite)
    with folder_lock(out):
        if overwrite:
            _empty(out)
        data = open_source(source) if isinstance(source, (str, os.PathLike)) else source
        table = read_labels(labels) if labels is not None else None
        about: dict[str, Any] = {"complete": False, "source": _absolute(source), "labels": _absolute(labels)}
        about |= {"recipe": method.recipe()}
        instances = _prepare(data, method, on_error, say)
        known = _labelled(instances, table, say)
        about |= {
            "method": type(method).__name__,
            "rows": len(instances),
            "skipped": [{"id": s.id, "reason": s.reason} for s in getattr(instances, "skipped", ())],
        }
        write_json(out / "run.json", about)
        method = method.__class__(**{**method.get_params(deep=False), "checkpoint": str(out / "checkpoint")})
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            method.fit(instances, resume=resume and (out / "checkpoint").exists())
        notes = [str(w.message) for w in caught]
        for note in notes:
            say(f"Warning: {note}")
        say("Embedding, judging and drawing")
        method.save(out / "model")
        vectors = embed(method.encoder_, instances, device=choose_device(method.device))
        embeddings = Embeddings(list(instances.ids), vectors, *known)
        write_embeddings(embeddings, out / "embeddings.parquet")
        write_json(out / "history.json", method.history_)
        metadata = {"label": embeddings.label_names} if embeddings.label_names is not None else None
        LanceStore.build(embeddings.ids, vectors, metadata, folder=out / "index")
        metrics = judge(embeddings, method.encoder_, instances)
        write_json(out / "metrics.json", metrics)
        draw(out / "pictures", embeddings, method.history_, data)
        about |= {"complete": True, "warnings": notes, **method.provenance_}
        write_json(out / "run.json", about)
        write_report(out)
        shutil.rmtree(out / "checkpoint", ignore_errors=True)
    return Run(out)


def _check_folder(out: Path, resume: bool, overwrite: bool) -> None:
    """Refuse a folder that holds something this run would destroy or be confused with."""
    about = read_json(out / "run.json") if (out / "run.json").exists() else None
    if about is None:
        if out.exists() and (not out.is_dir() or any(p.name != ".lock" for p in out.iterdir())):
            raise UnlabeledError(f"{out} exists and is not a run; choose another folder for --out")
        if resume:
            raise UnlabeledError(f"there is no run in {out} to resume")
    elif resume and about["complete"]:
        raise UnlabeledError(f"the run in {out} is finished; there is nothing to resume")
    elif not resume and not overwrite:
        state = "a finished run" if about["complete"] else "an unfinished run (--resume goes on with it)"
        raise UnlabeledError(f"{out} holds {state}; choose another folder, or replace it with --overwrite")


def _empty(out: Path) -> None:
    for path in out.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != ".lock":
            path.unlink()


def _absolute(path: Any) -> str | None:
    return str(Path(path).resolve()) if isinstance(path, (str, os.PathLike)) else None


def _prepare(data: Images | Vectors, method: SelfSupervised, on_error: OnError, say: Say) -> Instances:
    if isinstance(data, Images):
        instances: Any = open_instances(method, data, on_error=on_error)[0]
        if instances.skipped:
            names = ", ".join(s.id for s in instances.skipped[:3])
            say(f"Skipped {len(instances.skipped)} of {len(data)} images that cannot be read: {names}")
        say(f"{len(instances):,} images of {instances.size}×{instances.size} pixels from {data.source}")
        return instances  # type: ignore[no-any-return]
    say(f"{len(data):,} vectors with {data.array.shape[1]} columns")
    return data


def _labelled(instances: Any, table: LabelTable | None, say: Say) -> tuple[Any, Any]:
    """Take labels from the file if there is one, else from the source itself."""
    if table is None:
        return instances.labels, instances.classes
    matched = table.match(instances.ids)
    if matched.unmatched:
        say(f"{len(matched.unmatched)} labels match no instance, such as {matched.unmatched[0]}")
    return matched.labels, matched.classes
