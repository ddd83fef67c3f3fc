"""`unlabeled segment`: the parts of a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unlabeled.cli.shared import AsJson, ClusterMethod, Overwrite, Seed, how_many, print_json, print_table, say, tell
from unlabeled.counted import counted


def segment(
    photo: Annotated[Path, typer.Argument(help="An image file.")],
    k: Annotated[str, typer.Option("-k", help="How many segments, or [bold]auto[/bold].")] = "6",
    out: Annotated[Path, typer.Option("--out", "-o", help="PNG to write: the photo beside its segments.")] = Path(
        "segments.png"
    ),
    mask: Annotated[
        Path | None, typer.Option("--save-mask", help="PNG to write whose pixels are the numbers of the segments.")
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(help="A run over images: the pixels are clustered by its feature maps, and beneath by colour."),
    ] = None,
    side: Annotated[
        int | None,
        typer.Option(min=8, help="With --run: pixels to which the photo is scaled.  [dim]default: 4 × the run's[/dim]"),
    ] = None,
    place: Annotated[
        float, typer.Option(min=0, help="Weight of where a pixel is, beside its colour; 0 is colour alone.")
    ] = 0.5,
    smooth: Annotated[
        float, typer.Option(min=0, help="Specks smaller than this share of the longer side join what is around them.")
    ] = 0.01,
    method: ClusterMethod = "kmeans",
    overwrite: Overwrite = False,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Cut a picture into parts of like colour and place, or into parts that a run's encoder takes for alike.

    [dim]unlabeled segment photo.jpg -k 6 --out segments.png[/dim]

    [dim]unlabeled segment photo.jpg --run run/ --out segments.png[/dim]
    """
    import numpy as np

    from unlabeled.data import Images
    from unlabeled.data.paths import existing_picture
    from unlabeled.errors import UnlabeledError
    from unlabeled.explore import feature_segments, segments, segments_picture
    from unlabeled.explore.segments import write_mask
    from unlabeled.figure import check_picture
    from unlabeled.runs.grouping.write_table import inputs_of

    photo = existing_picture(photo)
    check_picture(out, inputs_of(run, photo), overwrite=overwrite)
    if mask is not None:
        check_picture(mask, inputs_of(run, photo), overwrite=overwrite)
        if mask.resolve() == out.resolve():
            raise UnlabeledError(f"--out and --save-mask are both {out}; give them different names")
    picture = np.asarray(Images([photo]).decode(0).convert("RGB"))
    found = segments(picture, how_many(k), place, smooth, method, seed)  # type: ignore[arg-type]  # checked there
    rows = [found]
    if run is not None:
        from unlabeled.runs import Run

        encoder = Run(run).encoder
        given = (how_many(k), place, smooth, method, seed, side)
        found = feature_segments(encoder, picture, *given)  # type: ignore[arg-type]  # checked there
        rows = [found, *rows]
    elif side is not None:
        raise UnlabeledError("--side goes with --run; by colour, the photo is taken as it is")
    segments_picture(picture, *rows, path=out)
    if mask is not None:
        write_mask(found, mask)
    shares = np.bincount(found.labels.ravel()) / found.labels.size
    parts = [
        {"segment": number, "share": float(share), "colour": "#{:02x}{:02x}{:02x}".format(*colour)}
        for number, (share, colour) in enumerate(zip(shares, found.colours.tolist(), strict=True))
    ]
    if as_json:
        print_json(
            {"out": str(out), "mask": None if mask is None else str(mask), "chosen": found.chosen, "segments": parts}
        )
        return
    print_table(
        ["segment", "share", "mean colour"],
        [[str(part["segment"]), f"{part['share']:.1%}", str(part["colour"])] for part in parts],
    )
    say(found.chosen)
    tell(f"{counted(len(parts), 'segment')} of {photo}: {out}" + (f", {mask}" if mask is not None else ""))
