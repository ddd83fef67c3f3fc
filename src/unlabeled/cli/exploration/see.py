"""`unlabeled see`: a look inside the network of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unlabeled.cli.shared import AsJson, Overwrite, RunFolder, print_json, tell


def see(
    run: RunFolder,
    photo: Annotated[
        str | None,
        typer.Argument(help="An image file, or the id of an instance.  [dim]default: the first of the run[/dim]"),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the page and its pictures.")] = Path("see"),
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Look inside an image encoder: filters, feature maps, what excites them, and which pixels make images similar.

    [dim]unlabeled see run/ photo.jpg --out see/[/dim]
    """
    from unlabeled.errors import UnlabeledError
    from unlabeled.files import check_replaceable, check_writable
    from unlabeled.runs import Run
    from unlabeled.runs.showing.see import see as look_inside

    check_replaceable(out, "look inside")
    check_writable(out)
    if out.exists() and any(out.iterdir()) and not overwrite:
        raise UnlabeledError(f"{out} exists already; choose another name, or replace it with --overwrite")
    sections = look_inside(Run(run), photo, out)
    if as_json:
        print_json({"out": str(out / "see.html"), "sections": [section.name for section in sections]})
    else:
        tell(str(out / "see.html"))
