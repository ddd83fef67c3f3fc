"""Curves over a budget: how several methods went while they learnt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path

from unlabeled.explore.figures.palette import INK, colour
from unlabeled.figure import figure


def budget_curves(curves: Mapping[str, Sequence[Mapping[str, float]]], path: str | PathLike[str]) -> Path:
    """Draw the accuracy of nearest neighbours, or else the effective rank, over the share of the budget, as a PNG.

    Parameters
    ----------
    curves : mapping of str to sequence of mappings
        Of each method its points: ``"steps"``, ``"effective_rank"`` and, where there are labels, ``"knn"``.
    path : path

    Examples
    --------
    >>> import tempfile
    >>> points = [{"steps": 5, "effective_rank": 3.0}, {"steps": 10, "effective_rank": 4.0}]
    >>> budget_curves({"simclr": points}, tempfile.mkdtemp() + "/curves.png").name
    'curves.png'
    """
    judged = all("knn" in point for points in curves.values() for point in points)
    with figure(path, 7.5, 3.6) as drawn:
        axes = drawn.add_subplot()
        for number, (name, points) in enumerate(curves.items()):
            shares = [100 * point["steps"] / points[-1]["steps"] for point in points]
            values = [100 * point["knn"] if judged else point["effective_rank"] for point in points]
            axes.plot(shares, values, color=colour(number), linewidth=2, marker="o", markersize=4, label=name)
        axes.set_xlabel("% of the budget", color=INK)
        axes.set_ylabel("accuracy of kNN, %" if judged else "effective rank", color=INK)
        axes.spines[["top", "right"]].set_visible(False)
        legend = axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=9)
        for text in legend.get_texts():
            text.set_parse_math(False)
    return Path(path)
