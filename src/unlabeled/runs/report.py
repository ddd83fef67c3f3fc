"""The report of a run: one HTML file that opens anywhere, offline."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path
from typing import Any

from unlabeled.counted import counted
from unlabeled.files import read_json
from unlabeled.runs.showing.page import write_page
from unlabeled.training.bases.self_supervised import CIRCUMSTANCES

PICTURES = {
    "map": ("Map", "Each point is an instance; near points are alike to the encoder (t-SNE)."),
    "neighbours": (
        "Neighbours",
        "Each row: an instance drawn at random, then those nearest to it with their distance.",
    ),
    "similarity": (
        "Images and texts",
        "The cosine of each image (rows) with each caption (columns) of some pairs drawn at random. In the frames are "
        "those that belong together; they should be the darkest of their row and of their column.",
    ),
    "outliers": ("Outliers", "Instances unlike all others, by their mean distance to their ten nearest neighbours."),
    "duplicates": (
        "Near-duplicates",
        "Pairs ten times nearer to each other than neighbours usually are, with their cosine. A copy counts twice "
        "wherever instances are counted, and may stand among the training and among the test instances.",
    ),
    "history": (
        "Training",
        "The loss, and the health of the representation measured without labels, as training went on.",
    ),
}
LARGE = 150_000
"""Bytes beyond which a picture holds photographs, and takes a fifth of the room as WebP."""


def write_report(folder: Path, name: str | None = None) -> Path:
    """Write ``report.html`` from what a finished run holds; the pictures are inside the file.

    `name` is what the run is called; by default as its folder.
    """
    about, metrics = read_json(folder / "run.json"), read_json(folder / "metrics.json")
    shown = about.get("shown")
    own = {"method": (shown["title"], shown["caption"])} if shown else {}
    pictures = [
        (title, caption, *inline_picture(path))
        for name, (title, caption) in (own | PICTURES).items()
        if (path := folder / "pictures" / f"{name}.png").exists()
    ]
    columns, rows = evaluation_table(metrics)
    write_page(
        "report.html",
        folder / "report.html",
        name=name or folder.resolve().name,
        about=about,
        metrics=metrics,
        columns=columns,
        table=rows,
        note=evaluation_note(metrics) if rows else "",
        recipe={k: v for k, v in about["recipe"].items() if v is not None and k not in CIRCUMSTANCES},
        pictures=pictures,
        passages=read_json(passages) if (passages := folder / "passages.json").exists() else [],
    )
    return folder / "report.html"


def evaluation_table(metrics: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Give the columns and rows of a run's evaluation, in words; no rows when there were no labels."""
    scores = metrics.get("evaluation", {}).get("scores", [])
    columns = list(dict.fromkeys(score["metric"] for score in scores))
    cells: dict[str, list[str]] = {}
    for score in scores:
        spread = "" if score["std"] is None else f" ± {100 * score['std']:.1f}"
        cells.setdefault(score["representation"], []).append(f"{100 * score['mean']:.1f} %{spread}")
    return ["representation", *columns], [[name, *row] for name, row in cells.items()]


def evaluation_note(metrics: dict[str, Any]) -> str:
    """Say what the figures of an evaluation are."""
    found = metrics["evaluation"]
    spread = f"; mean ± deviation over {len(found['seeds'])} splits" if len(found["seeds"]) > 1 else ""
    return f"accuracy on {found['n_test']:,} held-out instances, {found['n_train']:,} labelled to learn from{spread}"


def duplicates_note(metrics: dict[str, Any]) -> str:
    """Say how many near-duplicates a run holds."""
    found = metrics["near_duplicates"]
    if not found["pairs"]:
        return f"No near-duplicates among {found['compared']:,} instances"
    one, other = found["nearest"][0]["ids"]
    pairs = counted(found["pairs"], "pair")
    return f"{pairs} of near-duplicates among {found['compared']:,} instances, such as {one} and {other}"


def inline_picture(path: Path) -> tuple[str, int, int]:
    """Give a picture as a data URL, with its width and height."""
    from PIL import Image, features

    content, kind = path.read_bytes(), "png"
    with Image.open(path) as picture:
        width, height = picture.size
        if len(content) > LARGE and features.check("webp"):
            smaller = BytesIO()
            picture.convert("RGB").save(smaller, "WEBP", quality=85)
            content, kind = smaller.getvalue(), "webp"
    return f"data:image/{kind};base64," + base64.b64encode(content).decode("ascii"), width, height
