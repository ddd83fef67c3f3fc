"""What the verbs share: how they print, and the options that several of them have."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from pathlib import Path
from textwrap import wrap
from typing import Annotated, Any, Literal

import typer
from rich.cells import cell_len
from rich.console import Console

MOST = 2**31 - 1
MOST_SEEDS = 1000
"""More repeats than this tell nothing new."""


def count(*names: str, least: int = 1, most: int = MOST, help: str | None = None) -> Any:
    """Make an option that counts something, of which no more is taken than libraries can count."""

    def countable(value: int | None) -> int | None:
        if value is not None and value > most:
            raise typer.BadParameter(f"{value} is more than {most:,}.")
        return value

    return typer.Option(*names, min=least, callback=countable, help=help)


RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder that [bold]unlabeled learn[/bold] wrote.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of a table.")]
EmbeddedFolder = Annotated[
    Path,
    typer.Argument(
        metavar="RUN",
        help="Folder that [bold]unlabeled learn[/bold] wrote; or word vectors: a file (.vec, .bin, .safetensors), or "
        "the folder of a word model.",
    ),
]
WordLimit = Annotated[
    int | None,
    count("--limit", help="Of word vectors, read the first so many words only.  [dim]default: all[/dim]"),
]
Comparable = Annotated[
    Path,
    typer.Argument(
        metavar="SOURCE",
        help="A run's folder, vectors (.parquet, .npy, .npz), word vectors (.vec, .bin, a model's folder), a table of "
        "mixed columns (.csv, .tsv, .parquet), or text (a folder, .txt, or a table with --column).",
    ),
]
Column = Annotated[str | None, typer.Option(help="The column of a table that holds the text.")]
_TOKENIZERS = (
    "How text becomes words: [bold]words[/bold]; [bold]whitespace[/bold]; or [bold]jieba[/bold], "
    "[bold]fugashi[/bold], [bold]pythainlp[/bold], which cut Chinese, Japanese and Thai."
)
TokenizerName = Annotated[str, typer.Option("--tokenizer", help=_TOKENIZERS)]
TextTokenizer = Annotated[str | None, typer.Option("--tokenizer", help=_TOKENIZERS + "  [dim]default: words[/dim]")]
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
Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="The same seed gives the same result.")]
OnError = Annotated[
    str, typer.Option("--on-error", help="An unreadable image: [bold]skip[/bold] it, or [bold]stop[/bold].")
]

FAILED, REFUSED, INTERRUPTED = 1, 2, 130
"""Exit statuses beside 0: a fault of ours, input refused, interrupted."""

STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters but tabs and line ends, and marks that change the direction of writing."""
GAP, LONG = 2, 24
"""Blanks between the columns of a table; the least width of a column whose cells are broken into lines."""

out = Console()
err = Console(stderr=True)


