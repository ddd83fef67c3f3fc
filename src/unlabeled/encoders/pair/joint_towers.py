"""One network that sees an image and a text together."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from unlabeled.data.text.tokenization.tokens import Tokens
from unlabeled.encoders.encoder import Encoder
from unlabeled.encoders.features import Features
from unlabeled.encoders.pair.two_towers import make_tower
from unlabeled.errors import UnlabeledError


class JointTowers(Encoder):
    """A transformer over the places of an image and the tokens of a text, which attend to each other.

    What the two towers know of their places and tokens (`Encoder.features`) is brought to one width. The vector of a
    pair is that of a learnt token in front.

    Parameters
    ----------
    preprocessing : PairPreprocessing
    image, text : Encoder or dict
        The towers, or their descriptions.
    dim : int, default 128
        Width, and length of the vector.
    layers, heads : int, default 2, 4
    """

    architecture: ClassVar[str] = "joint_towers"
    preprocessing: Any  # a PairPreprocessing

    def __init__(
        self,
        preprocessing: Any,
        *,
        image: Encoder | dict[str, Any],
        text: Encoder | dict[str, Any],
        dim: int = 128,
        layers: int = 2,
        heads: int = 4,
    ) -> None:
        super().__init__(preprocessing)
        self.image, self.text = make_tower(image, preprocessing.image), make_tower(text, preprocessing.text)
        self.dim, self.layers, self.heads = dim, layers, heads
        with torch.no_grad():
            places = _sequence(self.image.eval().features(torch.zeros(1, *preprocessing.image.shape)))
            one = torch.ones(1, 2, dtype=torch.int64)
            tokens = self.text.eval().features(Tokens(one, one.bool())).vectors
        self.image_projection = nn.Linear(places.shape[2], dim)
        self.text_projection = nn.Linear(tokens.shape[2], dim)
        self.position = nn.Parameter(0.02 * torch.randn(places.shape[1], dim))
        self.first = nn.Parameter(0.02 * torch.randn(dim))
        layer = nn.TransformerEncoderLayer(
            dim, heads, 4 * dim, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.body = nn.TransformerEncoder(layer, layers, nn.LayerNorm(dim), enable_nested_tensor=False)

    def settings(self) -> dict[str, Any]:
        """Describe both towers and the sizes."""
        towers = {"image": self.image.describe(), "text": self.text.describe()}
        return {**towers, "dim": self.dim, "layers": self.layers, "heads": self.heads}

    def pair(self, first: Any, second: Any) -> Tensor:
        """Map the images of the first and the texts of the second pairs to vectors, shape (n, dim)."""
        if first.image is None or second.text is None:
            raise UnlabeledError(
                "a network that sees image and text together has no vector of one of them alone; use "
                "form='two_towers', or give pairs"
            )
        places = self.image_projection(_sequence(self.image.features(first.image))) + self.position
        found = self.text.features(second.text)
        tokens = self.text_projection(found.vectors)
        rows = torch.cat([self.first.expand(len(places), 1, -1), places, tokens], dim=1)
        padding = torch.zeros(rows.shape[:2], dtype=torch.bool, device=rows.device)
        if found.mask is not None:
            padding[:, -tokens.shape[1] :] = ~found.mask
        vectors: Tensor = self.body(rows, src_key_padding_mask=padding)[:, 0]
        return vectors

    def forward(self, values: Any) -> Tensor:
        """Map pairs to vectors, shape (n, dim)."""
        return self.pair(values, values)


def _sequence(features: Features) -> Tensor:
    """Lay features of an image out as a sequence, shape (n, places, dim)."""
    return features.maps().flatten(2).transpose(1, 2)
