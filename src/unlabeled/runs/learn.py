"""The main job: from instances nobody labelled to a run that can be searched and has been judged."""

from __future__ import annotations

import os
import shlex
import shutil
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.counted import counted
from unlabeled.data import Instances, read_labels
from unlabeled.data.instances import Subset
from unlabeled.encoders import embed
from unlabeled.errors import UnlabeledError
from unlabeled.files import check_encodable, check_not_within, folder_lock, write_json
from unlabeled.modalities import Collection, modality_of, open_instances, open_source
from unlabeled.modalities.modality import OnError
from unlabeled.processes import all_or_none, leave_process_group, rank
from unlabeled.runs.embeddings import CAPTIONS, Embeddings, Say, matched, say_skipped, silent, write_embeddings
from unlabeled.runs.grouping.oddities import oddities
from unlabeled.runs.judge import judge
from unlabeled.runs.judging.held_out_labels import held_out_rows, taught_labels
from unlabeled.runs.judging.pair_figures import caption_embeddings
from unlabeled.runs.report import write_report
from unlabeled.runs.run import Run
from unlabeled.runs.showing.made_pictures import draw_method, draw_similarities
from unlabeled.runs.showing.passages import passages
from unlabeled.runs.showing.pictures import draw
from unlabeled.runs.staging import NEXT, clear_results, finish_move, put_in_place, read_about, run_at_work
from unlabeled.search import LanceStore
from unlabeled.training.bases.self_supervised import SelfSupervised
from unlabeled.training.control.collapse_advice import collapse_advice
from unlabeled.training.control.devices import make_fabric
from unlabeled.training.plan import Plan
from unlabeled.training.settings import check_settings

FEW_STEPS = 200
"""Fewer steps than this teach a randomly started network little."""


def learn(
    source: Any,
    out: str | os.PathLike[str],
    method: SelfSupervised,
    *,
    labels: str | os.PathLike[str] | None = None,
    on_error: OnError = "skip",
    resume: bool = False,
    overwrite: bool = False,
    judging: bool = True,
    say: Say = silent,
) -> Run:
    """Learn a representation, judge it, index it and draw it, into one folder.

    Started by torchrun, the processes train as one, and the first does everything else. The others only help to train:
    in them this function does not return, but ends the process once there is nothing left to help with.

    Parameters
    ----------
    source : anything `unlabeled.modalities.open_source` takes, or a data object
        A folder, a parquet, NumPy or text file, an array, a list of images.
    out : path
        The folder of the run.
    method : SelfSupervised
        The method with its settings. It is fitted, and its checkpoints go into the run's folder.
    labels : path, optional
        CSV or parquet with an id (or path) and a label; used to judge and to colour. They teach only methods that
        learn from labels, such as `SupCon`, and a fifth of each class is then kept from these to judge them.
    on_error : {"skip", "raise"}, default "skip"
        What to do with an image that cannot be read. Skipped ones are listed in the run.
    resume : bool, default False
        Go on with the run in `out`, to the same weights as without the interruption. With more epochs than before, a
        finished run is trained further; the learning rate then follows the longer schedule from where it stands.
    overwrite : bool, default False
        Replace a run that is already in `out`. It stays as it is until the new one is whole.
    judging : bool, default True
        Judge by labels where there are any; `evaluate_run` can do it later.
    say : callable, optional
        Receives a sentence at each stage.

    Returns
    -------
    Run

    Raises
    ------
    UnlabeledError
        If data, labels or settings are not usable, `out` holds something else, or another process writes there.
    SystemExit
        In every process but the first of those that torchrun started.
    """
    out, device = Path(out), make_fabric(method.device, method.precision).device
    first = rank() == 0
    say = say if first else silent
    check_not_within(out, [source, labels])
    with ExitStack() as folder:
        with all_or_none(device):
            data = open_source(source, method)
            table = read_labels(labels) if labels is not None else None
            check_settings(method)
            if first:
                folder.enter_context(_owned(out, resume, overwrite, method.epochs))
            for remark in getattr(data, "remarks", ()):
                say(remark)
            instances = _prepare(data, method, on_error, say)
            _check_ids(instances)
            rows = modality_of(instances).distinct(instances)
            _check_several(instances, rows, method)
            known = matched(table, instances.ids, say) if table is not None else (instances.labels, instances.classes)
            taught, held_out = _lessons(method, instances, known, judging, say)
            plan = method.check(instances, taught)
            for remark in getattr(method, "remarks", ()):
                say(remark)
            about: dict[str, Any] = {
                "complete": False,
                "source": _absolute(source),
                "labels": _absolute(labels),
                "recipe": method.recipe(),
                "method": type(method).__name__,
                "rows": len(instances),
                "skipped": [{"id": s.id, "reason": s.reason} for s in getattr(instances, "skipped", ())],
            }
            if held_out is not None:
                about["held_out_labels"] = [instances.ids[row] for row in held_out]
            home = _home(out, overwrite)
            if first and not (home / "run.json").exists():
                write_json(home / "run.json", about)
        say(_course(plan))
        method, notes = _fitted(method, instances, taught, home / "checkpoint", resume)
        leave_process_group()
        if not first:
            raise SystemExit  # what is left is the first one's
        for note in notes:
            say(f"Warning: {note}")
        results = out / NEXT
        clear_results(results)
        say("Embedding" if not judging else "Embedding, judging and drawing")
        method.save(results / "model")
        embeddings = _embedded(method, instances, rows, known, device)
        write_embeddings(embeddings, results / "embeddings.parquet")
        captions = caption_embeddings(method.encoder_, instances, device)
        if captions is not None:
            write_embeddings(captions, results / CAPTIONS)
            about["captions"] = len(captions)
        write_json(results / "history.json", method.history_)
        metadata = {"label": embeddings.label_names} if embeddings.label_names is not None else None
        LanceStore.build(embeddings.ids, embeddings.vectors, metadata, folder=results / "index")
        tested = None if held_out is None else np.flatnonzero(np.isin(rows, held_out))
        metrics, failed = _judged(embeddings, captions, method, instances, tested, judging, out)
        write_json(results / "metrics.json", metrics)
        notes += failed
        shown, failed = _shown(results, embeddings, method, instances, metrics, data)
        about |= shown
        notes += failed
        about |= {"complete": True, "warnings": notes, **method.provenance_}
        write_report(results, out.resolve().name, about)
        write_json(results / "run.json", about)  # last: from then on the results are whole
        put_in_place(out)
    return Run(out)


