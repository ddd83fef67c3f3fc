"""`unlabeled words skipgram`, `cbow` and `glove`: from a text to word vectors."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from unlabeled.cli.shared import INTERRUPTED, AsJson, print_json, say

PARTIAL = ".partial"
"""What the folder of an unfinished training is called, after the file it is to become."""


def trainer(name: str, what: str) -> Callable[..., None]:
    """Make the verb that trains by the method of this name."""

    def train(
        context: typer.Context,
        source: Annotated[Path, typer.Argument(help="A text file, plain or compressed, or a folder of them.")],
        out: Annotated[
            Path,
            typer.Option("--out", "-o", help="The vectors: .bin, .txt, .vec, .safetensors, or a folder for the model."),
        ] = Path("vectors.bin"),
        recipe: Annotated[Path | None, typer.Option(help="TOML file with settings.")] = None,
        resume: Annotated[bool, typer.Option("--resume", help="Go on with what was interrupted.")] = False,
        quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no sentences.")] = False,
        as_json: AsJson = False,
    ) -> None:
        from unlabeled.cli.settings import configured
        from unlabeled.errors import UnlabeledError

        check_ending(out)
        partial = out.with_name(out.name + PARTIAL)
        if resume and not partial.exists():
            raise UnlabeledError(f"there is nothing to resume: {partial} does not exist")
        model = configured(name, recipe, context.args, {"progress": not quiet, "random_state": 0})
        model.set_params(checkpoint=str(partial))
        try:
            model.fit(source, resume=resume)
        except KeyboardInterrupt as stop:
            say(f"{str(stop).partition(';')[0] or 'Interrupted'}\nResume with the same command and --resume")
            raise typer.Exit(INTERRUPTED) from None
        if out.suffix:
            model.vectors_.save(out)
        else:
            model.save(out)
        shutil.rmtree(partial, ignore_errors=True)
        words = model.vectors_.words
        if as_json:
            print_json({"vectors": str(out), "words": len(words), "dim": model.vectors_.dim, "seed": model.seed_})
        else:
            print(f"{len(words):,} words of {model.vectors_.dim} numbers are in {out}")
            say(f"Try: unlabeled words nearest {out} {words[len(words) // 50]}")

    train.__doc__ = f"""{what}

    Every setting of the method is an option too, such as [bold]--dim 300 --epochs 10 --min-count 2[/bold];
    [bold]unlabeled methods {name}[/bold] lists them.

    [dim]unlabeled words {name} corpus.txt --dim 100 --out vectors.bin[/dim]
    """
    return train


def check_ending(path: Path) -> None:
    """Refuse, before hours of training, a name that no format of word vectors has."""
    from unlabeled.errors import UnlabeledError
    from unlabeled.methods.words.formats.choose import BY_ENDING

    plain = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    if path.suffix and plain.suffix.lower() not in BY_ENDING:
        raise UnlabeledError(
            f"{path}: the ending should be one of {', '.join(BY_ENDING)}, or there should be none for the folder of "
            "a whole model"
        )
