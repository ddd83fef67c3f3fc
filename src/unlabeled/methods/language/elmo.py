"""ELMo: two language models, one from left to right and one from right to left."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from unlabeled.data.batch import Batch
from unlabeled.data.instances import Instances
from unlabeled.data.text.text_windows import Windows
from unlabeled.data.text.tokenization.tokens import Tokens
from unlabeled.encoders import Encoder, Network
from unlabeled.encoders.text.lstm import LSTM
from unlabeled.errors import UnlabeledError
from unlabeled.methods.language.gpt import token_logits
from unlabeled.methods.language.token_loss import loss_beside_entropy, mean_over_rows
from unlabeled.processes import world_size
from unlabeled.training.bases.text_method import TextMethod


class ELMo(TextMethod):
    r"""Two recurrent networks predict each token, one from what is before it and one from what is after it.

    Split: x is the text without the token, y the token. Loss, for a text of tokens t:

    .. math:: L = -\tfrac{1}{2} \sum_i \big(\log p(t_i \mid t_1 \dots t_{i-1})
              + \log p(t_i \mid t_{i+1} \dots t_T)\big) / (T - 1)

    The two share the tokens' embeddings, which also score the predictions, and nothing else. A token's vector is a mix
    of the layers of both, which a task may learn (see `unlabeled.evaluation.fine_tune`); as it stands it is
    their mean.

    `dim` is the length of a token's vector, half of it from each direction.

    Attributes
    ----------
    tokenizer_ : SubwordTokenizer

    References
    ----------
    .. [1] Peters et al., Deep Contextualized Word Representations, NAACL 2018.

    Examples
    --------
    >>> texts = ["the dog barks at the cat", "the cat runs from the dog"] * 8
    >>> model = ELMo(dim=32, layers=2, length=16, epochs=2, random_state=0, progress=False).fit(texts)
    >>> model.transform(texts).shape
    (16, 32)
    >>> model.transform_tokens(["the dog"])[0].shape
    (4, 32)
    """

    principle: ClassVar[str] = "generative"

    layers: int = 2

    def own_encoder(self, preprocessing: Any) -> Encoder:
        """Make two recurrent networks."""
        if self.dim % 2:
            raise UnlabeledError(f"each direction makes half of a vector, so dim must be even, got {self.dim}")
        return LSTM(preprocessing, width=self.dim // 2, layers=self.layers, dropout=self.usual_dropout)

    def idle_settings(self) -> list[tuple[tuple[str, ...], str]]:
        """Name the heads too."""
        return [*super().idle_settings(), (("heads",), "is for attention, which recurrent networks do not have")]

    def build(self, encoder: Encoder) -> Network:
        """Predict with the encoder's own embeddings of the tokens."""
        if not isinstance(encoder, LSTM):
            raise UnlabeledError(
                f"ELMo needs the encoder 'lstm', which keeps the directions apart, not {encoder.architecture!r}"
            )
        # The mix is for tasks that come later. Processes would wait for its gradient, and here nothing teaches it.
        for parameter in (encoder.mix, encoder.scale):
            parameter.requires_grad_(world_size() == 1)
        return Network(encoder)

    def training_instances(self, instances: Any) -> Instances:
        """Learn from windows over the stream of all texts."""
        return Windows(self.all_texts(instances), instances.tokenizer, instances.length)

    def split(self, batch: Batch) -> tuple[Tokens, Tensor]:
        """Show the tokens; hide from each direction what is ahead of it."""
        return batch.values, batch.values.ids

    def loss(self, net: Network, x: Tokens, y: Tensor) -> Tensor:
        """Compare the predictions of both directions with the tokens."""
        encoder: Any = net.encoder
        left, right = (states[-1] for states in encoder.directions(x))
        counted = x.mask[:, 1:]
        losses = []
        for states, truth in ((left[:, :-1], y[:, 1:]), (right[:, 1:], y[:, :-1])):
            scores = token_logits(encoder, states)
            loss = F.cross_entropy(scores.flatten(0, 1), truth.flatten(), reduction="none")
            losses.append(mean_over_rows(loss.view_as(truth), counted))
        return torch.stack(losses).mean()

    def report(self, instances: Any) -> list[dict[str, Any]]:
        """Show the loss beside that of knowing only how frequent tokens are."""
        return loss_beside_entropy(self.history_, self.training_instances(instances))

    @torch.no_grad()
    def transform_tokens(self, X: Any) -> list[NDArray[np.float32]]:
        """Give the vectors of all tokens of each text, special ones included, shape (tokens, dim); of pairs the first.

        Parameters
        ----------
        X : as in `fit`
        """
        self.check_fitted()
        encoder: Any = self.encoder_.eval()
        device = next(encoder.parameters()).device
        instances = self.open(X)
        found = []
        for batch in instances.batches(torch.arange(len(instances)).split(self.batch_size)):
            values = batch.to(device).values
            vectors, mask = encoder.features(getattr(values, "first", values))
            found += [row[real].cpu().numpy() for row, real in zip(vectors, mask, strict=True)]
        return found
