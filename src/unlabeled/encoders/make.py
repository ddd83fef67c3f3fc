"""From what a user wrote to an encoder: a name, a folder, or an encoder of their own."""

from __future__ import annotations

import copy
from pathlib import Path

from unlabeled.encoders.checkpoint import load_encoder
from unlabeled.encoders.conv import Conv
from unlabeled.encoders.encoder import Encoder
from unlabeled.encoders.flat_conv import FlatConv
from unlabeled.encoders.mlp import MLP
from unlabeled.encoders.preprocessing import Preprocessing
from unlabeled.encoders.vit import ViT
from unlabeled.errors import UnlabeledError, unknown_name

NAMES = ("auto", "conv", "flat_conv", "vit", "mlp", "timm:<model>", "timm:<model>:pretrained")


def make_encoder(specification: str | Encoder, preprocessing: Preprocessing) -> Encoder:
    """Make the encoder that `specification` names.

    Parameters
    ----------
    specification : str or Encoder
        ``"conv"``, ``"flat_conv"``, ``"vit"``, ``"mlp"``, ``"timm:resnet18"``, ``"timm:resnet18:pretrained"``, a
        folder that holds a saved encoder, or an `Encoder`. The given encoder is copied, so that fitting never changes
        a parameter.
    preprocessing : Preprocessing
        Of the data at hand.

    Raises
    ------
    UnlabeledError
        If the name is unknown, or the encoder is for data of another shape.
    """
    if isinstance(specification, Encoder):
        return _fitting(copy.deepcopy(specification), preprocessing, "the given encoder")
    if specification == "conv":
        _needs_images(specification, preprocessing)
        return Conv(preprocessing)
    if specification == "flat_conv":
        _needs_images(specification, preprocessing)
        return FlatConv(preprocessing)
    if specification == "vit":
        _needs_images(specification, preprocessing)
        return ViT(preprocessing)
    if specification == "mlp":
        return MLP(preprocessing)
    if specification.startswith("timm:"):
        from unlabeled.encoders.timm import Timm

        _needs_images(specification, preprocessing)
        name, _, weights = specification.removeprefix("timm:").partition(":")
        if weights not in ("", "pretrained"):
            raise unknown_name("timm weights", weights, ["pretrained"])
        return Timm(preprocessing, name=name, pretrained=bool(weights))
    if Path(specification).is_dir():
        return _fitting(load_encoder(specification), preprocessing, f"the encoder in {specification}")
    raise unknown_name("encoder", specification, NAMES)


def _needs_images(name: str, preprocessing: Preprocessing) -> None:
    if preprocessing.kind != "image":
        raise UnlabeledError(f"encoder {name!r} is for images, and the data are vectors; use 'mlp' or 'auto'")


def _fitting(encoder: Encoder, preprocessing: Preprocessing, what: str) -> Encoder:
    if encoder.preprocessing.shape != preprocessing.shape:
        raise UnlabeledError(
            f"{what} takes instances of shape {encoder.preprocessing.shape}, "
            f"but the data have shape {preprocessing.shape}"
        )
    return encoder
