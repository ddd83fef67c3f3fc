"""A picture with the boxes of what was found in it."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from unlabeled.data.image.objects import Detections
from unlabeled.explore.figures.palette import colour
from unlabeled.files import written_aside


def boxes_picture(picture: Image.Image, found: Detections, path: Path, classes: list[str]) -> None:
    """Draw detections over a picture, each class in a colour of its own, with its score, and write a PNG.

    Parameters
    ----------
    picture : PIL image
        Not changed.
    found : Detections
    path : Path
    classes : list of str
        All classes that there are, which fixes the colours.
    """
    drawn = picture.convert("RGB")
    draw = ImageDraw.Draw(drawn)
    line = max(2, round(max(drawn.size) / 300))
    font = ImageFont.load_default(max(10, 5 * line))
    for box, label, score in reversed(list(zip(found.boxes.tolist(), found.labels, found.scores, strict=True))):
        paint = colour(classes.index(str(label)))
        draw.rectangle(box, outline=paint, width=line)
        text = f"{label} {score:.2f}"
        left, top, right, bottom = draw.textbbox((box[0] + line, box[1] + line), text, font=font)
        draw.rectangle((left - line, top - line, right + line, bottom + line), fill=paint)
        draw.text((box[0] + line, box[1] + line), text, fill="white", font=font)
    with written_aside(path) as aside:
        drawn.save(aside, format="PNG")
