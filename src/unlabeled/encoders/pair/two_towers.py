"""Two towers: an encoder of images and one of texts, each with a projection into a space that they share."""

from __future__ import annotations

import os
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unlabeled.data.pairs.prepared_pairs import Encoded
from unlabeled.encoders.encoder import Encoder, from_description
from unlabeled.encoders.make import make_encoder
from unlabeled.errors import UnlabeledError, unknown_name

HALVES = ("image", "text")


class TwoTowers(Encoder):
    """An encoder of images, an encoder of texts, and a linear projection on each; vectors have length 1.

    Called with pairs it gives the vectors of the images; with texts alone those of the texts. Both lie in one space.

    Parameters
    ----------
    preprocessing : PairPreprocessing
    image, text : Encoder, dict, str or path, optional
        The towers, their descriptions, names or folders; by default ``"conv"`` and a transformer of two layers.
    dim : int, default 128
        Length of the vectors.
    frozen : sequence of str, optional
        ``"image"`` or ``"text"``: towers that do not learn. Their projections do.

    Attributes
    ----------
    learnt_scale : tuple of float, or None
        The scale, and the bias or None, that the loss of a loaded checkpoint ended with.
    """

    architecture: ClassVar[str] = "two_towers"
    modalities: ClassVar[tuple[str, ...]] = ("pair",)
    preprocessing: Any  # a PairPreprocessing

    def __init__(
        self,
        preprocessing: Any,
        *,
        image: Encoder | dict[str, Any] | str | os.PathLike[str] = "conv",
        text: Encoder | dict[str, Any] | str | os.PathLike[str] = "auto",
        dim: int = 128,
        frozen: tuple[str, ...] | list[str] = (),
    ) -> None:
        super().__init__(preprocessing)
        for half in frozen:
            if half not in HALVES:
                raise unknown_name("tower", half, HALVES)
        if text == "auto":
            text = {"architecture": "transformer", "dim": 192, "layers": 2, "heads": 3}
        self.image, self.text = make_tower(image, preprocessing.image), make_tower(text, preprocessing.text)
        self.dim, self.frozen = dim, tuple(frozen)
        self.learnt_scale: tuple[float, float | None] | None = None
        self.image_projection = nn.Linear(self.image.dim, dim, bias=False)
        self.text_projection = nn.Linear(self.text.dim, dim, bias=False)
        for half in self.frozen:
            getattr(self, half).requires_grad_(False)

    def settings(self) -> dict[str, Any]:
        """Describe both towers."""
        towers = {"image": self.image.describe(), "text": self.text.describe()}
        return {**towers, "dim": self.dim, "frozen": list(self.frozen)}

    def train(self, mode: bool = True) -> TwoTowers:
        """Change to training or back; a frozen tower stays as it is used, without dropout and batch statistics."""
        super().train(mode)
        for half in self.frozen:
            getattr(self, half).eval()
        return self

    def forward(self, values: Any) -> Tensor:
        """Map pairs or images to the vectors of the images, and texts alone to theirs; shape (n, dim)."""
        if isinstance(values, Tensor):
            return self.of_images(values)
        return self.of_texts(values.text) if values.image is None else self.of_images(values.image)

    def of_images(self, images: Tensor) -> Tensor:
        """Map images, or what the tower gave for them, to vectors of length 1, shape (n, dim)."""
        return F.normalize(self.image_projection(self._seen("image", images)), dim=1)

    def of_texts(self, texts: Any) -> Tensor:
        """Map texts, or what the tower gave for them, to vectors of length 1, shape (n, dim)."""
        return F.normalize(self.text_projection(self._seen("text", texts)), dim=1)

    def _seen(self, half: str, values: Any) -> Tensor:
        if isinstance(values, Encoded):
            return values.vectors
        with torch.set_grad_enabled(torch.is_grad_enabled() and half not in self.frozen):
            vectors: Tensor = getattr(self, half)(values)
        return vectors


def image_tower(encoder: Encoder) -> Encoder:
    """Give the tower of images of an encoder of pairs, which has maps and patches; any other encoder as it is."""
    return encoder.image if isinstance(encoder, TwoTowers) else encoder


def make_tower(tower: Encoder | dict[str, Any] | str | os.PathLike[str], preprocessing: Any) -> Encoder:
    """Make the tower of one half from an encoder, its description, its name or its folder."""
    if isinstance(tower, dict):
        return from_description(tower, preprocessing)
    made = make_encoder(tower, preprocessing)
    if preprocessing.kind not in made.modalities:
        raise UnlabeledError(f"a tower for {preprocessing.kind}s cannot be encoder {made.architecture!r}")
    return made
