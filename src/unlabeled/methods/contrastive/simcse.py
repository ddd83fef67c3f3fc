"""SimCSE: a sentence is its own positive."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal, cast, get_args

import torch
from torch import Tensor

from unlabeled.data.batch import Batch
from unlabeled.data.text.tokenization.tokens import Tokens, joined_rows
from unlabeled.encoders import Encoder, Network
from unlabeled.encoders.text.text_encoder import Pooling, TextEncoder
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.losses.blockwise.embedding_checks import unit
from unlabeled.losses.blockwise.row_blocks import mean_by_rows
from unlabeled.processes import gather
from unlabeled.training.bases.text_method import TextMethod
from unlabeled.training.loop import own_randomness
from unlabeled.views.text import TokenCrop

BASE = 6364136223846793005
"""Of the polynomial that numbers texts: odd, and random in all its 64 bits."""


class SimCSE(TextMethod):
    r"""Two encodings of one text attract each other and repel those of all other texts in the batch.

    Split: x and y are the same text, which the network encodes twice with different dropout (``views="dropout"``), or
    two stretches of it (``views="crop"``). Pairs of texts are their own views, such as a premise and what follows from
    it; a third text, such as one that contradicts, is a hard negative. Loss, for embeddings x, y and negatives z, with
    s the cosine similarity:

    .. math:: L_i = -\log \frac{\exp(s(x_i, y_i)/\tau)}{\sum_j \exp(s(x_i, y_j)/\tau) + \sum_j \exp(s(x_i, z_j)/\tau)}

    A text that stands in a batch more than once is no negative of itself, and its partners in other pairs are no
    negatives of it.

    Parameters
    ----------
    views : {"dropout", "crop"}, default "dropout"
        What makes the two encodings of a single text differ.
    temperature : float, default 0.05
        τ.
    pooling : {"auto", "mean", "cls", "last"}, default "auto"
        The vector of a text: the mean of its tokens', or that of the first or last. ``"auto"`` leaves it as the encoder
        has it, which is the mean for one of our own.

    Notes
    -----
    =============  =======================================================
    instances      what happens
    =============  =======================================================
    text           unsupervised: two encodings of it are a pair
    (text, text)   supervised: the two are a pair
    triple         supervised: the third is a negative, for all of the batch
    =============  =======================================================

    It refines an encoder that knows the language: start from a trained one, ``encoder="run/model"``, with a small
    learning rate. From scratch it learns little.

    References
    ----------
    .. [1] Gao, Yao & Chen, SimCSE: Simple Contrastive Learning of Sentence Embeddings, EMNLP 2021.

    Examples
    --------
    >>> texts = ["the dog barks", "the cat runs away", "it rains", "the sun is out"] * 4
    >>> model = SimCSE(dim=32, layers=1, heads=2, epochs=1, random_state=0, progress=False).fit(texts)
    >>> model.transform(texts).shape
    (16, 32)
    """

    principle: ClassVar[str] = "contrastive"

    minimum_rows: ClassVar[int] = 2

    views: Literal["dropout", "crop"] = "dropout"
    temperature: float = 0.05
    pooling: Literal["auto", "mean", "cls", "last"] = "auto"
    learning_rate: float = 1e-4

    def prepare(self, preprocessing: Any) -> None:
        """Check the settings."""
        super().prepare(preprocessing)
        if self.views not in ("dropout", "crop"):
            raise unknown_name("views", self.views, ["dropout", "crop"])
        if self.pooling not in (known := ("auto", *get_args(Pooling))):
            raise unknown_name("pooling", self.pooling, known)

    def build(self, encoder: Encoder) -> Network:
        """Make the vector of a text as `pooling` says; nothing is added."""
        if self.pooling != "auto":
            cast("TextEncoder", encoder).pooling = self.pooling
        self._drops = self.views == "crop" or has_dropout(encoder)
        return Network(encoder)

    def view(self, values: Any) -> Any:
        """Give the texts that are encoded: stretches of them, or themselves."""
        texts = values if isinstance(values, Tokens) else values.first
        return TokenCrop()(texts) if self.views == "crop" else texts

    def split(self, batch: Batch) -> tuple[list[Tokens], Tensor]:
        """Show one text of each pair, hide the other; say which texts are the same."""
        values = batch.values
        texts = [values] if isinstance(values, Tokens) else list(values)
        same = identical(texts)
        if len(texts) == 1:
            if not self._drops:
                raise UnlabeledError(
                    "the encoder has no dropout, so both views of a text would be the same; take views='crop', or an "
                    "encoder with dropout"
                )
            texts = [self.view(values), self.view(values)]
        return texts, same

    def loss(self, net: Network, x: list[Tokens], y: Tensor) -> Tensor:
        """Contrast the pairs, all texts encoded in one pass, so that each has a dropout mask of its own."""
        vectors = unit(net.encoder(joined_rows(x)).float()).split(len(x[0].ids))
        candidates = torch.cat([gather(part) for part in vectors[1:]])
        return find_own(vectors[0] / self.temperature, candidates, y)


@torch.no_grad()
def has_dropout(encoder: Encoder) -> bool:
    """Tell whether an encoder in training gives two vectors to a text that is in the batch twice."""
    training = encoder.training
    ids = torch.ones(2, 4, dtype=torch.long, device=next(encoder.parameters()).device)
    with own_randomness():
        first, second = encoder.train()(Tokens(ids, torch.ones_like(ids, dtype=torch.bool)))
    encoder.train(training)
    return not torch.equal(first, second)


def identical(texts: list[Tokens]) -> Tensor:
    """Number the texts of a batch so that the same text has the same number, also in another batch or process.

    The number is a polynomial of the tokens modulo 2⁶⁴; padding after them does not count. That two different texts
    share a number is not impossible, but as unlikely as for a hash of 64 bits.

    Returns
    -------
    Tensor of int64, shape (k, n)
        For the n texts that are shown, and then for those that each is compared with.
    """
    numbers = []
    for ids, mask in texts if len(texts) > 1 else texts * 2:
        powers = torch.full((ids.shape[1],), BASE, device=ids.device).cumprod(0)
        numbers.append(((ids + 1) * mask * powers).sum(1))
    return torch.stack(numbers)


def find_own(x: Tensor, candidates: Tensor, same: Tensor) -> Tensor:
    """Give the cross-entropy of finding each row's own candidate among all that do not go with the row.

    Copies of the row or of its candidate go with it, and so does the candidate of a copy of the row. A few rows at a
    time are compared, so memory grows with n.

    Parameters
    ----------
    x : Tensor, shape (n, d)
        This process's rows; scores are dot products of them with the candidates.
    candidates : Tensor, shape (m, d)
        Of all processes; the first of them are the own candidates of the rows of all processes, in order.
    same : Tensor of int64, shape (k, n)
        From `identical`: numbers of the rows' texts, and of the candidates'.
    """
    gathered = gather(same.T.contiguous()).T
    every, others = gathered[0], gathered[1:].flatten()
    places = torch.arange(len(others), device=x.device)

    def of_rows(scores: Tensor, numbers: Tensor) -> Tensor:
        shown, partner = every[numbers], others[numbers]
        copies = (others[None, :] == shown[:, None]) | (others[None, :] == partner[:, None])
        copies[:, : len(every)] |= every[None, :] == shown[:, None]  # what goes with a copy of it goes with it too
        copies &= numbers[:, None] != places[None, :]
        return torch.nn.functional.cross_entropy(scores.masked_fill(copies, -math.inf), numbers, reduction="none")

    return mean_by_rows(x, candidates, of_rows)
