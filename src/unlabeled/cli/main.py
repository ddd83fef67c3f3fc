"""The `unlabeled` command: its verbs, and how every error reaches a person."""

from __future__ import annotations

import os
import sys
import warnings
from typing import Annotated, NoReturn, TextIO

import typer

from unlabeled.cli.demo import demo
from unlabeled.cli.exploration.embed import embed
from unlabeled.cli.exploration.map import map_
from unlabeled.cli.exploration.path import path
from unlabeled.cli.exploration.search import search
from unlabeled.cli.exploration.see import see
from unlabeled.cli.exploration.segment import segment
from unlabeled.cli.exploration.track import track
from unlabeled.cli.generation.fill import fill
from unlabeled.cli.generation.generate import generate
from unlabeled.cli.generation.reconstruct import reconstruct
from unlabeled.cli.generation.restore import restore
from unlabeled.cli.generation.sample import sample
from unlabeled.cli.grouping.assign import assign
from unlabeled.cli.grouping.cluster import cluster
from unlabeled.cli.grouping.outliers import outliers
from unlabeled.cli.grouping.topics import topics
from unlabeled.cli.grouping.zeroshot import zeroshot
from unlabeled.cli.learning.compare import compare
from unlabeled.cli.learning.detect import detect, learn_detector
from unlabeled.cli.learning.evaluate import evaluate
from unlabeled.cli.learning.finetune import finetune, predict
from unlabeled.cli.learning.label import label
from unlabeled.cli.learning.learn import learn
from unlabeled.cli.methods import methods
from unlabeled.cli.option_names import message_for_user
from unlabeled.cli.shared import FAILED, REFUSED, err, say, visible
from unlabeled.cli.words import app as words
from unlabeled.errors import UnlabeledError

app = typer.Typer(
    name="unlabeled",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with [bold]unlabeled demo[/bold]. Every verb has its own [bold]--help[/bold], with an example.",
)


def _version(wanted: bool) -> None:
    if wanted:
        from unlabeled import __version__

        print(__version__)
        raise typer.Exit


@app.callback()
def unlabeled(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Learn from data nobody labelled: representations, search, maps, and an honest judgement of them."""


# A method's settings are no options that Typer knows, and its help is more than Typer's own.
app.command(add_help_option=False, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(learn)
for verb in (label, search, evaluate, compare, embed, generate, fill, finetune, predict):
    app.command()(verb)
for seeing in (path, see, track, zeroshot, restore, sample, reconstruct):
    app.command()(seeing)
app.command("map")(map_)
for sorting in (cluster, topics, segment, outliers, assign):
    app.command()(sorting)
app.command("learn-detector")(learn_detector)
app.command()(detect)
app.command()(methods)
app.command()(demo)
app.add_typer(words)


def main() -> None:
    """Run the command line. Exit status: 0 done, 1 a fault of ours, 2 input refused, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal that lacks a sign is no reason to fail
    warnings.showwarning = _warn
    try:
        app()
    except UnlabeledError as error:
        _refuse(message_for_user(error, app))
    except BrokenPipeError:
        # The reader, such as `head`, has closed the pipe; Python must not try to flush it on the way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)
    except OSError as error:
        if error.filename is None:
            raise
        # What the file system refuses is no fault of ours: a full disk, a folder nobody may write to.
        _refuse(f"{os.fsdecode(error.filename)}: {(error.strerror or 'cannot be used').lower()}")


def _warn(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print what a user should know as one line; where in the code it was said is for others' warnings only."""
    if not issubclass(category, UserWarning):
        print(visible(warnings.formatwarning(message, category, filename, lineno, line)), file=sys.stderr)
    elif _tells():
        say(f"Warning: {message}", "yellow")


def _refuse(message: str) -> NoReturn:
    """Print why the command ends, and end it."""
    if _tells():
        err.print(visible(f"Error: {message}"), style="bold red", markup=False, highlight=False, soft_wrap=True)
    sys.exit(REFUSED)


def _tells() -> bool:
    """Tell whether an error is this process's to print: until they join, all that torchrun started find the same."""
    if os.environ.get("LOCAL_RANK", "0") == "0":
        return True
    from unlabeled.processes import world_size

    return world_size() > 1


if __name__ == "__main__":
    main()
