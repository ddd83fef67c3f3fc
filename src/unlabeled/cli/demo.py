"""`unlabeled demo`: the whole of the main job on a real data set, with nothing to fetch."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import Annotated

import typer

from unlabeled.cli.shared import count, say

MADE = {"photos", "more-photos", "labels.csv", "run", "vectors.parquet", "map.png", "similar.png"}
HELD_BACK = 97
"""Digits that learning never sees; they are what is embedded as new."""


def demo(
    context: typer.Context,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the data and the run.")] = Path("demo"),
    epochs: Annotated[int, count(help="Passes over the data; fewer are quicker and worse.")] = 40,
) -> None:
    """Do all of it on handwritten digits: learn without labels, judge, search, embed, map. About two minutes.

    The digits are the 1,797 that come with scikit-learn, written out as image files, so that you see what happens
    to a folder of your own. Each step is a command you can type.
    """
    from unlabeled.errors import UnlabeledError
    from unlabeled.files import check_writable

    if out.exists() and not out.is_dir():
        raise UnlabeledError(f"{out} is a file; choose a folder for --out")
    if out.exists() and any(path.name not in MADE for path in out.iterdir()):
        raise UnlabeledError(f"{out} holds other files; choose another folder for --out")
    check_writable(out / "photos")
    start = time.monotonic()
    digits = write_digits(out)
    say(f"{digits:,} handwritten digits as image files in {out / 'photos'}, without labels")
    run, query = out / "run", out / "more-photos" / "0003.png"
    command(context, "learn", str(out / "photos"), "--epochs", str(epochs), "--out", str(run), "--overwrite")
    command(context, "evaluate", str(run), "--labels", str(out / "labels.csv"), "--train-rows", "100")
    command(
        context, "search", str(run), "--query", str(query), "-k", "11", "--out", str(out / "similar.png"), "--overwrite"
    )
    command(context, "embed", str(run), str(out / "more-photos"), "--out", str(out / "vectors.parquet"), "--overwrite")
    command(context, "map", str(run), "--labels", str(out / "labels.csv"), "--out", str(out / "map.png"), "--overwrite")
    made = ", ".join(str(path) for path in (run / "report.html", out / "map.png", out / "similar.png"))
    say(f"\nDone in {time.monotonic() - start:.0f} s. Look at {made}.")


def command(context: typer.Context, *words: str) -> None:
    """Show a command and run it, in this process."""
    say(f"\n$ unlabeled {shlex.join(words)}", style="bold cyan")
    status = context.find_root().command.main(list(words), prog_name="unlabeled", standalone_mode=False)
    if status:  # interrupted; the error has been told
        raise typer.Exit(status)


def write_digits(folder: Path) -> int:
    """Write scikit-learn's digits as image files and a label file; give the number of those to learn from."""
    import csv

    from PIL import Image
    from sklearn.datasets import load_digits

    from unlabeled.files import written_aside

    images, labels = load_digits(return_X_y=True)
    learnt = len(images) - HELD_BACK
    for part in ("photos", "more-photos"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for number, pixels in enumerate(images):
        part = "photos" if number < learnt else "more-photos"
        name = number if number < learnt else number - learnt
        picture = Image.fromarray((pixels.reshape(8, 8) * (255 / 16)).round().astype("uint8"))
        picture.save(folder / part / f"{name:04d}.png")
    with written_aside(folder / "labels.csv") as aside, aside.open("w", newline="") as file:
        csv.writer(file).writerows([("path", "label"), *((f"{i:04d}.png", int(labels[i])) for i in range(learnt))])
    return learnt