def _check_longer(out: Path, resume: bool, epochs: int) -> None:
    """Refuse to go on with a finished run, unless it is to be trained for longer."""
    about = run_at_work(out) if resume else None
    if about is not None and about.get("complete"):
        if not (out / "checkpoint").exists():
            raise UnlabeledError(f"the run in {out} is finished and holds no checkpoint to train it further from")
        if epochs <= about["recipe"]["epochs"]:
            raise UnlabeledError(
                f"the run in {out} is finished; there is nothing to resume. To train it further, give more epochs than "
                f"{about['recipe']['epochs']}"
            )


def _home(out: Path, overwrite: bool) -> Path:
    """Give the folder in which a run is prepared: beside the finished one that it is to replace, if there is one."""
    replaces = (out / "run.json").exists() and overwrite
    return out / NEXT if replaces or (out / NEXT / "run.json").exists() else out


def _check_ids(instances: Instances) -> None:
    """Refuse two instances of one name: neither search nor label files could tell them apart."""
    twice = [name for name, count in Counter(instances.ids).items() if count > 1]
    if twice:
        raise UnlabeledError(f"{twice[0]!r} is there twice; name every instance once")


def _embedded(
    method: SelfSupervised, instances: Instances, rows: NDArray[np.int64], known: tuple[Any, Any], device: Any
) -> Embeddings:
    """Encode each distinct instance once."""
    labels, classes = known
    distinct = instances if len(rows) == len(instances) else Subset(instances, rows)
    vectors = embed(method.encoder_, distinct, device=device)
    return Embeddings(list(distinct.ids), vectors, None if labels is None else labels[rows], classes)


def _check_several(instances: Instances, rows: NDArray[np.int64], method: SelfSupervised) -> None:
    """Refuse a single instance before training: a run compares instances, and one has nothing to be compared with."""
    if len(rows) < 2:
        hint = (
            "; of a text file, --unit line or --unit paragraph makes several texts" if hasattr(method, "unit") else ""
        )
        raise UnlabeledError(f"there is only one instance, {instances.ids[0]!r}, and a run needs at least two{hint}")


def _course(plan: Plan) -> str:
    """Say how many steps a run takes, since few steps on few instances teach little."""
    if not plan.steps:
        return "No training: the encoder is taken as it is"
    hint = "; so few teach little: raise epochs, or lower batch_size" if plan.steps < FEW_STEPS else ""
    return f"{counted(plan.steps, 'step')} of {counted(plan.batch * plan.parts, 'instance')}{hint}"


def _lessons(
    method: SelfSupervised, instances: Instances, known: tuple[Any, Any], judging: bool, say: Say
) -> tuple[NDArray[Any] | None, NDArray[np.int64] | None]:
    """Give the labels that a method which learns from labels may see, and the rows whose labels judge it."""
    labels, classes = known
    if not method.uses_labels or labels is None or classes is None:
        if method.needs_labels:
            raise UnlabeledError(
                f"{type(method).__name__} learns from labels of a few instances, and there are none: give them as "
                "--labels labels.csv (in Python labels=...), or as sub-folders that are named after the classes"
            )
        return None, None
    held_out = held_out_rows(instances, labels) if judging else np.empty(0, dtype=np.int64)
    labelled = int((labels >= 0).sum())
    say(f"{labelled - len(held_out):,} of {counted(labelled, 'label')} teach; {len(held_out):,} are kept to judge")
    return taught_labels(labels, classes, held_out), held_out


