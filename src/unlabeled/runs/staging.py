"""A run that is being made, inside the folder of the run, until it is whole and takes the other one's place."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from unlabeled.errors import FolderLockedError, UnlabeledError
from unlabeled.files import folder_lock, read_json, refuses_damage

NEXT = ".next"
"""The folder, inside that of the run, in which results are written before they take their place."""
ADDED = "added.parquet"
"""Vectors that were added to the index of a run; another encoder makes them worthless."""
_KEPT = {"checkpoint", "run.json"}


@refuses_damage
def read_about(folder: Path) -> dict[str, Any]:
    """Read the description of a run, ``run.json``, and check that it says what every verb asks for.

    Raises
    ------
    UnlabeledError
        If it is missing or damaged.
    """
    about: dict[str, Any] = read_json(folder / "run.json")
    kinds = {"recipe": dict, "source": str | None, "labels": str | None, "data": dict, "skipped": list}
    for name, kind in kinds.items():
        if name in about and not isinstance(about[name], kind):
            raise UnlabeledError(f"{folder / 'run.json'} is damaged: {name} is {about[name]!r:.60}")
    if not isinstance(about["recipe"]["method"], str):
        raise UnlabeledError(f"{folder / 'run.json'} is damaged: the method is {about['recipe']['method']!r:.60}")
    return about


def run_at_work(out: Path) -> dict[str, Any] | None:
    """Give the description of the run that `--resume` goes on with: one that is to replace another comes first."""
    return next((read_about(folder) for folder in (out / NEXT, out) if (folder / "run.json").exists()), None)


def clear_results(folder: Path) -> None:
    """Remove what a process left that was killed while it wrote results; training's checkpoint stays."""
    if folder.is_dir():
        for path in folder.iterdir():
            if path.name not in _KEPT:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    folder.mkdir(parents=True, exist_ok=True)


def put_in_place(out: Path) -> None:
    """Let the finished results in the staging folder take the place of what is in the run's folder.

    What was added to the old index goes: the new encoder does not know its vectors. The description, ``run.json``, is
    moved last. A process that is killed in between leaves a staging folder that is whole, and opening the run finishes
    the move.
    """
    staged = out / NEXT
    (out / ADDED).unlink(missing_ok=True)
    for path in sorted(staged.iterdir(), key=lambda path: path.name == "run.json"):
        target = out / path.name
        if target.is_dir():
            shutil.rmtree(target)
        path.replace(target)
    shutil.rmtree(staged)


def finish_move(out: Path) -> None:
    """Finish what `put_in_place` had begun when its process was killed; the caller holds the lock of the folder."""
    if _is_whole(out / NEXT):
        put_in_place(out)


def finish_abandoned_move(out: Path) -> None:
    """Do as `finish_move`, but leave the move to the process that holds the lock of the folder, if there is one."""
    if _is_whole(out / NEXT):
        with suppress(FolderLockedError), folder_lock(out):
            finish_move(out)


def _is_whole(staged: Path) -> bool:
    return (staged / "run.json").exists() and bool(read_about(staged).get("complete"))
