"""Two recurrent networks for texts, one from left to right and one from right to left."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from unlabeled.data.text.tokenization.tokens import Tokens
from unlabeled.encoders.features import Features
from unlabeled.encoders.text.text_encoder import Pooling, TextEncoder
from unlabeled.modalities.text import TextPreprocessing


class LSTM(TextEncoder):
    r"""Long short-term memory in both directions, kept apart in every layer, and a learned mix of the layers.

    The two directions share the embedding of the tokens and nothing else. So a vector of the left-to-right half knows
    only the token and what is before it, also after several layers, which is what lets language models train it. (In a
    bidirectional network of two layers the second sees, in what the first gives it, the token it is to predict.)

    The vector of a token is a mix of the layers, ELMo's: :math:`\gamma \sum_l \mathrm{softmax}(w)_l\, h_l`, with the
    token's embedding, twice, as :math:`h_0`.

    Parameters
    ----------
    preprocessing : TextPreprocessing
    width : int, default 256
        Units a direction, and length of a token's embedding; the vectors have twice that.
    layers : int, default 2
    dropout : float, default 0.1
        In training, of each layer's input.
    pooling : {"mean", "cls", "last"}, default "mean"
    normalise : bool, default False

    References
    ----------
    .. [1] Peters et al., Deep Contextualized Word Representations, NAACL 2018.
    """

    architecture = "lstm"

    def __init__(
        self,
        preprocessing: TextPreprocessing,
        *,
        width: int = 256,
        layers: int = 2,
        dropout: float = 0.1,
        pooling: Pooling = "mean",
        normalise: bool = False,
    ) -> None:
        super().__init__(preprocessing, pooling=pooling, normalise=normalise)
        self.width, self.dim = width, 2 * width
        preprocessing.tokenizer.check_fits(len(preprocessing.tokenizer))
        self.word_embeddings = nn.Embedding(len(preprocessing.tokenizer), width)
        nn.init.normal_(self.word_embeddings.weight, std=width**-0.5)
        self.forwards = nn.ModuleList(nn.LSTM(width, width, batch_first=True) for _ in range(layers))
        self.backwards = nn.ModuleList(nn.LSTM(width, width, batch_first=True) for _ in range(layers))
        self.dropout = nn.Dropout(dropout)
        self.mix = nn.Parameter(torch.zeros(layers + 1))
        self.scale = nn.Parameter(torch.ones(()))

    def settings(self) -> dict[str, Any]:
        """Give sizes and pooling."""
        sizes = {"width": self.width, "layers": len(self.forwards), "dropout": self.dropout.p}
        return {**sizes, **super().settings()}

    def layers_by_depth(self) -> list[list[nn.Module]]:
        """Give the embeddings, and then the two directions of each layer together."""
        pairs = zip(self.forwards, self.backwards, strict=True)
        return [[self.word_embeddings], *([forwards, backwards] for forwards, backwards in pairs)]

    def directions(self, values: Tokens) -> tuple[list[Tensor], list[Tensor]]:
        """Give the embeddings and the states of each layer, shape (n, length, width), left to right and right to left.

        The state of a token in the second list knows the token and what is after it.
        """
        ids, mask = values
        reversed_places = reversed_positions(mask)
        embedded = self.word_embeddings(ids)
        left, right = [embedded], [embedded]
        x, y = embedded, reorder(embedded, reversed_places)
        for forwards, backwards in zip(self.forwards, self.backwards, strict=True):
            x, _ = forwards(self.dropout(x))
            y, _ = backwards(self.dropout(y))
            left.append(x)
            right.append(reorder(y, reversed_places))
        return left, right

    def hidden_states(self, values: Tokens) -> list[Tensor]:
        """Give the vectors of all tokens, shape (n, length, 2 width): embeddings, then after each layer."""
        return [torch.cat(pair, -1) for pair in zip(*self.directions(values), strict=True)]

    def features(self, values: Tokens) -> Features:
        """Give the mix of the layers for all tokens, and the mask of those that are real."""
        weights = self.mix.softmax(0)
        mixed = torch.stack([w * h for w, h in zip(weights, self.hidden_states(values), strict=True)]).sum(0)
        return Features(self.scale * mixed, values.mask)


def reversed_positions(mask: Tensor) -> Tensor:
    """Give the places that reverse each row's real tokens and leave padding on the right where it is.

    Examples
    --------
    >>> reversed_positions(torch.tensor([[True, True, True, False]]))
    tensor([[2, 1, 0, 3]])
    """
    places = torch.arange(mask.shape[1], device=mask.device).expand_as(mask)
    lengths = mask.sum(1, keepdim=True)
    return torch.where(mask, lengths - 1 - places, places)


def reorder(x: Tensor, places: Tensor) -> Tensor:
    """Bring the vectors of each row, shape (n, length, dim), into the order of `places`."""
    return x.gather(1, places.unsqueeze(-1).expand_as(x))
