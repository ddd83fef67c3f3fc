"""Any backbone of the timm library, by name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar, Self, cast

import torch
from torch import Tensor, nn

from unlabeled.encoders.checkpoint import save_tensors
from unlabeled.encoders.encoder import Encoder
from unlabeled.encoders.features import Features
from unlabeled.encoders.image.vit import chosen
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.modalities.image import ImagePreprocessing

SMALL = 64
"""Up to this many pixels a side, a residual network gets the stem for small images."""


class Timm(Encoder):
    """A model of timm without its classifier.

    Its first layer subtracts the mean and divides by the deviation that the model's own configuration states, so it
    takes images in [0, 1] like every other encoder.

    Parameters
    ----------
    preprocessing : ImagePreprocessing
        Of images.
    name : str
        A name known to timm, such as ``"resnet18"``.
    pretrained : bool, default False
        Start from timm's published weights, which are fetched from the Hugging Face hub.
    small_stem : bool, optional
        Replace a residual network's 7×7 stride-2 convolution by a 3×3 one and drop its pooling, as is usual for small
        images. By default done up to 64 pixels when the model is not pretrained and has such a stem.

    Raises
    ------
    UnlabeledError
        If timm knows no such model (the nearest names are suggested), it cannot be made for images of this size, its
        weights cannot be fetched, or a small stem is asked of a model that has none.
    """

    architecture = "timm"
    modalities: ClassVar[tuple[str, ...]] = ("image",)
    usage: ClassVar[str] = "timm:<model>[:pretrained]"
    mean: Tensor
    deviation: Tensor

    def __init__(
        self, preprocessing: ImagePreprocessing, *, name: str, pretrained: bool = False, small_stem: bool | None = None
    ) -> None:
        super().__init__(preprocessing)
        import timm

        if not timm.is_model(name):
            near = get_close_matches(name, timm.list_models(), n=3, cutoff=0.5)
            hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else "; timm.list_models() lists them"
            raise UnlabeledError(f"timm knows no model {name!r}{hint}")
        model = _made(name, preprocessing, pretrained)
        replaceable = isinstance(getattr(model, "conv1", None), nn.Conv2d) and hasattr(model, "maxpool")
        if small_stem is None:
            small_stem = replaceable and not pretrained and preprocessing.size <= SMALL
        if small_stem and not replaceable:
            raise UnlabeledError(f"timm model {name!r} has no 7×7 stem to replace; leave small_stem out")
        if small_stem:
            outputs = model.conv1.out_channels
            model.conv1 = nn.Conv2d(preprocessing.channels, outputs, 3, padding=1, bias=False)
            model.maxpool = nn.Identity()
        self.name, self.small_stem = name, small_stem
        self.dim = _width(name, model, preprocessing)
        self.body = model
        self._fused: list[Any] = [module for module in model.modules() if getattr(module, "fused_attn", False)]
        mean, deviation = (torch.tensor(model.default_cfg[key]) for key in ("mean", "std"))
        repeats, left_over = divmod(preprocessing.channels, len(mean))
        if left_over:
            mean, deviation = mean.mean(), deviation.mean()
        else:  # several images on each other, as in a cross-encoder of pairs, are each prepared like one
            mean, deviation = mean.repeat(repeats), deviation.repeat(repeats)
        self.register_buffer("mean", mean.reshape(1, -1, 1, 1), persistent=False)
        self.register_buffer("deviation", deviation.reshape(1, -1, 1, 1), persistent=False)

    def export(self, path: str | os.PathLike[str]) -> None:
        """Write the weights as timm has them, as safetensors, for use without this library.

        ``timm.create_model(name, num_classes=0, in_chans=channels)`` loads them. With a small stem, its ``conv1`` is
        first replaced by ``Conv2d(channels, width, 3, padding=1, bias=False)`` and its ``maxpool`` by ``Identity()``.

        Parameters
        ----------
        path : path
            The file, whole or not at all.
        """
        save_tensors(self.body.state_dict(), Path(path))

    def train(self, mode: bool = True) -> Self:
        """Switch between training and use; on a processor training does without timm's fused attention.

        In bfloat16 its backward pass is several times slower there than products and a softmax; in float32 it is not.
        """
        super().train(mode)
        for module in self._fused:
            module.fused_attn = not (mode and self.mean.device.type == "cpu")
        return self

    @classmethod
    def named(cls, rest: str, preprocessing: Any) -> Timm:
        """Build ``timm:<model>`` or ``timm:<model>:pretrained``."""
        name, _, weights = rest.partition(":")
        if weights not in ("", "pretrained"):
            raise unknown_name("timm weights", weights, ["pretrained"])
        return cls(preprocessing, name=name, pretrained=bool(weights))

    def settings(self) -> dict[str, Any]:
        """Give the model's name and stem; the weights are in the checkpoint, so it is never fetched again."""
        return {"name": self.name, "small_stem": self.small_stem}

    def forward(self, batch: Tensor) -> Tensor:
        """Map images in [0, 1], shape (n, channels, h, w), to vectors, shape (n, dim)."""
        with self._refuses_other_sizes(batch):
            vectors: Tensor = self.body((batch - self.mean) / self.deviation)
        return vectors

    def features(self, values: Tensor) -> Features:
        """Give what the model sees before its pooling: maps, or patches without class and register tokens."""
        with self._refuses_other_sizes(values):
            seen: Tensor = self.body.forward_features((values - self.mean) / self.deviation)
        if getattr(self.body, "output_fmt", "NCHW") == "NHWC":
            return Features(seen.permute(0, 3, 1, 2))
        prefix = getattr(self.body, "num_prefix_tokens", None)
        return Features(seen if prefix is None else seen[:, prefix:])

    def tokens(self, values: Tensor, visible: Tensor | None = None) -> Tensor:
        """Map images to the vectors of their patches; class and register tokens take part and are left out."""
        from timm.models.vision_transformer import VisionTransformer

        body = self.body
        if not isinstance(body, VisionTransformer):  # others have parts of the same names that work otherwise
            return super().tokens(values, visible)
        with self._refuses_other_sizes(values):
            tokens = body._pos_embed(body.patch_embed((values - self.mean) / self.deviation))
        first = body.num_prefix_tokens
        if visible is not None:
            tokens = torch.cat((tokens[:, :first], chosen(tokens[:, first:], visible)), 1)
        patches: Tensor = body.norm(body.blocks(body.norm_pre(tokens)))[:, first:]
        return patches

    @contextmanager
    def _refuses_other_sizes(self, values: Tensor) -> Iterator[None]:
        """Name the sizes if the model fails on images of another size than it was made for, such as those of a view."""
        try:
            yield
        except (AssertionError, RuntimeError, ValueError) as error:
            size, (height, width) = cast("ImagePreprocessing", self.preprocessing).size, values.shape[-2:]
            if height == width == size or isinstance(error, torch.OutOfMemoryError):
                raise
            raise UnlabeledError(
                f"timm model {self.name!r} was made for images of {size} × {size} pixels and does not take "
                f"{height} × {width}; keep to the size it was made for"
            ) from error


