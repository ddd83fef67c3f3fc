"""The report of a run: one HTML file that opens anywhere, offline."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path
from typing import Any

from unlabeled.files import read_json, refuses_damage
from unlabeled.runs.showing.page import write_page
from unlabeled.runs.showing.run_figures import (
    duplicates_note,
    evaluation_tables,
    evaluation_verdict,
    generalisation_note,
    generalises,
    label_free_table,
)
from unlabeled.runs.staging import read_about
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
        "Near-duplicates and look-alikes",
        "Pairs ten times nearer to each other than neighbours usually are, with their cosine. A copy has nearly the "
        "same content as well; it counts twice wherever instances are counted, and may stand among the training and "
        "among the test instances. Look-alikes are near to the encoder only.",
    ),
    "history": (
        "Training",
        "The loss, and the health of the representation measured without labels, as training went on.",
    ),
}
LARGE = 150_000
"""Bytes beyond which a picture holds photographs, and takes a fifth of the room as WebP."""


@refuses_damage
def write_report(folder: Path, name: str | None = None, about: dict[str, Any] | None = None) -> Path:
    """Write ``report.html`` from what a run holds; the pictures are inside the file.

    `name` is what the run is called; by default as its folder. `about` is its description; by default that in its
    ``run.json``, which a run gets last of all.
    """
    about = read_about(folder) if about is None else about
    metrics = read_json(folder / "metrics.json")
    shown = about.get("shown")
    own = {"method": (shown["title"], shown["caption"])} if shown else {}
    pictures = [
        (title, caption, *inline_picture(path))
        for name, (title, caption) in (own | PICTURES).items()
        if (path := folder / "pictures" / f"{name}.png").exists()
    ]
    tables = evaluation_tables(metrics)
    write_page(
        "report.html",
        folder / "report.html",
        name=name or folder.resolve().name,
        about=about,
        metrics=metrics,
        tables=tables,
        verdict=evaluation_verdict(metrics) if tables else "",
        label_free=label_free_table(metrics),
        generalisation=generalisation_note(metrics),
        generalises="generalisation" in metrics and generalises(metrics["generalisation"]),
        duplicates=duplicates_note(metrics) if "near_duplicates" in metrics else "",
        recipe={k: v for k, v in about["recipe"].items() if v is not None and k not in CIRCUMSTANCES},
        pictures=pictures,
        passages=read_json(passages) if (passages := folder / "passages.json").exists() else [],
    )
    return folder / "report.html"


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
