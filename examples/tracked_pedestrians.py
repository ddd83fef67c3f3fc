"""Track what moves in the first frame of a video by a network that has only learnt to copy colours.

What moves is found by its difference from the median of many frames, so no one marks anything. The network learns from
later parts of the video than those in which it tracks.

    python examples/tracked_pedestrians.py vtest.avi docs/_static/tracked-pedestrians.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from unlabeled import TrackingByColorization
from unlabeled.data import Videos
from unlabeled.explore.figures.overlay import mask_overlay

TRACKED, SHOWN, SMALLEST = 24, 4, 600
"""Frames that are tracked, frames that are drawn, and pixels of an object at least."""
LEARNT, ROOM = 112, 40
"""Pixels a side at which is learnt, half as many as are tracked at, and pixels around the objects that are seen."""
COLOURS = 48
"""Of the picture, whose file is then small enough for a site."""


def moving(first: NDArray[np.uint8], frames: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Number the things of the first frame that are not in the median of many frames, largest first."""
    difference = np.abs(first.astype(int) - np.median(frames, axis=0)).max(0)
    regions, count = ndimage.label(ndimage.binary_closing(difference > 40, iterations=2))
    sizes = ndimage.sum_labels(np.ones_like(regions), regions, np.arange(1, count + 1))
    numbers = np.zeros(count + 1, np.int64)
    for number, region in enumerate(np.argsort(-sizes), start=1):
        numbers[region + 1] = number if sizes[region] >= SMALLEST else 0
    return numbers[regions]


def around(masks: NDArray[np.int64]) -> tuple[slice, slice]:
    """Give the rows and columns of all objects, and room to move."""
    places = [np.flatnonzero(masks.any(axis)) for axis in (1, 0)]
    height, width = (slice(max(0, int(at[0]) - ROOM), int(at[-1]) + ROOM) for at in places)
    return height, width


def main() -> None:
    """Learn, track, and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("out", type=Path, help="a PNG")
    parser.add_argument("--epochs", type=int, default=2)
    args = parser.parse_args()
    videos = Videos(args.video)
    frames = np.stack(list(videos.read(0)))
    masks = moving(frames[0], frames[::12])
    box = around(masks)
    frames, masks = frames[:, :, box[0], box[1]], masks[box]
    later = frames[TRACKED : len(frames) // 4 * 4].transpose(0, 2, 3, 1)
    clips = later.reshape(-1, 4, *later.shape[1:])
    model = TrackingByColorization(size=LEARNT, resize="squash", epochs=args.epochs, batch_size=16, random_state=0)
    model.fit(clips)
    tracked = model.track(frames[:TRACKED].transpose(0, 2, 3, 1), masks, size=2 * LEARNT, radius=0.08)
    drawn = [mask_overlay(frames[t], tracked[t]) for t in np.linspace(0, TRACKED - 1, SHOWN).astype(int)]
    picture = Image.fromarray(np.concatenate(drawn, axis=1).transpose(1, 2, 0)).quantize(COLOURS)
    picture.save(args.out, optimize=True)
    print(f"{masks.max()} things that move, tracked through {TRACKED} frames, in {args.out}")


if __name__ == "__main__":
    main()
