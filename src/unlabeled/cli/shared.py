"""What the verbs share: how they print, and the options that several of them have."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder that [bold]unlabeled learn[/bold] wrote.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of a table.")]
Comparable = Annotated[
    Path,
    typer.Argument(
        metavar="SOURCE",
        help="A run's folder, vectors (.parquet, .npy, .npz), a table of mixed columns (.csv, .tsv, .parquet), or text "
        "(a folder, .txt, or a table with --column).",
    ),
]
Column = Annotated[str | None, typer.Option(help="The column of a table that holds the text.")]
TokenizerName = Annotated[
    str,
    typer.Option(
        "--tokenizer",
        help="How text becomes words: [bold]words[/bold]; [bold]whitespace[/bold]; or [bold]jieba[/bold], "
        "[bold]fugashi[/bold], [bold]pythainlp[/bold], which cut Chinese, Japanese and Thai.",
    ),
]
ShownImages = Annotated[Path | None, typer.Option("--images", help="Images to show, named by the ids of the rows.")]
Scale = Annotated[
    str,
    typer.Option(
        help="[bold]unit[/bold]: rows to length 1; [bold]standard[/bold]: columns to mean 0, variance 1; "
        "[bold]none[/bold]; [bold]auto[/bold]: unit for embeddings and text, standard for tables, none for arrays."
    ),
]
ClusterMethod = Annotated[
    str,
    typer.Option(
        "--method",
        help="[bold]kmeans[/bold]; [bold]minibatch[/bold]: the same from a few rows at a time, for very many rows; or "
        "[bold]mixture[/bold] (of Gaussians).",
    ),
]
Model = Annotated[
    Path | None,
    typer.Option(
        help="Folder for the model, with which [bold]unlabeled assign[/bold] places new rows.  "
        "[dim]default: as the table, with .model[/dim]"
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same result.")]
OnError = Annotated[
    str, typer.Option("--on-error", help="An unreadable image: [bold]skip[/bold] it, or [bold]stop[/bold].")
]

FAILED, REFUSED, INTERRUPTED = 1, 2, 130
"""Exit statuses beside 0: a fault of ours, input refused, interrupted."""

out = Console()
err = Console(stderr=True)


def say(message: str) -> None:
    """Tell the user how things stand, on the error stream, so that it never mixes with results."""
    err.print(message, style="dim", markup=False, highlight=False, soft_wrap=True)


def say_how_to_assign(model: str | None) -> None:
    """Tell the command that places new rows as a model does."""
    if model is not None:
        say(f"for new rows: unlabeled assign {shlex.quote(model)} NEW_ROWS --out assigned.csv")


def print_json(content: Any) -> None:
    """Print one JSON document on the output stream."""
    print(json.dumps(content, indent=2, ensure_ascii=False))


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], title: str | None = None, whole: Sequence[str] = ()
) -> None:
    """Print a table; columns that hold nothing but numbers, and dashes for those that are missing, end flush.

    Cells of the columns named in `whole` are never broken into lines.
    """
    rows = [list(map(str, row)) for row in rows]
    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for i, column in enumerate(columns):
        number = bool(rows) and all(row[i] == "–" or row[i].lstrip("-")[:1].isdigit() for row in rows)
        table.add_column(column, justify="right" if number else "left", overflow="fold", no_wrap=column in whole)
    for row in rows:
        table.add_row(*row)
    out.print(table, markup=False)


def what_on_error(choice: str) -> Literal["raise", "skip"]:
    """Translate the option's word into the library's."""
    from unlabeled.errors import unknown_name

    if choice not in ("skip", "stop"):
        raise unknown_name("choice for --on-error", choice, ["skip", "stop"])
    return "raise" if choice == "stop" else "skip"


def how_many(k: str) -> int | Literal["auto"]:
    """Read a number, or ``auto``."""
    from unlabeled.errors import UnlabeledError

    if k == "auto":
        return "auto"
    try:
        return int(k)
    except ValueError:
        raise UnlabeledError(f"-k is a whole number or auto, not {k!r}") from None
