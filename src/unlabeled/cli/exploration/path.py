"""`unlabeled path`: a chain of neighbours from one instance to another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unlabeled.cli.shared import (
    WITHOUT_PICTURES,
    AsJson,
    Overwrite,
    RunFolder,
    count,
    print_json,
    print_table,
    refuse_unused,
    say,
)
from unlabeled.counted import counted


def path(
    context: typer.Context,
    run: RunFolder,
    start: Annotated[str, typer.Argument(help="The id of an instance of the run or of one added to it, or a file.")],
    goal: Annotated[str, typer.Argument(help="Likewise, where the chain ends.")],
    k: Annotated[int, count("-k", help="Neighbours to which each instance is joined.")] = 10,
    kind: Annotated[
        str,
        typer.Option(help="[bold]shortest[/bold]: least sum of steps; [bold]minimax[/bold]: the least longest step."),
    ] = "shortest",
    picture: Annotated[Path, typer.Option("--out", "-o", help="The contact sheet to write.")] = Path("path.png"),
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Find a chain of near neighbours from one instance to another; print it, and draw it as a contact sheet.

    [dim]unlabeled path run/ a.jpg b.jpg --out path.png[/dim]
    """
    from unlabeled.errors import UnlabeledError, unknown_name
    from unlabeled.figure import check_picture
    from unlabeled.modalities import modality_of
    from unlabeled.runs import Run
    from unlabeled.runs.grouping.write_table import inputs_of
    from unlabeled.runs.showing.descriptions import descriptions
    from unlabeled.runs.showing.neighbour_path import draw_path, neighbour_path

    if kind not in ("shortest", "minimax"):
        raise unknown_name("kind of path", kind, ["shortest", "minimax"])
    opened = Run(run)
    if not opened.has_pictures:
        refuse_unused(context, ["picture"], WITHOUT_PICTURES)
    else:
        check_picture(picture, inputs_of(run, start, goal), overwrite=overwrite)
    found = neighbour_path(opened, start, goal, k=k, kind=kind)  # type: ignore[arg-type]  # checked above
    chain = found.path
    hops = [None, *chain.hops.tolist()]
    words = descriptions(opened, chain.ids)
    if as_json:
        steps = [
            {"id": name, "hop": hop} | ({"text": words[name]} if words else {})
            for name, hop in zip(chain.ids, hops, strict=True)
        ]
        print_json(
            {"metric": found.metric, "kind": kind, "length": chain.length, "longest": chain.longest, "path": steps}
        )
    else:
        cells = [
            [str(i), name, f"{hop:.4g}" if hop is not None else "–", *([words[name]] if words else [])]
            for i, (name, hop) in enumerate(zip(chain.ids, hops, strict=True))
        ]
        print_table(["step", "id", "distance", *(["text"] if words else [])], cells)
        many = counted(len(chain.hops), "step")
        say(f"{many}, {chain.length:.4g} in all, the longest {chain.longest:.4g} ({found.metric})")
    try:
        if modality_of(opened.source).has_pictures:
            say(f"Contact sheet: {draw_path(opened, found, picture)}")
    except UnlabeledError as error:
        say(f"No contact sheet: {error}")
