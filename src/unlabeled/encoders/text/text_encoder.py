"""What all encoders of texts share: vectors of tokens, layer by layer, and one vector from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

from unlabeled.data.text.tokenization.tokens import Tokens
from unlabeled.encoders.encoder import Encoder
from unlabeled.encoders.features import Features
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.modalities.text import TextPreprocessing

Pooling = Literal["mean", "cls", "last"]


class TextEncoder(Encoder):
    """A network from `Tokens` to a vector a text, by way of a vector a token.

    A subclass gives `hidden_states`, the vectors of all tokens after each layer.

    Parameters
    ----------
    preprocessing : TextPreprocessing
    pooling : {"mean", "cls", "last"}, default "mean"
        The vector of a text is the mean of its tokens' vectors, that of its first token, or that of its last. Padding
        never counts.
    normalise : bool, default False
        Bring the vector of a text to length 1.
    """

    modalities: ClassVar[tuple[str, ...]] = ("text",)
    weights_file: ClassVar[str] = "model.safetensors"  # the name under which transformers looks for it
    preprocessing: Any  # a TextPreprocessing

    def __init__(self, preprocessing: TextPreprocessing, *, pooling: Pooling = "mean", normalise: bool = False) -> None:
        super().__init__(preprocessing)
        if pooling not in get_args(Pooling):
            raise unknown_name("pooling", pooling, get_args(Pooling))
        self.pooling, self.normalise = pooling, normalise

    def settings(self) -> dict[str, Any]:
        """Give how the vector of a text is made of its tokens'."""
        return {"pooling": self.pooling, "normalise": self.normalise}

    def adapt(self, preprocessing: Any, what: str = "the encoder") -> None:
        """Take texts that were cut by the same tokenizer, up to as many tokens as the window holds, or refuse them."""
        super().adapt(preprocessing, what)
        window = getattr(self, "length", self.preprocessing.length)
        if preprocessing.length > window:
            raise UnlabeledError(
                f"{what} has a window of {window} tokens; a length of {preprocessing.length} is beyond"
            )
        self.preprocessing = preprocessing

    def write_companions(self, folder: Path) -> None:
        """Write the tokenizer's files, which `transformers.AutoTokenizer` reads."""
        self.preprocessing.tokenizer.save(folder, self.preprocessing.length)

    def hidden_states(self, values: Tokens) -> list[Tensor]:
        """Give the vectors of all tokens, shape (n, length, dim), before the first layer and after each."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it encodes tokens")

    def features(self, values: Tokens) -> Features:
        """Give the vectors of all tokens after the last layer, and the mask of those that are real."""
        return Features(self.hidden_states(values)[-1], values.mask)

    def forward(self, values: Any) -> Tensor:
        """Map texts, `Tokens`, to vectors, shape (n, dim); of pairs and triples the first texts."""
        pooled = pool(self.features(getattr(values, "first", values)), self.pooling)
        return F.normalize(pooled, dim=-1) if self.normalise else pooled


def pool(features: Features, pooling: Pooling) -> Tensor:
    """Make one vector of the vectors of a text's tokens.

    Examples
    --------
    >>> vectors = torch.tensor([[[2.0], [4.0], [100.0]]])
    >>> pool(Features(vectors, torch.tensor([[True, True, False]])), "mean")
    tensor([[3.]])
    """
    vectors, mask = features
    if mask is None:
        mask = torch.ones(vectors.shape[:2], dtype=torch.bool, device=vectors.device)
    if pooling == "mean":
        weights = mask.unsqueeze(-1).to(vectors.dtype)
        return (vectors * weights).sum(1) / weights.sum(1).clamp_min(1)
    numbers = torch.arange(mask.shape[1], device=mask.device)
    # The first or last real token, wherever the padding stands; a text without tokens takes the first place.
    place = (
        torch.where(mask, numbers, mask.shape[1]).amin(1).clamp_max(mask.shape[1] - 1)
        if pooling == "cls"
        else torch.where(mask, numbers, 0).amax(1)
    )
    return vectors[torch.arange(len(vectors), device=mask.device), place]
