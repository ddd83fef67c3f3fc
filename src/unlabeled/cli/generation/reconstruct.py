"""`unlabeled reconstruct`: what a model makes of a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unlabeled.cli.shared import AsJson, Overwrite, RunFolder, print_json, tell


def reconstruct(
    run: RunFolder,
    photos: Annotated[list[Path], typer.Argument(help="Image files.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="PNG to write.")] = Path("reconstruction.png"),
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Show pictures, what of each the model saw, and what it rebuilt: autoencoders and masked autoencoders.

    [dim]unlabeled reconstruct run/ photo.jpg --out rebuilt.png[/dim]
    """
    from unlabeled.data.paths import existing_picture
    from unlabeled.figure import check_picture
    from unlabeled.runs import Run
    from unlabeled.runs.grouping.write_table import inputs_of
    from unlabeled.runs.showing.made_pictures import checked_for, draw_shown

    files = [existing_picture(photo) for photo in photos]
    check_picture(out, inputs_of(run, *files), overwrite=overwrite)
    method = checked_for(Run(run).method, "reconstruct")
    shown = method.pictures([str(file) for file in files])
    draw_shown(shown, out)
    if as_json:
        print_json({"out": str(out), "columns": list(shown.names), "pictures": len(shown.pictures)})
        return
    tell(f"{shown.caption}\n{out}")
