"""The report of a labelled data set: one HTML file that opens anywhere, offline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from unlabeled.errors import UnlabeledError
from unlabeled.explore import contact_sheet
from unlabeled.explore.figures.axes_style import style_axes
from unlabeled.explore.figures.palette import PALETTE
from unlabeled.figure import figure
from unlabeled.runs.report import inline_picture
from unlabeled.runs.showing.page import write_page
from unlabeled.runs.showing.pictures import thumbnails

SHOWN = 24
"""Pictures of a kind at most."""
ODD = 12
"""Labels that look wrong and are shown as pictures, each with its neighbours."""
KINDS = {
    "supervised": "labels, on the representation",
    "raw input": "labels, on the raw input",
    "semi-supervised": "labels and all instances, on the representation",
    "self-training": "labels and all instances, on the representation",
    "naive Bayes": "labels, on counts of words",
    "semi-supervised EM": "labels and all instances, on counts of words",
    "fine-tuned": "labels, from the learnt encoder",
    "consistency": "labels and all instances, from the learnt encoder",
}
CLASSES = 30
"""Classes up to which the confusion is shown as a table."""


def write_label_report(folder: Path, about: dict[str, Any], images: Any) -> Path:
    """Write ``report.html`` and its pictures from the figures of `label_dataset`.

    Parameters
    ----------
    folder : Path
    about : dict
        The figures.
    images : Collection or None
        What can be shown.
    """
    pictures = folder / "pictures"
    pictures.mkdir(exist_ok=True)
    shown = {}
    if about["curve"]:
        shown["curve"] = draw_curve(about, pictures / "curve.png")
    if images is not None:
        following = about["next"][:SHOWN]
        odd = about["suspicious"][:ODD]
        for name, ids, captions, columns in (
            (
                "next",
                [item["id"] for item in following],
                [f"{item['guess']}? {item['confidence']:.2f}" for item in following],
                8,
            ),
            (
                "suspicious",
                [name for item in odd for name in (item["id"], *(near["id"] for near in item["neighbours"]))],
                [text for item in odd for text in _captions(item)],
                1 + max((len(item["neighbours"]) for item in odd), default=0),
            ),
        ):
            if not ids:
                continue
            try:
                cells = thumbnails(images, ids)
            except UnlabeledError:  # the data have moved; the list is there all the same
                continue
            shown[name] = contact_sheet(cells, captions, columns=columns, path=pictures / f"{name}.png")
    write_page(
        "labels.html",
        folder / "report.html",
        name=folder.resolve().name,
        about=about,
        pictures={name: inline_picture(path) for name, path in shown.items()},
        confusion=about["confusion"] if len(about["classes"]) <= CLASSES else [],
        kinds=KINDS,
    )
    return folder / "report.html"


def _captions(item: dict[str, Any]) -> list[str]:
    """Give the captions of a label that looks wrong and of its neighbours."""
    own = f"given: {item['given']}\n{item['looks_like']}? {item['confidence']:.2f}"
    return [own, *(near["label"] for near in item["neighbours"])]


def draw_curve(about: dict[str, Any], path: Path) -> Path:
    """Draw accuracy over the number of labels; what more labels might bring is dashed, and called a guess."""
    labels = np.array([point["labels"] for point in about["curve"]])
    accuracy = np.array([point["accuracy"] for point in about["curve"]])
    low, high = np.array([point["interval"] for point in about["curve"]]).T
    with figure(path, 6.5, 3.2) as drawn:
        axes = drawn.add_subplot()
        axes.fill_between(labels, low, high, color=PALETTE[0], alpha=0.15, linewidth=0)
        axes.plot(labels, accuracy, "o-", color=PALETTE[0], label="measured on hidden labels")
        further = guess(labels, accuracy)
        if further is not None:
            axes.plot(*further, "--", color=PALETTE[1], label="a guess")
        axes.set_xscale("log")
        ticks = labels.tolist() if further is None else [*labels.tolist(), further[0][-1]]
        axes.set_xticks(ticks, [f"{tick:.0f}" for tick in ticks])
        axes.minorticks_off()
        style_axes(axes, "labels learnt from", "accuracy")
    return path


def guess(labels: np.ndarray[Any, Any], accuracy: np.ndarray[Any, Any]) -> tuple[Any, Any] | None:
    """Extend a falling error as a power of the number of labels, to four times as many; None where it does not fall."""
    errors = 1 - accuracy
    if len(labels) < 3 or (errors <= 0).any():
        return None
    slope, offset = np.polyfit(np.log(labels), np.log(errors), 1)
    if slope >= 0:
        return None
    further = np.geomspace(labels[-1], 4 * labels[-1], 20)
    return further, 1 - np.exp(offset + slope * np.log(further))
