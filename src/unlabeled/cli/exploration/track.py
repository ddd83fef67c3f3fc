"""`unlabeled track`: what a mask or points mark in the first frame, through a video."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unlabeled.cli.shared import AsJson, Overwrite, RunFolder, count, print_json, print_table, tell


def track(
    run: RunFolder,
    video: Annotated[Path, typer.Argument(help="A video file, or a folder of frames.")],
    mask: Annotated[
        Path | None,
        typer.Option(help="A picture of the first frame's size: black is the background, other colours are objects."),
    ] = None,
    point: Annotated[
        list[str] | None, typer.Option(help="In place of a mask: a position x,y in pixels. May be given several times.")
    ] = None,
    size: Annotated[
        int | None,
        count(
            least=8,
            help="Pixels a side in which things are looked for.  [dim]default: the training's[/dim]",
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="The video to write.")] = Path("tracked.mp4"),
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Follow objects or points through a video, and draw them over it.

    The run must be of [bold]--method tracking_by_colorization[/bold].

    [dim]unlabeled track run/ clip.mp4 --mask first.png --out tracked.mp4[/dim]
    """
    from unlabeled.errors import UnlabeledError
    from unlabeled.runs import track as run_tracking

    if (mask is None) == (not point):
        raise UnlabeledError("say what to track in the first frame: either --mask first.png or --point x,y")
    points = [_point(text) for text in point] if point else None
    done = run_tracking(run, video, out, mask=mask, points=points, size=size, overwrite=overwrite)
    if as_json:
        print_json(done)
        return
    if points is None:
        rows = [[str(o["object"]), f"{o['first']:,}", f"{o['last']:,}"] for o in done["objects"]]
        print_table(["object", "pixels in the first frame", "in the last"], rows)
    else:
        pairs = zip(points, done["points"], strict=True)
        print_table(["point", "at the end"], [[f"{x:g}, {y:g}", f"{u:g}, {v:g}"] for (x, y), (u, v) in pairs])
    tell(f"{done['frames']:,} frames, {done['seconds']:.1f} seconds, in {done['out']}")


def _point(text: str) -> tuple[float, float]:
    from unlabeled.errors import UnlabeledError

    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        raise UnlabeledError(f"--point is x,y in pixels, such as 120,80, not {text!r}") from None
    return x, y