def _made(name: str, preprocessing: ImagePreprocessing, pretrained: bool) -> Any:
    """Make a model of timm for images of a size, which some fix when they are made and others do not know of."""
    import timm

    if pretrained:
        offline_where_there_is_no_network()
    settings = {"pretrained": pretrained, "num_classes": 0, "in_chans": preprocessing.channels}
    try:
        try:
            model = timm.create_model(name, img_size=preprocessing.size, **settings)
        except TypeError as error:
            if "img_size" not in str(error):
                raise
            model = timm.create_model(name, **settings)
    except Exception as error:  # a refused size, a missing package, a hub that cannot be reached: each in its own way
        why = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        if pretrained:
            raise UnlabeledError(
                f"pretrained weights of timm's {name!r} cannot be had: they are not in the hub's cache, and "
                f"fetching them failed ({why}). Try where there is a network, or start untrained: timm:{name}"
            ) from error
        raise UnlabeledError(f"timm model {name!r} cannot be made at {preprocessing.size} pixels: {why}") from error
    return model


def offline_where_there_is_no_network() -> None:
    """Let the hub look into its cache only where its host has no address; it would try again for a minute."""
    import socket
    from urllib.parse import urlsplit
    from urllib.request import getproxies

    from huggingface_hub import constants

    try:
        if not getproxies():  # behind a proxy names are looked up elsewhere
            socket.getaddrinfo(urlsplit(constants.ENDPOINT).hostname, 443)
    except OSError:
        constants.HF_HUB_OFFLINE = True


def _width(name: str, model: Any, preprocessing: ImagePreprocessing) -> int:
    """Measure the length of a model's vectors, which for some is not what they call their number of features."""
    training = model.training
    try:
        with torch.no_grad():
            vectors: Tensor = model.eval()(torch.zeros(1, *preprocessing.shape))
    except Exception as error:  # each model fails in its own way on a size that it does not take
        wanted = getattr(model, "default_cfg", {}).get("input_size", (0, 0, 0))[-1]
        raise UnlabeledError(
            f"timm model {name!r} takes no images of {preprocessing.size} pixels; it was made for {wanted}: set size"
        ) from error
    model.train(training)
    return int(vectors.shape[-1])
