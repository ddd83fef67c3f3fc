"""Any backbone of the timm library, by name."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from unlabeled.encoders.encoder import Encoder
from unlabeled.encoders.features import Features
from unlabeled.encoders.vit import chosen
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
        If timm knows no such model (the nearest name is suggested), or a small stem is asked of a model that has none.
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
            raise unknown_name("timm model", name, timm.list_models())
        # A vision transformer fixes its number of patches when it is made; a convolutional net takes any size.
        sized = {"img_size": preprocessing.size} if "vit" in name or "swin" in name else {}
        model = timm.create_model(name, pretrained=pretrained, num_classes=0, in_chans=preprocessing.channels, **sized)
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
        self.dim = int(model.num_features)
        self.body = model
        mean, deviation = (torch.tensor(model.default_cfg[key]) for key in ("mean", "std"))
        if preprocessing.channels != len(mean):
            mean, deviation = mean.mean(), deviation.mean()
        self.register_buffer("mean", mean.reshape(1, -1, 1, 1), persistent=False)
        self.register_buffer("deviation", deviation.reshape(1, -1, 1, 1), persistent=False)

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
        vectors: Tensor = self.body((batch - self.mean) / self.deviation)
        return vectors

    def features(self, values: Tensor) -> Features:
        """Give what the model sees before its pooling: maps, or patches without class and register tokens."""
        seen: Tensor = self.body.forward_features((values - self.mean) / self.deviation)
        if getattr(self.body, "output_fmt", "NCHW") == "NHWC":
            return Features(seen.permute(0, 3, 1, 2))
        prefix = getattr(self.body, "num_prefix_tokens", None)
        return Features(seen if prefix is None else seen[:, prefix:])

    def tokens(self, values: Tensor, visible: Tensor | None = None) -> Tensor:
        """Map images to the vectors of their patches; class and register tokens take part and are left out."""
        body = self.body
        if not (hasattr(body, "patch_embed") and hasattr(body, "_pos_embed") and hasattr(body, "blocks")):
            return super().tokens(values, visible)
        tokens = body._pos_embed(body.patch_embed((values - self.mean) / self.deviation))
        first = body.num_prefix_tokens
        if visible is not None:
            tokens = torch.cat((tokens[:, :first], chosen(tokens[:, first:], visible)), 1)
        patches: Tensor = body.norm(body.blocks(body.norm_pre(tokens)))[:, first:]
        return patches