def _judged(
    embeddings: Embeddings,
    captions: Embeddings | None,
    method: SelfSupervised,
    instances: Instances,
    tested: NDArray[np.int64] | None,
    judging: bool,
    out: Path,
) -> tuple[dict[str, Any], list[str]]:
    """Judge; a judgement that fails leaves the run usable, with a note."""
    unlabelled = replace(embeddings, labels=None, classes=None)
    advice, others = collapse_advice(method), oddities(embeddings, instances) | _generalisation(method)
    asked: Any = {"advice": advice, "captions": captions}
    try:
        given = embeddings if judging else unlabelled
        found = judge(given, method.encoder_, instances, progress=method.progress, tested=tested, **asked)
        return found | others, []
    except UnlabeledError as error:
        note = f"not judged by labels: {error}. Repeat with: unlabeled evaluate {shlex.quote(str(out))}"
        return judge(unlabelled, method.encoder_, instances, **asked) | others | {"note": note}, [note]


def _generalisation(method: SelfSupervised) -> dict[str, Any]:
    """Give the loss on what was learnt from and on what was held out, where a method holds some out."""
    looks = [look for look in method.history_ if "validation_loss" in look]
    if not looks:
        return {}
    before, after = looks[0]["validation_loss"], looks[-1]["validation_loss"]
    held_out = method.n_instances_ - method.n_learnt_
    return {
        "generalisation": {
            "held_out": held_out, "before": before, "after": after, "training": method.history_[-1]["loss"],
        }
    }  # fmt: skip


def _shown(
    results: Path,
    embeddings: Embeddings,
    method: SelfSupervised,
    instances: Instances,
    metrics: dict[str, Any],
    data: Collection,
) -> tuple[dict[str, Any], list[str]]:
    """Draw pictures and write passages; what fails is left out of a usable run, with a note."""
    pictures, shown, said = results / "pictures", {}, []
    notes = []
    try:
        draw(pictures, embeddings, method.history_, metrics, data)
        if modality_of(data).has_pictures:
            shown["shown"] = draw_method(method, instances, pictures / "method.png")
            draw_similarities(method, instances, data, pictures / "similarity.png")
        said = passages(method, embeddings, instances, data)
    except UnlabeledError as error:
        notes.append(f"not everything is shown in the report: {error}")
    write_json(results / "passages.json", said)
    return shown, notes


@contextmanager
def _owned(out: Path, resume: bool, overwrite: bool, epochs: int) -> Iterator[None]:
    """Hold the folder of the run for this process alone; what is in it stays until the new run is whole."""
    _check_folder(out, resume, overwrite)
    made = not out.exists()
    with folder_lock(out):
        finish_move(out)
        _check_longer(out, resume, epochs)
        if overwrite and not resume:
            shutil.rmtree(out / NEXT, ignore_errors=True)
        try:
            yield
        finally:
            # Without a checkpoint there is nothing to go on with, such as when the first step refuses a setting.
            if made and {path.name for path in out.iterdir()} <= {".lock", "run.json"}:
                shutil.rmtree(out, ignore_errors=True)


def _fitted(
    method: SelfSupervised, instances: Instances, taught: NDArray[Any] | None, checkpoint: Path, resume: bool
) -> tuple[SelfSupervised, list[str]]:
    """Fit a copy of the method that saves itself as it goes; give it, and what it warned of."""
    method = method.__class__(**{**method.get_params(deep=False), "checkpoint": str(checkpoint)})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        method.fit(instances, taught, resume=resume and checkpoint.exists())
    return method, [str(warning.message) for warning in caught]


def _check_folder(out: Path, resume: bool, overwrite: bool) -> None:
    """Refuse a folder that holds something this run would destroy or be confused with."""
    check_encodable(out)
    about = read_about(out) if (out / "run.json").exists() else None
    if about is None:
        if out.exists() and (not out.is_dir() or any(p.name != ".lock" for p in out.iterdir())):
            raise UnlabeledError(f"{out} exists and is not a run; choose another folder for --out")
        if resume:
            raise UnlabeledError(f"there is no run in {out} to resume")
    elif not resume and not overwrite and (about.get("complete") or (out / "checkpoint").exists()):
        state = "a finished run" if about.get("complete") else "an unfinished run (--resume goes on with it)"
        raise UnlabeledError(f"{out} holds {state}; choose another folder, or replace it with --overwrite")


def _absolute(path: Any) -> str | None:
    return str(Path(path).resolve()) if isinstance(path, (str, os.PathLike)) else None


def _prepare(data: Collection, method: SelfSupervised, on_error: OnError, say: Say) -> Instances:
    instances, _ = open_instances(data, method, on_error=on_error)
    say_skipped(data, instances, say)
    say(modality_of(data).summary(data, instances))
    return instances
