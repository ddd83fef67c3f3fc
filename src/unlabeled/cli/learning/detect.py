"""`unlabeled learn-detector` and `unlabeled detect`: objects in pictures, with boxes around them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from unlabeled.cli.shared import AsJson, Overwrite, Seed, count, print_json, print_table, say, tell, what_on_error
from unlabeled.counted import counted


def learn_detector(
    encoder: Annotated[str, typer.Argument(help="A run, or a folder with an encoder of images.")],
    folder: Annotated[Path, typer.Argument(help="Pascal VOC: JPEGImages, Annotations, ImageSets/Main.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the detector.")] = Path("detector"),
    split: Annotated[str | None, typer.Option(help="List in ImageSets/Main to learn from; default: all.")] = None,
    test: Annotated[
        str | None, typer.Option(help="List to measure on, used neither for training nor for settings.")
    ] = None,
    proposals: Annotated[
        Path | None, typer.Option(help="CSV with id, left, top, right, bottom: boxes where objects may be.")
    ] = None,
    fine_tune: Annotated[bool, typer.Option("--fine-tune", help="Train the encoder too.")] = False,
    size: Annotated[
        int | None,
        typer.Option(min=32, max=2048, help="Pixels of the longer side.  [dim]default: the encoder's[/dim]"),
    ] = None,
    epochs: Annotated[int, count(help="Passes over the pictures.")] = 30,
    on_error: Annotated[str, typer.Option("--on-error", help="Bad pictures or boxes: stop, or skip those.")] = "stop",
    overwrite: Overwrite = False,
    seed: Seed = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    as_json: AsJson = False,
) -> None:
    """Learn to find objects from pictures with marked boxes, with a trained encoder.

    [dim]unlabeled learn-detector run/ voc/ --split trainval --test test --out detector/[/dim]
    """
    from unlabeled.data.image.proposals import read_proposals
    from unlabeled.data.image.voc import VOC
    from unlabeled.errors import UnlabeledError
    from unlabeled.evaluation.objects.detection import detection
    from unlabeled.files import check_output_folder
    from unlabeled.runs.grouping.write_table import inputs_of

    check_output_folder(out, inputs_of(encoder, folder, proposals), kind="detector", overwrite=overwrite)
    choice = what_on_error(on_error)
    data = VOC(folder, split, on_error=choice)
    held = None if test is None else VOC(folder, test, classes=data.classes, on_error=choice)
    for each in (data, held):
        for name, why in [] if each is None else each.skipped:
            say(f"left out: {name}: {why}")
    for remark in data.remarks:
        say(remark)
    if held is not None and (both := sorted(set(held.ids) & set(data.ids))):
        raise UnlabeledError(f"{both[0]} is both learnt from and tested on; give lists that share no picture")
    given = None if proposals is None else read_proposals(proposals)
    settings: Any = {"fine_tune": fine_tune, "size": size, "epochs": epochs, "random_state": seed}
    model = detection(encoder, data, proposals=given, progress=not (quiet or as_json), **settings)
    model.save(out)
    figures: dict[str, Any] = {"out": str(out), "pictures": len(data), "classes": model.classes_}
    figures["loss"] = model.history_[-1]["loss"]
    if held is not None:
        figures["test_pictures"] = len(held)
        figures["voc"] = asdict(model.evaluate(held, proposals=given))
        figures["coco"] = asdict(model.evaluate(held, "coco", proposals=given))
    if as_json:
        print_json(without_nan(figures))
        return
    if held is not None:
        print_table(["class", "AP at 0.5"], [[n, f"{ap:.3f}"] for n, ap in figures["voc"]["per_class"].items()])
        tell(
            f"On {counted(len(held), 'test picture')}: VOC AP {figures['voc']['mean']:.3f}, "
            f"COCO AP {figures['coco']['mean']:.3f}"
        )
    tell(f"The detector is in {out}")


def detect(
    detector: Annotated[Path, typer.Argument(help="Folder that [bold]unlabeled learn-detector[/bold] wrote.")],
    photo: Annotated[Path, typer.Argument(help="An image file.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="PNG to write: the photo with boxes.")] = Path("boxes.png"),
    proposals: Annotated[
        Path | None, typer.Option(help="CSV with id, left, top, right, bottom: boxes where objects may be.")
    ] = None,
    least: Annotated[float, typer.Option(min=0, max=1, help="Score below which nothing is shown.")] = 0.5,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Find objects in a picture and draw boxes around them.

    [dim]unlabeled detect detector/ photo.jpg --out boxes.png[/dim]
    """
    from unlabeled.data import Images
    from unlabeled.data.image.objects import Detections
    from unlabeled.data.image.proposals import read_proposals
    from unlabeled.data.paths import existing, existing_picture
    from unlabeled.evaluation.objects.detector import Detector
    from unlabeled.explore.figures.boxes_picture import boxes_picture
    from unlabeled.figure import check_picture

    photo = existing_picture(photo)
    check_picture(out, [photo, detector, proposals], overwrite=overwrite)
    model = Detector.load(existing(detector))
    images = Images([photo])
    every = model.predict(images, proposals=None if proposals is None else read_proposals(proposals))[0]
    sure = every.scores >= least
    found = Detections(every.boxes[sure], every.labels[sure], every.scores[sure])
    boxes_picture(images.decode(0), found, out, model.classes_)
    rows = list(zip(found.labels.tolist(), found.scores.tolist(), found.boxes.tolist(), strict=True))
    if as_json:
        print_json({"out": str(out), "found": [{"label": n, "score": s, "box": b} for n, s, b in rows]})
        return
    columns = ["class", "score", "left", "top", "right", "bottom"]
    print_table(columns, [[n, f"{s:.3f}", *(f"{edge:.0f}" for edge in b)] for n, s, b in rows])
    if not rows and len(every.scores):
        say(f"nothing has a score of {least:g} or more; the highest is {every.scores[0]:.3f}")
    tell(f"{counted(len(rows), 'object')} in {photo}: {out}")


def without_nan(content: Any) -> Any:
    """Replace what is not a number by null, for JSON has no NaN."""
    if isinstance(content, dict):
        return {key: without_nan(value) for key, value in content.items()}
    return None if isinstance(content, float) and content != content else content
