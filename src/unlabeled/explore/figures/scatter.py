"""Scatter pictures: points in the plane, coloured by class and named where the class lies."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unlabeled.errors import UnlabeledError
from unlabeled.explore.figures.palette import INK, PALETTE, UNLABELLED, colour
from unlabeled.figure import figure


def scatter_picture(
    points: ArrayLike,
    labels: ArrayLike | None = None,
    classes: Sequence[str] | None = None,
    *,
    path: str | PathLike[str],
    title: str = "",
    unknown: str = "unlabelled",
) -> Path:
    """Draw points as a PNG, coloured by class.

    Unlabelled points are grey and lie beneath the others, which are drawn in random order so that no class hides
    another. Each class is named at the one of its points nearest to its median, and in a legend with its size. Beyond
    thirty classes colours repeat, and only the thirty largest are named.

    Parameters
    ----------
    points : array-like, shape (n, 2)
        Positions, from `tsne_map` for example.
    labels : array-like of int, shape (n,), optional
        Class of each point, −1 where it is not known. Without labels all points have one colour.
    classes : sequence of str, optional
        Names of the classes; numbers where there are none.
    path : path
        The PNG to write.
    title : str
        A line above the picture.
    unknown : str, default "unlabelled"
        What the legend calls the points of no class.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    UnlabeledError
        If the points are not finite pairs, or labels do not match points or classes.

    Examples
    --------
    >>> import tempfile
    >>> scatter_picture([[0, 0], [1, 2], [3, 1]], [0, 1, -1], ["cat", "dog"], path=tempfile.mkdtemp() + "/map.png").name
    'map.png'
    """
    places, kinds, names = _checked(points, labels, classes)
    sizes = np.bincount(kinds[kinds >= 0], minlength=len(names))
    shown = np.argsort(-sizes, kind="stable")[: len(PALETTE)]
    shown = np.sort(shown[sizes[shown] > 0])

    width, height = np.ptp(places, axis=0)
    tall = float(np.clip(height / width, 0.6, 1.1)) if width else 1.0
    with figure(path, 9.5, 0.5 + 7 * tall) as drawn:
        axes = drawn.add_subplot()
        if labels is None:
            _draw_points(axes, places, np.zeros_like(kinds))
        else:
            _draw_points(axes, places, kinds)
            for kind in shown:
                _name_class(axes, places[kinds == kind], names[kind])
            entries = [(names[kind], int(sizes[kind]), colour(int(kind))) for kind in shown]
            if (kinds < 0).any():
                entries.append((unknown, int((kinds < 0).sum()), UNLABELLED))
            _draw_legend(drawn, entries, len(names))
        axes.set_title(title, loc="left", color=INK, fontsize=13, pad=10, parse_math=False)
        axes.set_aspect("equal", adjustable="datalim")
        axes.margins(0.04)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
    return Path(path)


def _checked(
    points: ArrayLike, labels: ArrayLike | None, classes: Sequence[str] | None
) -> tuple[NDArray[np.float64], NDArray[np.int64], list[str]]:
    places = np.asarray(points, dtype=np.float64)
    if places.ndim != 2 or places.shape[1] != 2 or len(places) == 0 or not np.isfinite(places).all():
        raise UnlabeledError(f"points must be a non-empty array of finite pairs; this one has shape {places.shape}")
    kinds = np.full(len(places), -1) if labels is None else np.asarray(labels, dtype=np.int64)
    if kinds.shape != (len(places),):
        raise UnlabeledError(f"there are {kinds.size} labels for {len(places)} points; give one for each")
    highest = int(kinds.max())
    if classes is None:
        return places, kinds, [str(kind) for kind in range(highest + 1)]
    if highest >= len(classes):
        raise UnlabeledError(f"label {highest} has no name: there are {len(classes)} classes, counted from 0")
    return places, kinds, [str(name) for name in classes]


def _draw_points(axes: Any, places: NDArray[np.float64], kinds: NDArray[np.int64]) -> None:
    """Draw all points, smaller and more transparent the more there are."""
    count = len(places)
    area = float(np.clip(60 * (100 / count) ** 0.55, 1.5, 60))
    alpha = float(np.clip(1 - 0.1 * np.log10(count), 0.5, 0.9))
    known = np.flatnonzero(kinds >= 0)
    unknown = np.flatnonzero(kinds < 0)
    axes.scatter(*places[unknown].T, s=area * 0.8, c=UNLABELLED, linewidths=0, zorder=1)
    order = np.random.default_rng(0).permutation(known)
    colours = [colour(int(kind)) for kind in kinds[order]]
    axes.scatter(*places[order].T, s=area, c=colours, alpha=alpha, linewidths=0, zorder=2)


def _name_class(axes: Any, places: NDArray[np.float64], name: str) -> None:
    """Write a class's name at its point nearest to its median, which lies among its points even if it is in parts."""
    from matplotlib.patheffects import withStroke

    middle = places[np.argmin(np.linalg.norm(places - np.median(places, axis=0), axis=1))]
    outline = withStroke(linewidth=3, foreground="white", alpha=0.85)
    axes.text(
        *middle, _short(name), ha="center", va="center", fontsize=10, fontweight="bold", color=INK, zorder=3,
        path_effects=[outline], parse_math=False,
    )  # fmt: skip


def _draw_legend(figure: Any, entries: list[tuple[str, int, str]], classes: int) -> None:
    """List the classes beside the picture, with their sizes."""
    from matplotlib.lines import Line2D

    dots = [
        Line2D([], [], ls="", marker="o", markersize=7, markeredgewidth=0, color=colour) for _, _, colour in entries
    ]
    heading = f"{len(PALETTE)} largest of {classes} classes" if classes > len(PALETTE) else None
    legend = figure.legend(
        dots, [" "] * len(dots), loc="outside right center", frameon=False, fontsize=10, labelcolor=INK,
        handletextpad=0.2, title=heading,
    )  # fmt: skip
    # The names are set afterwards, because the legend drops those that start with an underscore and reads $ as maths.
    for text, (name, count, _) in zip(legend.get_texts(), entries, strict=True):
        text.set_parse_math(False)
        text.set_text(f"{_short(name)}  ({count:,})")


def _short(name: str, length: int = 24) -> str:
    """Cut a long name, and put on one line what is on several."""
    name = " ".join(name.split())
    return name if len(name) <= length else name[: length - 1] + "…"
