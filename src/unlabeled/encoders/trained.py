"""From what a user has to an encoder that has learnt: a fitted method, a run, a folder, or the encoder itself."""

from __future__ import annotations

import copy
import os
from typing import Any

from unlabeled.data.paths import folder_of_encoder
from unlabeled.encoders.checkpoint import load_encoder
from unlabeled.encoders.encoder import Encoder
from unlabeled.errors import UnlabeledError


def trained_encoder(given: Any, kind: str = "") -> Encoder:
    """Give an encoder that has learnt; what is given itself if that is one, and no copy of it.

    Parameters
    ----------
    given : Encoder, fitted method, str or path
        A text is a run, a folder with a saved encoder or method, or ``"transformers:<name>"``.
    kind : str, optional
        The data that it must be for, such as ``"text"``.

    Raises
    ------
    UnlabeledError
        If there is none, or it is for data of another kind.
    """
    found = given if isinstance(given, Encoder) else _found(given)
    if kind and found.preprocessing.kind != kind:
        raise UnlabeledError(f"the encoder is for {found.preprocessing.kind}s, and the data are {kind}s")
    return found


def own_encoder(given: Any) -> Encoder:
    """Give a trained encoder that the caller may change: a copy of an `Encoder`, or one that is loaded."""
    return copy.deepcopy(given) if isinstance(given, Encoder) else trained_encoder(given)


def _found(given: Any) -> Encoder:
    if isinstance(given, str | os.PathLike):
        name = os.fspath(given)
        if not name:
            raise UnlabeledError("name the encoder: a run, a folder, 'transformers:<name>', or an Encoder")
        if name.startswith("transformers:"):
            from unlabeled.encoders.text.pretrained_text import load_pretrained_text

            return load_pretrained_text(name.removeprefix("transformers:"))
        return load_encoder(folder_of_encoder(name))
    learnt = getattr(given, "encoder_", None)
    if isinstance(learnt, Encoder):
        return learnt
    if hasattr(given, "fit"):
        raise UnlabeledError(f"{given!r:.60} has no encoder; fit a method that learns one first")
    raise UnlabeledError(f"an encoder is an Encoder, a fitted method, or the name or folder of one, not {given!r:.60}")
