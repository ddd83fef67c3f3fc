"""Detection in one call."""

from __future__ import annotations

import os
from typing import Any

from unlabeled.data.image.voc import VOC
from unlabeled.evaluation.objects.detector import Detector, Proposals


def detection(
    encoder: Any,
    folder: str | os.PathLike[str] | VOC,
    *,
    split: str | None = None,
    proposals: Proposals | None = None,
    **settings: Any,
) -> Detector:
    """Learn to find objects with a trained encoder.

    Parameters
    ----------
    encoder : str, path, Encoder or fitted method
        A run, a folder with a saved encoder, or an `Encoder`, which is copied; of a fitted method its encoder is taken.
    folder : path or VOC
        Pictures in the layout of Pascal VOC.
    split : str, optional
        The list in ``ImageSets/Main`` to learn from, such as ``"trainval"``; by default every annotation.
    proposals : sequence or mapping of arrays of shape (k, 4), optional
        Boxes where objects may be, see `Detector.fit`.
    **settings
        Of `Detector`: ``fine_tune``, ``size``, ``epochs`` and so on.

    Returns
    -------
    Detector
        Fitted, with `predict`, `evaluate`, `save` and `load`.
    """
    return Detector(encoder=getattr(encoder, "encoder_", encoder), **settings).fit(
        folder if isinstance(folder, VOC) else VOC(folder, split), proposals=proposals
    )
