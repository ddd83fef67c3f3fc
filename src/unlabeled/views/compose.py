"""Views in a row, and a view that depends on the images' size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Generator, Tensor

from unlabeled.errors import UnlabeledError
from unlabeled.views.geometric.canvas import Canvas
from unlabeled.views.view import ImageView, check


@dataclass(frozen=True)
class Compose(ImageView):
    """Carry out several views in a row, resampling and recolouring as seldom as possible.

    All moves up to the next step that needs pixels become one resampling, and all colour steps one matrix an image.
    A move therefore sees the whole image, not only what an earlier one left: where a turn after a crop needs pixels
    from outside the box, it gets them. Values are clamped to [0, 1] once, at the end.

    Parameters
    ----------
    steps : sequence of ImageView
        The views, in order; none at all is the view that changes nothing.

    Examples
    --------
    >>> from unlabeled.views import Flip, RandomCrop
    >>> Compose([RandomCrop(size=32), Flip()])
    Compose([
        RandomCrop(scale=(0.08, 1.0), ratio=(0.75, 1.3333333333333333), size=32, p=1.0),
        Flip(p=0.5),
    ])
    """

    steps: Sequence[ImageView]

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(self.steps))  # frozen: equal and hashable like its parts
        for step in self.steps:
            if not isinstance(step, ImageView):
                raise UnlabeledError(f"Compose takes views of images; got {step!r}")

    def __repr__(self) -> str:
        lines = "".join(f"{step!r},\n" for step in self.steps)
        indented = "".join(f"    {line}\n" for line in lines.splitlines())
        return f"Compose([\n{indented}])" if self.steps else "Compose([])"

    def paint(self, canvas: Canvas, chosen: Tensor, generator: Generator | None) -> None:
        """Carry out every step on the chosen images."""
        for step in self.steps:
            step.paint(canvas, chosen, generator)


@dataclass(frozen=True)
class BySize(ImageView):
    """Choose between two views by the size of the images that come.

    Parameters
    ----------
    small : ImageView
        For images whose shorter side is at most `limit`.
    large : ImageView
        For the others.
    limit : int, default 32
        In pixels.
    """

    small: ImageView
    large: ImageView
    limit: int = 32

    def __post_init__(self) -> None:
        check(self.limit >= 1, self, "limit", "a number of pixels, at least 1")

    def paint(self, canvas: Canvas, chosen: Tensor, generator: Generator | None) -> None:
        """Carry out the view for images of this size."""
        view = self.small if min(canvas.size) <= self.limit else self.large
        view.paint(canvas, chosen, generator)
