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
from unlabeled.data.instances import Subset
from unlabeled.explore.figures.overlay import mask_overlay

TRACKED, SHOWN, SMALLEST = 32, 4, 150
"""Frames that are tracked, frames that are drawn, and pixels of an object at least."""
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


def main() -> None:
    """Learn, track, and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("out", type=Path, help="a PNG")
    parser.add_argument("--epochs", type=int, default=4)
    args = parser.parse_args()
    videos = Videos(args.video)
    times = videos[0].times
    clips = videos.clips(4, stride=6, size=96)
    later = Subset(clips, np.flatnonzero(clips.starts > times[TRACKED]))
    model = TrackingByColorization(epochs=args.epochs, batch_size=16, random_state=0).fit(later)
    some = np.stack(list(videos.read(0, frames=np.linspace(0, len(times) - 1, 60).astype(np.int64))))
    first = np.stack(list(videos.read(0, frames=np.arange(TRACKED))))
    small = first[:, :, ::2, ::2]  # half the size is enough to see what happens
    masks = moving(small[0], some[:, :, ::2, ::2])
    tracked = model.track(small.transpose(0, 2, 3, 1), masks, size=160)
    drawn = [mask_overlay(small[t], tracked[t]) for t in np.linspace(0, TRACKED - 1, SHOWN).astype(int)]
    rows = [np.concatenate(drawn[start : start + 2], axis=2) for start in range(0, SHOWN, 2)]
    picture = Image.fromarray(np.concatenate(rows, axis=1).transpose(1, 2, 0)).quantize(COLOURS)
    picture.save(args.out, optimize=True)
    print(f"{masks.max()} things that move, tracked through {TRACKED} frames, in {args.out}")


if __name__ == "__main__":
    main()
