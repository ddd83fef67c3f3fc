"""Fine-tuning in one call."""

from __future__ import annotations

from typing import Any

from unlabeled.methods.fewlabels.fine_tuning import FineTuning
from unlabeled.methods.fewlabels.tasks import TaskName


def fine_tune(encoder: Any, X: Any, y: Any, *, task: TaskName = "class", **settings: Any) -> FineTuning:
    """Train a trained encoder further, for a task with labels.

    Parameters
    ----------
    encoder : str, path, Encoder or fitted method
        A run, a folder with a saved encoder, ``"transformers:<name>"``, or an `Encoder`, which is copied; of a fitted
        method its encoder is taken.
    X, y
        Instances and labels, see `unlabeled.FineTuning.fit`.
    task : {"class", "score", "tags", "span"}, default "class"
    **settings
        Of `unlabeled.FineTuning`: ``layers``, ``layer_decay``, ``epochs``, ``validation`` and so on.

    Returns
    -------
    FineTuning
        Fitted, with `predict`, `score`, `save` and `load`.

    Examples
    --------
    >>> from unlabeled import GPT
    >>> start = GPT(dim=32, layers=1, heads=2, epochs=1, random_state=0, progress=False).fit(["a good day"] * 8)
    >>> fine_tune(start.encoder_, ["good", "bad"] * 8, [1, 0] * 8, epochs=1, random_state=0).predict(["bad"]).shape
    (1,)
    """
    return FineTuning(encoder=getattr(encoder, "encoder_", encoder), task=task, **settings).fit(X, y)
