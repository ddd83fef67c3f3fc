"""The folder in which a training is kept until it is done, beside what it is to become."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import typer

from unlabeled.cli.shared import INTERRUPTED, say

PARTIAL = ".partial"
"""What the folder is called, after what it is to become."""


def partial_folder(out: Path, resume: bool, quiet: bool) -> Path:
    """Give the folder of the training of `out`, and say if it holds one that is not gone on with.

    Raises
    ------
    UnlabeledError
        If there is nothing to resume.
    """
    from unlabeled.errors import UnlabeledError

    named = out if out.name not in ("", "..") else out.resolve()
    partial = named.with_name(named.name + PARTIAL)
    if resume and not partial.exists():
        raise UnlabeledError(f"there is nothing to resume: {partial} does not exist")
    if partial.exists() and not resume and not quiet:
        say(f"{partial} holds an unfinished training. This one starts afresh; --resume would go on with that")
    return partial


def interrupted(stop: KeyboardInterrupt, partial: Path) -> typer.Exit:
    """Say where a training was interrupted and how to go on with it; give the exit."""
    how = "\nResume with the same command and --resume" if partial.exists() else ""
    say((str(stop).partition(";")[0] or "Interrupted") + how)
    return typer.Exit(INTERRUPTED)


def remove_partial(partial: Path) -> None:
    """Remove what was kept of a training that is done."""
    from unlabeled.training.control.run_state import FILE as CHECKPOINT

    (partial / CHECKPOINT).unlink(missing_ok=True)
    with suppress(OSError):  # other things may have been put there
        partial.rmdir()
