"""How the axes of small charts look."""

from __future__ import annotations

from typing import Any

from unlabeled.explore.figures.palette import INK


def style_axes(axes: Any, x: str, y: str) -> None:
    """Name both axes, take off the frame at the top and the right, and show a legend."""
    axes.set_xlabel(x, color=INK, fontsize=9)
    axes.set_ylabel(y, color=INK, fontsize=9)
    axes.tick_params(labelsize=8, colors=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9, labelcolor=INK)
