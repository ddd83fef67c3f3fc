"""`unlabeled search`: the instances nearest to a query."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unlabeled.cli.shared import (
    WITHOUT_PICTURES,
    AsJson,
    EmbeddedFolder,
    Overwrite,
    WordLimit,
    count,
    print_json,
    print_table,
    refuse_unused,
    say,
    tell,
)

if TYPE_CHECKING:
    from unlabeled.runs import Run


def search(
    context: typer.Context,
    run: EmbeddedFolder,
    query: Annotated[
        str | None, typer.Option("--query", "-q", help="An image file, a text, the id of an instance, or a word.")
    ] = None,
    k: Annotated[int, count("-k", help="How many neighbours.")] = 12,
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
    add: Annotated[
        Path | None, typer.Option(help="Instances that searches are to find from now on; no query is asked.")
    ] = None,
    labels: Annotated[Path | None, typer.Option(help="With --add: CSV or parquet with path (or id) and label.")] = None,
    limit: WordLimit = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Find the instances most like a query; print them, and draw them as a contact sheet.

    In a run over images with captions, an image finds the captions that fit it best as well.

    [dim]unlabeled search run/ --query some.jpg -k 12[/dim]

    [dim]unlabeled search run/ --add new-photos/[/dim]

    [dim]unlabeled search vectors.vec --query frog[/dim]
    """
    from unlabeled.errors import UnlabeledError
    from unlabeled.figure import check_picture
    from unlabeled.modalities import modality_of
    from unlabeled.runs import Run, draw_results
    from unlabeled.runs.added import sources_of
    from unlabeled.runs.embedded_words import holds_words
    from unlabeled.runs.grouping.write_table import inputs_of
    from unlabeled.runs.showing.descriptions import descriptions

    if (query is None) == (add is None):
        raise UnlabeledError("say what to look for with --query, or what is to be found from now on with --add")
    if add is not None:
        refuse_unused(context, ["k", "where", "metric", "picture", "limit"], "is for a query, and --add asks none")
        _add(run, add, labels, overwrite, as_json)
        return
    assert query is not None
    refuse_unused(context, ["labels"], "is for what is added, so with --add")
    if holds_words(run):
        _search_words(run, query, k, where, metric, picture, limit, as_json)
        return
    if limit is not None:
        raise UnlabeledError(f"a limit is for word vectors, and {run} holds none; leave it out")
    if picture is not None:
        check_picture(picture, [*inputs_of(run), query], overwrite=overwrite)
    opened = Run(run)
    if not query.strip():
        raise UnlabeledError("the query is empty; give a file, the id of an instance, or words if the run knows words")
    if not opened.has_pictures:
        refuse_unused(context, ["picture"], WITHOUT_PICTURES)
    found = opened.search(query, k, where, metric)
    if len(found) > 1:
        say(f"The query holds {len(found)} instances; each result counts by its distance to the nearest of them")
        found = found.merged()
    indexed = opened.indexed
    if not found.ids.size:
        say("No instance of the run fits" + (f" {where}" if where else ""))
    named = indexed.label_names
    words = descriptions(opened, list(found.ids[0]))
    rows = [
        {"rank": rank + 1, "id": name, "distance": float(distance)}
        | ({"label": named[indexed.position[name]]} if named is not None else {})
        | ({"text": words[name]} if words else {})
        for rank, (name, distance) in enumerate(zip(found.ids[0], found.distances[0], strict=True))
    ]
    captions = _captions(opened, query, k, metric) if where is None else None
    if as_json:
        said = {} if captions is None else {"captions": captions}
        print_json({"query": query, "metric": metric, "neighbours": rows, **said})
    else:
        columns = ["rank", "id", "distance", *(["label"] if named is not None else []), *(["text"] if words else [])]
        print_table(
            columns, [[f"{row[c]:.4f}" if c == "distance" else str(row[c] or "–") for c in columns] for row in rows]
        )
        if captions is not None:
            tell("\nCaptions that fit the image best")
            lines = [[str(row["rank"]), f"{row['distance']:.4f}", row["caption"]] for row in captions]
            print_table(["rank", "distance", "caption"], lines)
    try:
        if found.ids.size and modality_of(opened.source).has_pictures:
            shown = query if modality_of(opened.source).opens_file(query) else None
            path = picture or run / "pictures" / "search.png"
            others = sources_of(opened, list(found.ids[0]))
            say(f"Contact sheet: {draw_results(opened.source, found, path, shown, others=others)}")
    except UnlabeledError as error:
        say(f"No contact sheet: {error}")


def _captions(run: Run, query: str, k: int, metric: str) -> list[dict[str, Any]] | None:
    """Find the captions of a run over pairs that are nearest to an image; None if the query or the run has none."""
    from unlabeled.modalities import modality_of

    of_image = modality_of(run.encoder.preprocessing).opens_file(query) or query in run.indexed.position
    found = run.search_captions(query, k, metric) if of_image else None
    if found is None:
        return None
    nearest = zip(found.ids[0], found.distances[0], strict=True)
    return [{"rank": rank + 1, "caption": text, "distance": float(far)} for rank, (text, far) in enumerate(nearest)]


def _add(run: Path, source: Path, labels: Path | None, overwrite: bool, as_json: bool) -> None:
    """Add instances to the index of a run, and say what became of each."""
    from unlabeled.errors import UnlabeledError
    from unlabeled.runs import Run
    from unlabeled.runs.added import add_to_index
    from unlabeled.runs.embedded_words import holds_words

    if holds_words(run):
        raise UnlabeledError(f"{run} holds word vectors, to which nothing can be added")
    opened = Run(run)
    found = add_to_index(opened, source, labels=labels, overwrite=overwrite)
    if as_json:
        skipped = [{"id": each.id, "reason": each.reason} for each in found.skipped]
        shown = {"added": found.added, "replaced": found.replaced, "known": found.known, "skipped": skipped}
        print_json({**shown, "in_index": len(opened.indexed)})
        return
    for each in found.skipped[:5]:
        say(f"Skipped {each.id}: {each.reason}")
    copies = [f"{name} is {old}" for name, old in found.known.items() if name != old]
    if found.known:
        say(f"In the index already: {len(found.known):,}" + (f", such as {copies[0]}" if copies else ""))
    replaced = f", {len(found.replaced):,} replaced" if found.replaced else ""
    tell(f"{len(found.added):,} added{replaced}; searches of {run} look among {len(opened.indexed):,} instances")


def _search_words(
    path: Path,
    query: str,
    k: int,
    where: str | None,
    metric: str,
    picture: Path | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """Find the words whose vectors are nearest to that of a word."""
    from unlabeled.errors import UnlabeledError
    from unlabeled.runs.embedded_words import open_words
    from unlabeled.search import ExactStore

    if picture is not None:
        raise UnlabeledError("words have no contact sheet; leave out --out, and take --json to keep the result")
    vectors, remarks = open_words(path, limit)
    for remark in remarks:
        say(remark)
    wanted = vectors.lookup([query])  # before the index is made, for it may be misspelt
    store = ExactStore.build(list(vectors.words), vectors.vectors, metric=metric)
    found = store.query(wanted, k, where=where)
    rows = [
        {"rank": rank + 1, "id": name, "distance": float(distance)}
        for rank, (name, distance) in enumerate(zip(found.ids[0], found.distances[0], strict=True))
    ]
    if as_json:
        print_json({"query": query, "metric": metric, "neighbours": rows})
    else:
        print_table(["rank", "id", "distance"], [[str(r["rank"]), r["id"], f"{r['distance']:.4f}"] for r in rows])
