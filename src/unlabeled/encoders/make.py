"""From what a user has to an encoder: a name, a folder, a fitted method, or an encoder of their own."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

from unlabeled.data.paths import folder_of_encoder
from unlabeled.encoders.checkpoint import load_encoder
from unlabeled.encoders.encoder import Encoder, architectures
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.modalities import Preprocessing

TRAINED = ("clip:", "clip_text:", "transformers:")
"""How the names of encoders begin that are loaded with their weights."""


def make_encoder(specification: str | os.PathLike[str] | Encoder, preprocessing: Preprocessing) -> Encoder:
    """Make the encoder that `specification` names.

    Parameters
    ----------
    specification : str, path or Encoder
        The name of an architecture, such as ``"conv"`` or ``"timm:resnet18"``, a run or a folder that holds a saved
        encoder, or an `Encoder`. The given encoder is copied, so that fitting never changes a parameter; the copy is in
        the processor's memory, wherever the given one has learnt.
    preprocessing : Preprocessing
        Of the data at hand.

    Raises
    ------
    UnlabeledError
        If the name is unknown, or the encoder is for data of another kind or shape, or for another tokenizer.
    """
    if isinstance(specification, Encoder):
        return _fitting(copy.deepcopy(specification).cpu(), preprocessing, "the given encoder")
    specification = os.fspath(specification)
    name, _, rest = specification.partition(":")
    known = architectures()
    if name in known and known[name].modalities:
        _check_kind(known[name], preprocessing)
        return known[name].named(rest, preprocessing)
    if Path(specification).is_dir():
        found = load_encoder(folder_of_encoder(specification))
        return _fitting(found, preprocessing, f"the encoder in {specification}")
    raise unknown_name("encoder", specification, ["auto", *encoder_names()])


def brings_weights(specification: str | os.PathLike[str] | Encoder) -> bool:
    """Tell whether an encoder that is asked for has been trained already.

    Examples
    --------
    >>> brings_weights("timm:resnet18"), brings_weights("timm:resnet18:pretrained")
    (False, True)
    """
    if not isinstance(specification, str | os.PathLike):
        return True
    specification = os.fspath(specification)
    named = specification.startswith(TRAINED) or specification.endswith(":pretrained")
    return named or Path(specification).is_dir()


def trained_encoder(given: Any) -> Encoder:
    """Give an encoder that has learnt: the given one itself, that of a fitted method, or one that is loaded.

    Parameters
    ----------
    given : Encoder, fitted method, str or path
        A text is a run, a folder with a saved encoder or method, or ``"transformers:<name>"``.

    Raises
    ------
    UnlabeledError
        If there is none.
    """
    if isinstance(given, Encoder):
        return given
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


def own_encoder(given: Any) -> Encoder:
    """Give a trained encoder that the caller may change: one that is loaded, or a copy."""
    found = trained_encoder(given)
    return found if isinstance(given, str | os.PathLike) else copy.deepcopy(found)


def encoder_names() -> list[str]:
    """List the encoders that can be asked for by name, as they are written."""
    return sorted(each.usage or name for name, each in architectures().items() if each.modalities)


def _check_kind(wanted: type[Encoder], preprocessing: Preprocessing) -> None:
    if preprocessing.kind not in wanted.modalities:
        fitting = [name for name, each in architectures().items() if preprocessing.kind in each.modalities]
        kinds = " and ".join(f"{kind}s" for kind in wanted.modalities)
        raise UnlabeledError(
            f"encoder {wanted.architecture!r} is for {kinds}, and the data are {preprocessing.kind}s; "
            f"use 'auto' or {', '.join(repr(name) for name in sorted(fitting))}"
        )


def _fitting(encoder: Encoder, preprocessing: Preprocessing, what: str) -> Encoder:
    encoder.adapt(preprocessing, what)
    return encoder
