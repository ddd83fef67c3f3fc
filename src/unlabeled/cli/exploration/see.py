"""`unlabeled see`: a look inside the network of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unlabeled.cli.shared import AsJson, Overwrite, RunFolder, print_json, tell


def see(
    run: RunFolder,
    photo: Annotated[
        str | None,
        typer.Argument(help="An image file, or the id of an instance.  [dim]default: the first of the run[/dim]"),
    ] = None,
    text: Annotated[
        list[str] | None,
        typer.Option(
            help="Of a run over texts: a text, or the id of one; twice for two to compare.  "
            "[dim]default: the first of the run, and the one nearest to it[/dim]"
        ),
    ] = None,
    classifier: Annotated[
        Path | None,
        typer.Option(
            help="A model of [bold]unlabeled finetune[/bold] whose classes are attributed to pixels.  "
            "[dim]default: a linear probe of the run's labels[/dim]"
        ),
    ] = None,
    class_name: Annotated[
        str | None, typer.Option("--class", help="The class.  [dim]default: the one that the photo is taken for[/dim]")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the page and its pictures.")] = Path("see"),
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Look inside an encoder.

    Of images: filters, feature maps, what excites them, and which pixels make images similar. Of texts: which words
    make two texts similar, and which words get attention.

    [dim]unlabeled see run/ photo.jpg --out see/[/dim]

    [dim]unlabeled see run/ --text "a dog barks" --text "the hound is loud"[/dim]
    """
    from unlabeled.encoders.text.text_encoder import TextEncoder
    from unlabeled.errors import UnlabeledError
    from unlabeled.files import check_output_folder
    from unlabeled.runs import Run
    from unlabeled.runs.grouping.write_table import inputs_of
    from unlabeled.runs.showing.inside.see import see as look_inside
    from unlabeled.runs.showing.inside.see_text import see_text

    check_output_folder(out, inputs_of(run, photo, *(text or []), classifier), kind="look inside", overwrite=overwrite)
    opened = Run(run)
    if isinstance(opened.encoder, TextEncoder) and (classifier or class_name):
        raise UnlabeledError("--classifier and --class are for runs over images")
    if isinstance(opened.encoder, TextEncoder):
        sections = see_text(opened, [*([] if photo is None else [photo]), *(text or [])], out)
    elif text:
        raise UnlabeledError(f"--text is for runs over texts, and {run} is over {opened.encoder.preprocessing.kind}s")
    else:
        shown = look_inside(opened, photo, out, classifier=classifier, class_name=class_name)
        sections = [section.name for section in shown]
    if as_json:
        print_json({"out": str(out / "see.html"), "sections": sections})
    else:
        tell(str(out / "see.html"))
