"""Draw what losses pull and push: points in the plane, before and after following each loss's gradient.

Three classes of points start mixed. Each loss moves them by gradient descent on the points themselves, so what is
seen is the loss alone, without a network. Those that compare cosines see only directions; their points are drawn on
the circle.

Run: python examples/what_losses_do.py [out.png]
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from unlabeled import losses
from unlabeled.losses import miners

COLOURS = ("#0072b2", "#d55e00", "#009e73")
LABELS = torch.arange(3).repeat_interleave(8)
Loss = Callable[[Tensor], Tensor]


def hardest_triplet(z: Tensor) -> Tensor:
    """The triplet loss of each point's farthest positive and nearest negative."""
    a, p, n = miners.hardest(z, LABELS)
    return losses.triplet(z[a], z[p], z[n], margin=0.5)


def views(loss: Callable[[Tensor, Tensor], Tensor]) -> Loss:
    """Take points 0 and 1, 2 and 3 and so on as two views of one instance."""
    return lambda z: loss(z[::2], z[1::2])


IN_THE_PLANE: dict[str, Loss] = {
    "contrastive": lambda z: losses.batch_contrastive(z, LABELS),
    "triplet, hardest": hardest_triplet,
    "lifted structured": lambda z: losses.lifted_structured(z, LABELS),
    "VICReg (views)": views(losses.vicreg),
}
ON_THE_CIRCLE: dict[str, Loss] = {
    "NT-Xent (views)": views(losses.nt_xent),
    "SupCon": lambda z: losses.sup_con(z, LABELS),
    "circle": lambda z: losses.circle(z, LABELS, scale=10.0),
    "BYOL (views)": views(lambda x, y: losses.byol(x, y) + losses.byol(y, x)),
}


def follow(loss: Loss, start: Tensor, steps: int = 400, rate: float = 0.02) -> Tensor:
    """Give the way of every point as it follows the loss downhill: shape (steps + 1, points, 2)."""
    z = start.clone().requires_grad_()
    optimiser = torch.optim.Adam([z], lr=rate)
    way = [start]
    for _ in range(steps):
        optimiser.zero_grad()
        loss(z).backward()
        optimiser.step()
        way.append(z.detach().clone())
    return torch.stack(way)


def draw(axes: Axes, name: str, way: Tensor, circle: bool) -> None:
    """Draw where points start (small), which way they go, and where they end."""
    if circle:
        way = torch.nn.functional.normalize(way, dim=2)
    for i, label in enumerate(LABELS.tolist()):
        axes.plot(*way[:, i].T, color=COLOURS[label], linewidth=0.6, alpha=0.5)
        axes.plot(*way[0, i], ".", color=COLOURS[label], markersize=3)
        axes.plot(*way[-1, i], "o", color=COLOURS[label], markersize=6, markeredgecolor="white")
    axes.set_title(name, fontsize=10)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xticks([])
    axes.set_yticks([])


def picture(out: str) -> None:
    """Follow every loss from the same start, and draw the ways."""
    start = 0.6 * torch.randn(len(LABELS), 2, generator=torch.Generator().manual_seed(5))
    figure = Figure(figsize=(9.6, 5), layout="constrained")
    upper, lower = figure.subplots(2, 4)
    for row, chosen, circle in ((upper, IN_THE_PLANE, False), (lower, ON_THE_CIRCLE, True)):
        for axes, (name, loss) in zip(row, chosen.items(), strict=True):
            draw(axes, name, follow(loss, start), circle)
    figure.savefig(out, dpi=100)


if __name__ == "__main__":
    picture(sys.argv[1] if len(sys.argv) > 1 else "what_losses_do.png")
