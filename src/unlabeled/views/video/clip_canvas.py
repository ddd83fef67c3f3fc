"""A canvas of clips: what is drawn for a clip is done to each of its frames."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from unlabeled.views.geometric.canvas import Canvas
from unlabeled.views.geometric.geometry import Size


class ClipCanvas(Canvas):
    """Clips on their way through a view of images, which sees one image a clip.

    Every map, matrix and parameter comes with one row a clip and is repeated for its frames, so nothing flickers.

    Parameters
    ----------
    clips : Tensor, shape (n, t, c, h, w)
        Never changed in place.
    """

    def __init__(self, clips: Tensor) -> None:
        super().__init__(clips.flatten(0, 1))
        self._length = clips.shape[1]

    def mean(self) -> Tensor:
        """Give the mean colour of each clip as it stands; shape (n, c)."""
        means = super().mean()
        return means.view(-1, self._length, means.shape[1]).mean(1)

    def move(self, maps: Tensor, size: Size) -> None:
        """Add a geometric step; one map a clip."""
        super().move(self._for_frames(maps), size)

    def recolour(self, matrices: Tensor) -> None:
        """Add a linear colour step; one matrix a clip."""
        super().recolour(self._for_frames(matrices))

    def change(self, function: Callable[..., Tensor], chosen: Tensor, *parameters: Tensor) -> None:
        """Replace all frames of the chosen clips by what `function` makes of them."""
        super().change(function, self._for_frames(chosen), *map(self._for_frames, parameters))

    def finished(self) -> Tensor:
        """Carry out what is pending and clamp to [0, 1]; shape (n, t, c, h, w)."""
        frames = super().finished()
        return frames.view(-1, self._length, *frames.shape[1:])

    def _for_frames(self, rows: Tensor) -> Tensor:
        return rows.repeat_interleave(self._length, 0)
