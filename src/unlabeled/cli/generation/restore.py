"""`unlabeled restore`: a damaged photo, whole again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from unlabeled.cli.shared import AsJson, Overwrite, Seed, count, print_json, refuse_unused, say, tell


def restore(
    context: typer.Context,
    photo: Annotated[Path, typer.Argument(help="An image file.")],
    task: Annotated[
        str,
        typer.Option(
            "--task",
            "-t",
            help="[bold]denoise[/bold], [bold]deblur[/bold], [bold]super-resolve[/bold], [bold]inpaint[/bold] or "
            "[bold]colorize[/bold].",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="PNG to write.")] = Path("restored.png"),
    model: Annotated[
        Path | None,
        typer.Option(
            "--model", help="Run of a method that learnt the task; without one, deep image prior fits this photo alone."
        ),
    ] = None,
    mask: Annotated[Path | None, typer.Option(help="To inpaint: a picture that is white where to fill in.")] = None,
    factor: Annotated[int, count(least=2, help="To super-resolve without a model.")] = 2,
    steps: Annotated[int, count(help="Most steps of deep image prior.")] = 2000,
    width: Annotated[int, count(help="Channels of deep image prior's network.")] = 32,
    seed: Seed = 0,
    overwrite: Overwrite = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    as_json: AsJson = False,
) -> None:
    """Restore a photo: take out noise, sharpen, enlarge, fill in, or colour it.

    Without a model this takes minutes. Meanwhile the picture so far is beside --out, in a file whose name ends in
    .so-far.png.

    [dim]unlabeled restore photo.jpg --task denoise --out clean.png[/dim]
    """
    import numpy as np

    from unlabeled.data import Images
    from unlabeled.data.paths import existing_picture
    from unlabeled.explore.figures.png import write_png
    from unlabeled.figure import check_picture
    from unlabeled.runs import Run
    from unlabeled.runs.grouping.write_table import inputs_of
    from unlabeled.runs.showing.restore import check_task, restored

    if model is not None:
        refuse_unused(context, ["steps", "width", "factor", "seed"], "is for deep image prior, so without --model")
    if task != "super-resolve":
        refuse_unused(context, ["factor"], "is for the task super-resolve")
    photo = existing_picture(photo)
    read = inputs_of(model, photo, mask)
    check_picture(out, read, overwrite=overwrite)
    method = Run(model).method if model is not None else None
    check_task(task, method, mask)
    picture = np.asarray(Images([photo]).decode(0))
    if method is not None:
        result = restored(method, task, picture, mask, progress=not quiet)
    else:
        from unlabeled.methods.generative.deep_image_prior import DeepImagePrior

        so_far = out.with_name(out.stem + ".so-far.png")
        check_picture(so_far, read, overwrite=overwrite)
        prior = DeepImagePrior(steps=steps, width=width, random_state=seed, progress=not quiet)

        def watch(step: int, made: Any) -> None:
            write_png(made, so_far)

        try:
            if task == "denoise":
                result = prior.denoise(picture, watch)
            elif task == "super-resolve":
                result = prior.super_resolve(picture, factor, watch)
            else:
                result = prior.inpaint(picture, mask, watch)
        except KeyboardInterrupt:
            say(f"Interrupted; the picture so far is {so_far}" if so_far.exists() else "Interrupted")
            raise typer.Exit(130) from None
        so_far.unlink(missing_ok=True)
    write_png(result, out)
    height, width = result.shape[:2]
    if as_json:
        print_json({"out": str(out), "task": task, "width": width, "height": height})
        return
    tell(f"{photo}, {task}: {out} ({width} × {height} pixels)")
