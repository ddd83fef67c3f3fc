"""Transfer: a trained encoder as it is, with a new head for one's own classes."""

from __future__ import annotations

from typing import Any

from unlabeled.methods.fewlabels.fine_tuning import PATIENCE_OF_A_HEAD, FineTuning
from unlabeled.methods.fewlabels.tasks import TaskName

OF_A_HEAD: dict[str, Any] = {
    "epochs": 100,
    "patience": PATIENCE_OF_A_HEAD,
    "batch_size": 64,
    "head_learning_rate": 1e-2,
}
"""Settings by which a head learns alone: vectors are computed once, so that many epochs cost little."""


def transfer(encoder: Any, X: Any, y: Any, *, task: TaskName = "class", **settings: Any) -> FineTuning:
    """Put a new head on a frozen encoder and train only that, for a task with labels.

    What the encoder gives is computed once, so an epoch costs next to nothing. Where there are labels enough, compare
    it with `fine_tune`, which trains the encoder too.

    Parameters
    ----------
    encoder : str, path, Encoder or fitted method
        A run, a folder with a saved encoder, ``"transformers:<name>"``, or an `Encoder`, which is copied; of a fitted
        method its encoder is taken.
    X, y
        Instances and labels, see `unlabeled.FineTuning.fit`.
    task : {"class", "score", "tags", "span"}, default "class"
    **settings
        Of `unlabeled.FineTuning`. By default 100 epochs at most, of which the best on a tenth of the labelled rows is
        kept and 20 without improvement are the end, in batches of 64 and at a learning rate of 0.01. Of fewer than 95
        labelled rows none is held out: there are 100 epochs, and the last is kept.

    Returns
    -------
    FineTuning
        Fitted, with `predict`, `predict_proba`, `score`, `save` and `load`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from unlabeled import Autoencoder
    >>> images, digits = load_digits().images[:200] / 16, load_digits().target[:200]
    >>> start = Autoencoder(encoder="conv", epochs=1, random_state=0, progress=False).fit(images)
    >>> model = transfer(start.encoder_, images, digits, random_state=0)
    >>> model.predict_proba(images[:3]).shape
    (3, 10)
    """
    given: Any = {**OF_A_HEAD, **settings, "layers": "none"}
    return FineTuning(encoder=getattr(encoder, "encoder_", encoder), task=task, **given).fit(X, y)
