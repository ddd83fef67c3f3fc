"""The picture of edge probing: in which layers of an encoder each task is solved."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Protocol

from unlabeled.errors import UnlabeledError
from unlabeled.explore.figures.palette import INK, PALETTE
from unlabeled.figure import figure


class ProbedLayers(Protocol):
    """What the picture shows of a task; `EdgeProbe` has it."""

    @property
    def weights(self) -> list[float]:
        """Of the layers in the mix."""

    @property
    def centre(self) -> float:
        """Mean layer by these weights."""

    @property
    def expected_layer(self) -> float:
        """Mean layer by what each adds to those below it."""


def layers_picture(probes: Mapping[str, ProbedLayers], path: str | PathLike[str]) -> Path:
    """Draw centre of gravity and expected layer of tasks as a PNG, the earliest task on top.

    Each task has a row of its own: bars for the weights of the layers in the mix, a filled circle at their centre of
    gravity, and a hollow one at the expected layer.

    Parameters
    ----------
    probes : mapping of str to EdgeProbe
        By the names of the tasks; all of one encoder.
    path : path
        The PNG to write.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    UnlabeledError
        If there is no task, or the encoders have different numbers of layers.

    References
    ----------
    .. [1] Tenney, Das & Pavlick, BERT Rediscovers the Classical NLP Pipeline, ACL 2019, figure 1.

    Examples
    --------
    >>> import tempfile
    >>> from unlabeled.evaluation import EdgeProbe
    >>> probe = EdgeProbe([0.5, 0.9], [0.5, 0.95], 0.95, [0.3, 0.7], 0.7, 1.0, 0.6, 0.2, 0.4)
    >>> layers_picture({"part of speech": probe}, tempfile.mkdtemp() + "/layers.png").name
    'layers.png'
    """
    if not probes:
        raise UnlabeledError("there is no task to draw")
    counts = {name: len(probe.weights) for name, probe in probes.items()}
    if len(set(counts.values())) > 1:
        raise UnlabeledError(f"the tasks were probed in encoders of different depth: {counts}")
    ordered = sorted(probes.items(), key=lambda entry: entry[1].centre)
    layers = next(iter(counts.values()))
    with figure(path, 6.4, 1.2 + 0.9 * len(ordered)) as drawn:
        axes = drawn.add_subplot()
        for row, (_, probe) in enumerate(ordered):
            colour = PALETTE[row % len(PALETTE)]
            heights = [0.75 * weight / max(probe.weights) for weight in probe.weights]
            axes.bar(range(layers), [-h for h in heights], 0.8, bottom=row + 0.4, color=colour, alpha=0.3)
            axes.plot([probe.centre, probe.expected_layer], [row, row], color=colour, linewidth=1)
            axes.plot(probe.centre, row, "o", color=colour, markersize=8)
            axes.plot(probe.expected_layer, row, "o", color=colour, markersize=8, markerfacecolor="white")
            axes.annotate(
                f"{probe.centre:.2f}   {probe.expected_layer:.2f}", (1.01, row), xycoords=("axes fraction", "data"),
                va="center", fontsize=9, color=colour,
            )  # fmt: skip
        axes.set_yticks(range(len(ordered)), [name for name, _ in ordered])
        axes.set_ylim(len(ordered) - 0.5, -0.5)
        axes.set_xticks(range(layers), ["embeddings", *map(str, range(1, layers))])
        axes.set_xlim(-0.5, layers - 0.5)
        axes.set_xlabel("layer", fontsize=9, color=INK)
        axes.set_title("●  centre of gravity   ○  expected layer", loc="left", fontsize=10, color=INK)
        axes.tick_params(labelsize=9, colors=INK)
        axes.spines[["top", "right", "left"]].set_visible(False)
    return Path(path)