def was_given(context: typer.Context, name: str) -> bool:
    """Tell whether the user named an option, or its default stands."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


WITHOUT_PICTURES = "is for a contact sheet, and the instances of this run have no pictures"
"""Why `refuse_unused` refuses a picture of what was found."""


def refuse_unused(context: typer.Context, names: Iterable[str], why: str) -> None:
    """Refuse options that were given although they change nothing beside the others.

    Parameters
    ----------
    context : typer.Context
    names : iterable of str
        The parameters of the verb that have no effect.
    why : str
        What the options are for; it follows their name.

    Raises
    ------
    UnlabeledError
    """
    from unlabeled.errors import UnlabeledError

    for option in context.command.params:
        if option.name in names and was_given(context, option.name):
            raise UnlabeledError(f"{option.opts[0]} {why}; leave it out")


def visible(text: str) -> str:
    """Write what would steer a terminal, or cannot be encoded, as an escape such as ``\\x1b``: names may hold any byte.

    Examples
    --------
    >>> print(visible("red\\x1b[31m.png, caf\\udce9.png"))
    red\\x1b[31m.png, caf\\xe9.png
    """
    text = re.sub("[\udc80-\udcff]", lambda byte: f"\\x{ord(byte[0]) - 0xDC00:02x}", text)
    return STEERING.sub(lambda mark: f"\\x{ord(mark[0]):02x}" if mark[0] < "\x7f" else f"\\u{ord(mark[0]):04x}", text)


def tell(message: str, style: str | None = None) -> None:
    """Print a result, on the output stream, as one line however long, and nothing in it taken for markup."""
    if style is None:
        print(visible(message))
    else:
        out.print(visible(message), style=style, markup=False, highlight=False, soft_wrap=True)


def say(message: str, style: str = "dim") -> None:
    """Tell the user how things stand, on the error stream, so that it never mixes with results."""
    err.print(visible(message), style=style, markup=False, highlight=False, soft_wrap=True)


def say_how_to_assign(model: str | None) -> None:
    """Tell the command that places new rows as a model does."""
    if model is not None:
        say(f"for new rows: unlabeled assign {shlex.quote(model)} NEW_ROWS --out assigned.csv")


def print_json(content: Any) -> None:
    """Print one JSON document on the output stream, in ASCII where that takes nothing else."""
    unicode = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().startswith("utf")
    print(json.dumps(content, indent=2, ensure_ascii=not unicode))


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], title: str | None = None, whole: Sequence[str] = ()
) -> None:
    """Print a table; columns that hold nothing but numbers, and dashes for those that are missing, end flush.

    Into a file or another program lines are as long as they need to be. On a terminal, cells of long text are broken
    between words; where that leaves too little room, every row becomes a block of lines, one a column. Cells of other
    columns, and of those named in `whole`, are never broken: ids stay ids.
    """
    columns = [_on_one_line(column) for column in columns]
    cells = [[_on_one_line(cell) for cell in row] for row in rows]
    widths = [max(map(cell_len, [column, *(row[i] for row in cells)])) for i, column in enumerate(columns)]
    asked = os.environ.get("COLUMNS", "")
    width = out.width if out.is_terminal else sum(widths) + GAP * len(widths)
    width = int(asked) if asked.isdigit() else width  # also where the terminal's kind is unknown
    if title:
        tell(title)
    if sum(widths) + GAP * (len(widths) - 1) > width:
        long = [i for i in range(1, len(widths)) if widths[i] > LONG and columns[i] not in whole]
        room = width - GAP * (len(widths) - 1) - sum(w for i, w in enumerate(widths) if i not in long)
        if not long or room < LONG * len(long):
            _print_blocks(columns, cells, width)
            return
        share = room // len(long)
        widths = [share if i in long else w for i, w in enumerate(widths)]
    flush = [
        bool(cells) and all(row[i] == "–" or row[i].lstrip("-")[:1].isdigit() for row in cells)
        for i in range(len(columns))
    ]
    for row in [list(columns), *cells]:
        parts = [wrap(cell, w) if cell_len(cell) > w else [cell] for cell, w in zip(row, widths, strict=True)]
        for line in zip_longest(*parts, fillvalue=""):
            padded = (
                " " * (w - cell_len(text)) + text if right else text + " " * (w - cell_len(text))
                for text, w, right in zip(line, widths, flush, strict=True)
            )
            print((" " * GAP).join(padded).rstrip())


def _on_one_line(cell: Any) -> str:
    """Write a cell with its line ends as escapes: a name that holds one must not look like a row of its own."""
    return visible(str(cell)).replace("\n", "\\n")


def _print_blocks(columns: Sequence[str], cells: Iterable[Sequence[str]], width: int) -> None:
    """Print each row as lines: its first cell, and beneath it the others, each after the name of its column."""
    for row in cells:
        print(row[0])
        for column, cell in zip(columns[1:], row[1:], strict=True):
            lines = wrap(cell, max(width - 4, LONG), break_long_words=False, break_on_hyphens=False) or [""]
            first = f"{column}: {lines[0]}"
            for line in [first, *lines[1:]] if cell_len(first) + 2 <= width else [f"{column}:", *lines]:
                print(f"  {line}" if line in (first, f"{column}:") else f"    {line}")


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
