"""Collapse: has the representation lost the differences between instances? A verdict without labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from unlabeled.errors import UnlabeledError
from unlabeled.evaluation.inputs import sample

if TYPE_CHECKING:
    from unlabeled.losses.health import Kind

SENTENCES: dict[Kind, str] = {
    "none": "No collapse",
    "complete": "Complete collapse: all vectors point nearly the same way",
    "dimensional": "Dimensional collapse: the vectors vary along few directions",
}
ADVICE: dict[Kind, str] = {
    "none": "",
    "complete": (
        "Train with a smaller learning rate or a longer warm-up, and check that the views differ and that a method "
        "without negatives keeps its predictor, its stop-gradient and its batch normalisation"
    ),
    "dimensional": (
        "Use milder views, a larger batch, a projection head between the vectors and the loss, or a smaller "
        "representation"
    ),
}


@dataclass(frozen=True)
class Verdict:
    """Whether a representation has collapsed, and how."""

    collapsed: bool
    """Whether it has, in either way."""
    kind: Kind
    """How: "complete", all vectors point one way; "dimensional", they vary along few directions only; or "none"."""
    directions: float
    """Directions in use: the effective rank of the vectors less their mean."""
    std: float
    """Mean standard deviation of a coordinate at unit length; 1/√d if directions are evenly spread."""
    message: str
    """The verdict in a sentence, with advice if there is something to do."""


def collapse_verdict(vectors: ArrayLike, max_rows: int = 5000, advice: str | None = None) -> Verdict:
    """Say whether a representation has collapsed; no labels needed.

    Parameters
    ----------
    vectors : array, shape (n, d)
        The representation, at least two rows.
    max_rows : int, default=5000
        At most this many rows, drawn at random with a fixed seed, are used.
    advice : str, optional
        What to do about a collapse, as a sentence without its full stop; by default what helps where views are
        compared, as most methods do.

    Returns
    -------
    Verdict

    Raises
    ------
    UnlabeledError
        If the vectors are not a table of finite numbers, or there is only one.

    References
    ----------
    .. [1] Jing, Vincent, LeCun, Tian. Understanding Dimensional Collapse in Contrastive Self-supervised Learning.
       ICLR 2022. https://arxiv.org/abs/2110.09348
    .. [2] Chen, He. Exploring Simple Siamese Representation Learning. CVPR 2021. https://arxiv.org/abs/2011.10566

    Examples
    --------
    >>> import numpy as np
    >>> collapse_verdict(np.eye(50)).kind
    'none'
    >>> collapse_verdict(np.ones((50, 8))).kind
    'complete'
    """
    from unlabeled.losses import health  # which brings torch

    z = sample(vectors, max_rows)
    n, d = z.shape
    if n < 2:
        raise UnlabeledError("one vector cannot show whether vectors differ; give at least two")
    spread = health.spread(z, rows=max_rows).item()
    directions = health.directions_in_use(z, rows=max_rows).item()
    most = min(n - 1, d)
    collapse = health.collapse_kind(spread, directions, most)
    message = f"{SENTENCES[collapse]} ({directions:.1f} of {most} directions in use, spread {spread:.3f} of 1)."
    if collapse != "none":
        message += f" {advice or ADVICE[collapse]}."
    return Verdict(collapse != "none", collapse, directions, spread / d**0.5, message)
