"""`unlabeled words skipgram`, `cbow`, `glove` and `onehot`: from a text to word vectors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from unlabeled.cli.shared import AsJson, Overwrite, print_json, refuse_unused, say, tell
from unlabeled.cli.unfinished import interrupted, partial_folder, remove_partial

PHRASE_TABLE = ".phrases.json"
"""What the file with the phrases is called, after the file of vectors beside it."""


def trainer(name: str, what: str, some: str, given: str) -> Callable[..., None]:
    """Make the verb that trains by the method of this name.

    Parameters
    ----------
    name : str
    what : str
        The first sentence of its help.
    some, given : str
        Options that its help names as settings of the method, and those of its example.
    """

    def train(
        context: typer.Context,
        words: Annotated[
            list[str] | None,
            typer.Argument(metavar="SOURCE...", help="Text files, plain or compressed, or folders of them."),
        ] = None,
        out: Annotated[
            Path,
            typer.Option(
                "--out",
                "-o",
                help="The vectors: .bin, .txt, .vec (with .gz after it if you like), .safetensors or .parquet; without "
                "an ending, a folder for the model.",
            ),
        ] = Path("vectors.bin"),
        recipe: Annotated[Path | None, typer.Option(help="TOML file with settings.")] = None,
        phrases: Annotated[
            int,
            typer.Option(
                min=0,
                max=5,
                help="Join words that belong together, as in new_york; with 2, phrases of up to four words.",
            ),
        ] = 0,
        phrase_threshold: Annotated[
            float,
            typer.Option(min=0, help="How many times more often than by chance the words of a phrase meet."),
        ] = 100.0,
        resume: Annotated[bool, typer.Option("--resume", help="Go on with what was interrupted.")] = False,
        overwrite: Overwrite = False,
        quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no sentences.")] = False,
        as_json: AsJson = False,
    ) -> None:
        from unlabeled.cli.settings import configured, flags, split_arguments
        from unlabeled.cli.words.phrases import joined
        from unlabeled.errors import UnlabeledError
        from unlabeled.files import check_output, write_json
        from unlabeled.registry import method

        # Typer does not know the settings, and takes them and their values for sources.
        sources, settings = split_arguments(words or [], flags(method(name)))
        if not sources:
            raise UnlabeledError("name the text to learn from: a text file, plain or compressed, or a folder of them")
        if not phrases:
            refuse_unused(context, ["phrase_threshold"], "goes with --phrases")
        read = [*sources, recipe]
        check_out(out, read, overwrite)
        phrase_table = out.with_name(out.name + PHRASE_TABLE)
        if phrases and out.suffix:
            check_output(phrase_table, read, overwrite=overwrite)
        partial = partial_folder(out, resume, quiet)
        model = configured(name, recipe, settings, {"progress": not quiet, "random_state": 0})
        resumable = {"resume": resume} if "checkpoint" in model.get_params() else {}
        if resumable:
            model.set_params(checkpoint=str(partial))
        text: Any = [Path(source) for source in sources]
        try:
            if phrases:
                told = (lambda message: None) if quiet else say
                text, found = joined(text, model, phrases, phrase_threshold, told)
            model.fit(text, **resumable)
        except KeyboardInterrupt as stop:
            raise interrupted(stop, partial) from None
        if phrases:
            model.phrases_ = found
            model.provenance_["data"]["phrases"] = {"rounds": phrases, "threshold": phrase_threshold}
        if out.suffix:
            model.vectors_.save(out)
            if phrases:
                write_json(phrase_table, [passed.to_dict() for passed in found])
        else:
            model.save(out)
        remove_partial(partial)
        learnt = model.vectors_.words
        held_out = {"held_out_loss": loss} if (loss := getattr(model, "held_out_loss_", None)) is not None else {}
        if as_json:
            about = {"vectors": str(out), "words": len(learnt), "dim": model.vectors_.dim, "seed": model.seed_}
            print_json(about | held_out)
        else:
            tell(f"{len(learnt):,} words of {model.vectors_.dim} numbers are in {out}")
            if held_out:
                tell(f"loss on the text held out: {loss:.4f}")
            say(f"Try: unlabeled words nearest {out} {learnt[len(learnt) // 50]}")

    train.__doc__ = f"""{what}

    Every setting of the method is an option too, such as [bold]{some}[/bold]; [bold]unlabeled methods {name}[/bold]
    lists them. [bold]--seed[/bold] is another name of [bold]--random-state[/bold].

    [dim]unlabeled words {name} corpus.txt {given}[/dim]
    """
    return train


def check_out(path: Path, sources: list[Any], overwrite: bool) -> None:
    """Refuse, before hours of training, a place where the vectors could not be written or would replace other things.

    Raises
    ------
    UnlabeledError
        If no format of word vectors has the ending, or the place is taken or not writable.
    """
    from unlabeled.errors import UnlabeledError
    from unlabeled.files import check_output, check_output_folder
    from unlabeled.methods.words.formats.choose import BY_ENDING

    plain = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    if path.suffix and plain.suffix.lower() not in BY_ENDING:
        raise UnlabeledError(
            f"{path}: the ending should be one of {', '.join(BY_ENDING)}, or there should be none for the folder of "
            "a whole model"
        )
    if path.suffix:
        check_output(path, sources, overwrite=overwrite)
        return
    check_output_folder(path, sources, overwrite=overwrite)
