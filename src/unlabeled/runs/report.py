"""The report of a run: one HTML file that opens anywhere, offline."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from unlabeled.files import read_json, written_aside

PICTURES = {
    "map": "Each point is an instance; near points are alike to the encoder (t-SNE).",
    "neighbours": "Each row: an instance drawn at random, then its nearest neighbours with their distance.",
    "history": "The loss, and the health of the representation measured without labels, as training went on.",
}


def write_report(folder: Path) -> Path:
    """Write ``report.html`` from what a finished run holds; the pictures are inside the file."""
    about, metrics = read_json(folder / "run.json"), read_json(folder / "metrics.json")
    pictures = [
        (name, caption, _inline(path))
        for name, caption in PICTURES.items()
        if (path := folder / "pictures" / f"{name}.png").exists()
    ]
    columns, rows = evaluation_table(metrics)
    environment = Environment(
        loader=PackageLoader("unlabeled.runs"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("report.html").render(
        name=folder.resolve().name,
        about=about,
        metrics=metrics,
        columns=columns,
        table=rows,
        note=evaluation_note(metrics) if rows else "",
        recipe={key: value for key, value in about["recipe"].items() if value is not None},
        pictures=pictures,
    )
    with written_aside(folder / "report.html") as aside:
        aside.write_text(page, encoding="utf-8")
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


def _inline(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")
