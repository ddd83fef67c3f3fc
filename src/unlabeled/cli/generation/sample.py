"""`unlabeled sample`: new pictures from a generative model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unlabeled.cli.shared import AsJson, Overwrite, RunFolder, Seed, count, print_json, refuse_unused, tell
from unlabeled.counted import counted


def sample(
    context: typer.Context,
    run: RunFolder,
    n: Annotated[int, typer.Option("-n", min=1, max=10_000, help="How many.")] = 64,
    out: Annotated[Path, typer.Option("--out", "-o", help="PNG to write, with all of them in a grid.")] = Path(
        "samples.png"
    ),
    interpolate: Annotated[
        tuple[Path, Path] | None,
        typer.Option(help="Two images; instead of samples, the way from one to the other in [bold]-n[/bold] steps."),
    ] = None,
    columns: Annotated[int, count(help="Pictures in a row.")] = 8,
    seed: Seed = 0,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Make new pictures with a variational autoencoder or a GAN, or walk from one picture to another.

    [dim]unlabeled sample run/ -n 64 --out grid.png[/dim]
    """
    from unlabeled.data.paths import existing_picture
    from unlabeled.errors import UnlabeledError
    from unlabeled.explore.figures.contact_sheet import contact_sheet
    from unlabeled.figure import check_picture
    from unlabeled.runs import Run
    from unlabeled.runs.grouping.write_table import inputs_of
    from unlabeled.runs.showing.made_pictures import checked_for, made_pictures

    if interpolate is not None:
        refuse_unused(context, ["seed"], "is for drawing codes, and with --interpolate the two images give them")
        if n < 2:
            raise UnlabeledError(f"-n must be at least 2 with --interpolate, for both ends of the way; not {n}")
    ends = [existing_picture(end) for end in interpolate or []]
    check_picture(out, inputs_of(run, *ends), overwrite=overwrite)
    method = checked_for(Run(run).method, "interpolate" if interpolate else "sample")
    if interpolate is not None:
        made = method.interpolate(*map(str, ends), steps=n)
    else:
        made = method.sample(n, random_state=seed)
    pictures = made_pictures(made)
    contact_sheet(pictures, [""] * len(pictures), columns=columns, path=out)
    if as_json:
        print_json({"out": str(out), "pictures": len(pictures), "seed": None if interpolate else seed})
        return
    tell(f"{counted(len(pictures), 'picture')} in {out}")
