"""Draw what k-means and a mixture of Gaussians make of unequal, elongated groups, side by side.

The rows are simulated after the eruptions of a geyser such as Old Faithful: how long one lasted, and how long people
waited for the next. Short eruptions are fewer and much alike; long ones vary, and the longer, the longer the wait.

Run: python examples/mixture_beside_k_means.py [out.png]
"""

from __future__ import annotations

import sys

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from numpy.typing import NDArray

from unlabeled import GaussianMixture, KMeans

COLOURS = ("#0072b2", "#d55e00")
GROUPS = (  # rows, mean, standard deviations, correlation
    (90, (2.0, 54.0), (0.12, 5.0), 0.2),
    (310, (4.1, 72.0), (0.50, 9.5), 0.93),
)


def eruptions(seed: int = 2) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Give minutes of eruption and of waiting, shape (400, 2), and of which kind each eruption was."""
    rng = np.random.default_rng(seed)
    rows, kinds = [], []
    for kind, (count, mean, deviations, correlation) in enumerate(GROUPS):
        covariance = np.outer(deviations, deviations) * [[1, correlation], [correlation, 1]]
        rows.append(rng.multivariate_normal(mean, covariance, count))
        kinds.append(np.full(count, kind))
    return np.concatenate(rows), np.concatenate(kinds)


def right(found: NDArray[np.int64], kinds: NDArray[np.int64]) -> float:
    """Give the share of rows in the right group, whichever group is called 0."""
    share = float(np.mean(found == kinds))
    return max(share, 1 - share)


def ellipse(axes: Axes, mean: NDArray[np.float64], covariance: NDArray[np.float64], colour: str) -> None:
    """Draw where a Gaussian is two standard deviations from its mean."""
    lengths, directions = np.linalg.eigh(covariance)
    angle = np.degrees(np.arctan2(directions[1, 1], directions[0, 1]))
    width, height = 4 * np.sqrt(lengths[::-1])
    axes.add_patch(Ellipse(tuple(mean), width, height, angle=angle, fill=False, color=colour, linewidth=1.5))


def picture(out: str) -> None:
    """Fit both and draw them."""
    minutes, kinds = eruptions()
    X = (minutes - minutes.mean(axis=0)) / minutes.std(axis=0)  # in their own units waiting would decide alone
    k_means = KMeans(2, random_state=0).fit(X)
    mixture = GaussianMixture(2, random_state=0).fit(X)
    shares = mixture.predict_proba(X)
    figure = Figure(figsize=(7.6, 4), layout="constrained")
    left, beside = figure.subplots(1, 2, sharex=True, sharey=True)
    left.scatter(*X.T, s=9, c=[COLOURS[label] for label in k_means.labels_])
    left.scatter(*k_means.cluster_centers_.T, marker="x", s=70, color="black")
    left.set_title(f"k-means: {right(k_means.labels_, kinds):.0%} in the right group")
    ends = np.array([mpl.colors.to_rgb(colour) for colour in COLOURS])
    beside.scatter(*X.T, s=9, c=np.clip(shares @ ends, 0, 1))
    for mean, covariance, colour in zip(mixture.means_, mixture.covariances_, COLOURS, strict=True):
        ellipse(beside, mean, covariance, colour)
    beside.set_title(f"mixture: {right(shares.argmax(axis=1), kinds):.0%} in the right group")
    for axes in (left, beside):
        axes.set_xlabel("minutes of eruption, standardised")
        axes.set_aspect("equal")
    left.set_ylabel("minutes to the next, standardised")
    figure.savefig(out, dpi=110)


if __name__ == "__main__":
    out = sys.argv[1] if len(sys.argv) > 1 else "mixture_beside_k_means.png"
    picture(out)
    print(f"wrote {out}")
