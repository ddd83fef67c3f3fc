"""From decoded frames to upright pixels of a given size, by FFmpeg's filters."""

from __future__ import annotations

from typing import Any

import numpy as np
from av.filter import Graph
from numpy.typing import NDArray
from PIL import Image

from unlabeled.data.image.decode import UnreadableError, scaled_sides
from unlabeled.data.video.square import Square


class FrameScaler:
    """Crops, scales, converts and turns frames; the filters are set up once for frames of one shape.

    Cropping comes first, so that nothing is computed for pixels that are not kept. FFmpeg's own filters take a third of
    the time that its conversion of a whole frame to an array takes.

    Parameters
    ----------
    aspect : float
        Width of a pixel over its height.
    square : Square, optional
        What frames are brought to; None leaves their size and gives RGB.
    """

    def __init__(self, aspect: float, square: Square | None) -> None:
        self.aspect, self.square = aspect, square
        self._shape: tuple[Any, ...] = ()
        self._graph: Any = None

    def __call__(self, frame: Any) -> NDArray[np.uint8]:
        """Give a frame's pixels, shape (channels, height, width)."""
        turns, square = round(frame.rotation / 90) % 4, self.square
        shape = (frame.width, frame.height, frame.format.name, turns)
        if shape != self._shape:
            if square is None and self._shape:
                raise UnreadableError("its frames change their size or format on the way")
            self._graph, self._shape = self._made(frame, turns), shape
        self._graph.push(frame)
        array = np.rot90(self._graph.pull().to_ndarray(), turns)
        if square is None:
            return np.ascontiguousarray(array.transpose(2, 0, 1))
        array = _middle(array, square.size)
        if square.channels == 1:
            return np.asarray(Image.fromarray(np.ascontiguousarray(array)).convert("L"))[None]
        return np.ascontiguousarray(array.transpose(2, 0, 1))

    def _made(self, frame: Any, turns: int) -> Any:
        square = self.square
        stored = (frame.width, frame.height)
        shown = (max(1, round(frame.width * self.aspect)), frame.height)
        steps = []
        if square is not None and square.fit == "crop":
            side = min(shown)
            width = min(frame.width, max(1, round(side / self.aspect)))
            stored = (width, side)
            size = (square.size, square.size)
            if stored != (frame.width, frame.height):
                left, top = (frame.width - width) // 2, (frame.height - side) // 2
                steps.append(("crop", f"{width}:{side}:{left}:{top}:exact=1"))
        else:
            upright = shown[::-1] if turns % 2 else shown
            size = upright if square is None else scaled_sides(upright, square.size, square.fit)
            size = (size[1], size[0]) if turns % 2 else size
        # Area averaging does not alias when it shrinks; when it enlarges it would repeat pixels.
        how = "area" if size[0] < stored[0] else "bicubic"
        steps += [("scale", f"{size[0]}:{size[1]}:flags={how}"), ("format", "pix_fmts=rgb24")]
        graph = Graph()
        graph.threads = 1  # threads of FFmpeg beside PyTorch's would wait for each other
        last = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
        for name, arguments in [*steps, ("buffersink", None)]:
            following = graph.add(name, arguments)
            last.link_to(following)
            last = following
        graph.configure()
        return graph


def _middle(array: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Cut out the middle, or lay the frame on a square of its mean colour."""
    height, width, _ = array.shape
    top, left = max(0, height - size) // 2, max(0, width - size) // 2
    array = array[top : top + size, left : left + size]
    if array.shape[:2] == (size, size):
        return array
    whole = np.empty((size, size, 3), np.uint8)
    whole[:] = np.rint(array.mean((0, 1)))
    top, left = (size - array.shape[0]) // 2, (size - array.shape[1]) // 2
    whole[top : top + array.shape[0], left : left + array.shape[1]] = array
    return whole
