"""`unlabeled search`: the instances nearest to a query."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from unlabeled.cli.shared import AsJson, Overwrite, RunFolder, print_json, print_table, say


def search(
    run: RunFolder,
    query: Annotated[str, typer.Option("--query", "-q", help="An image file, a text, or the id of an instance.")],
    k: Annotated[int, typer.Option("-k", min=1, help="How many neighbours.")] = 12,
    where: Annotated[
        str | None, typer.Option(help="Only instances for which this holds, such as \"label = 'cat'\".")
    ] = None,
    metric: Annotated[
        str,
        typer.Option(
            help="What near means: [bold]cosine[/bold], [bold]euclidean[/bold] or [bold]inner_product[/bold]."
        ),
    ] = "cosine",
    picture: Annotated[
        Path | None, typer.Option("--out", "-o", help="The contact sheet.  [dim]default: RUN/pictures/search.png[/dim]")
    ] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Find the instances most like a query; print them, and draw them as a contact sheet.

    [dim]unlabeled search run/ --query some.jpg -k 12[/dim]
    """
    from unlabeled.errors import UnlabeledError
    from unlabeled.explore.figures.figure import check_picture
    from unlabeled.modalities import modality_of
    from unlabeled.runs import Run, draw_results
    from unlabeled.runs.grouping.write_table import inputs_of

    if picture is not None:
        check_picture(picture, [*inputs_of(run), query], overwrite=overwrite)
    opened = Run(run)
    found = opened.search(query, k, where, metric)
    if not found.ids.size:
        say("No instance of the run fits" + (f" {where}" if where else ""))
    labels = opened.embeddings.label_names
    words = _descriptions(opened, list(found.ids[0]))
    rows = [
        {"rank": rank + 1, "id": name, "distance": float(distance)}
        | ({"label": labels[opened.embeddings.position[name]]} if labels is not None else {})
        | ({"text": words[name]} if words else {})
        for rank, (name, distance) in enumerate(zip(found.ids[0], found.distances[0], strict=True))
    ]
    if as_json:
        print_json({"query": query, "metric": metric, "neighbours": rows})
    else:
        columns = ["rank", "id", "distance", *(["label"] if labels is not None else []), *(["text"] if words else [])]
        print_table(
            columns, [[f"{row[c]:.4f}" if c == "distance" else str(row[c] or "–") for c in columns] for row in rows]
        )
    try:
        if found.ids.size and modality_of(opened.source).has_pictures:
            shown = query if modality_of(opened.source).opens_file(query) else None
            path = picture or run / "pictures" / "search.png"
            say(f"Contact sheet: {draw_results(opened.source, found, path, shown)}")
    except UnlabeledError as error:
        say(f"No contact sheet: {error}")


def _descriptions(run: Any, ids: list[str]) -> dict[str, str]:
    """Say in words what was found, where the data are still there and can be said in words."""
    from unlabeled.errors import UnlabeledError
    from unlabeled.modalities import modality_of

    try:
        data = run.source
    except UnlabeledError:
        return {}
    place = {name: row for row, name in enumerate(data.ids)}
    words = {name: modality_of(data).describe(data, place[name]) for name in ids if name in place}
    return words if len(words) == len(set(ids)) and any(words.values()) else {}
