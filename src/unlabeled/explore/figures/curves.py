"""Curves: how the loss and the health of the representation went while it was learnt."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from unlabeled.errors import UnlabeledError
from unlabeled.explore.figures.palette import INK, PALETTE
from unlabeled.figure import figure

HELD_OUT = "validation_loss"
"""The loss on instances held out of training; it is drawn beside the loss."""
PANELS = {
    "loss": ("Loss", "lower is better"),
    "effective_rank": ("Effective rank", "higher: more dimensions are used"),
    "alignment": ("Alignment", "lower: views of one instance agree"),
    "uniformity": ("Uniformity", "lower: instances are spread out"),
}


def history_picture(history: Sequence[Mapping[str, float]], path: str | PathLike[str]) -> Path:
    """Draw a fit's history as a PNG: one small panel for each figure that was measured.

    Parameters
    ----------
    history : sequence of mappings
        One for each look, with ``"step"`` and any of ``"loss"``, with ``"validation_loss"`` beside it,
        ``"effective_rank"``, ``"alignment"`` and ``"uniformity"``. A figure may be missing, or not finite, at some of
        the steps.
    path : path
        The PNG to write.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    UnlabeledError
        If the history holds none of these figures.

    Examples
    --------
    >>> import tempfile
    >>> history_picture([{"step": 1, "loss": 5.5}, {"step": 2, "loss": 5.1}], tempfile.mkdtemp() + "/loss.png").name
    'loss.png'
    """
    curves = {name: curve for name in PANELS if (curve := _curve(history, name))}
    if not curves:
        raise UnlabeledError(f"the history holds none of {', '.join(PANELS)}; there is nothing to draw")
    columns = len(curves) if len(curves) < 4 else 2
    rows = -(-len(curves) // columns)
    with figure(path, 4.6 * columns, 2.9 * rows) as drawn:
        for place, (name, curve) in enumerate(curves.items()):
            axes = drawn.add_subplot(rows, columns, place + 1)
            _draw_panel(axes, name, curve)
            if name == "loss" and (held_out := _curve(history, HELD_OUT)):
                _draw_held_out(axes, held_out)
    return Path(path)


def _curve(history: Sequence[Mapping[str, float]], name: str) -> list[tuple[float, float]]:
    """Collect the steps at which a figure was measured."""
    return [(look["step"], look[name]) for look in history if name in look and math.isfinite(look[name])]


def _draw_held_out(axes: Any, curve: list[tuple[float, float]]) -> None:
    """Draw the loss on held-out instances beside that on those that are learnt from."""
    steps, values = zip(*curve, strict=True)
    colour = PALETTE[6]
    axes.plot(steps, values, color=colour, linewidth=2, linestyle="--", label="held out")
    axes.lines[0].set_label("learnt from")
    _write_last(axes, curve, colour)
    axes.legend(fontsize=8, frameon=False)


def _draw_panel(axes: Any, name: str, curve: list[tuple[float, float]]) -> None:
    """Draw one figure over steps, its last value written at its end."""
    title, meaning = PANELS[name]
    colour = PALETTE[list(PANELS).index(name)]
    steps, values = zip(*curve, strict=True)
    axes.plot(steps, values, color=colour, linewidth=2, marker="o", markersize=3 if len(curve) < 40 else 0)
    _write_last(axes, curve, colour)
    axes.set_title(title, loc="left", fontsize=11, color=INK, fontweight="bold")
    axes.set_title(meaning, loc="right", fontsize=8, color="#777777")
    axes.set_xlabel("step", fontsize=9, color=INK)
    axes.tick_params(labelsize=8, colors=INK)
    axes.grid(axis="y", color="#eeeeee")
    axes.set_axisbelow(True)
    axes.margins(x=0.06, y=0.12)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#bbbbbb")
    axes.xaxis.get_major_locator().set_params(integer=True)


def _write_last(axes: Any, curve: list[tuple[float, float]], colour: str) -> None:
    """Write the last value at the end of a curve."""
    last = f"{curve[-1][1]:.3g}".replace("-", "−")
    axes.annotate(
        last, curve[-1], xytext=(5, 0), textcoords="offset points", va="center",
        color=colour, fontweight="bold", fontsize=9, annotation_clip=False,
    )  # fmt: skip
