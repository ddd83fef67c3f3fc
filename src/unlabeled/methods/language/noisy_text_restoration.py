"""TSDAE: restore a text from the vector of a damaged copy."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn
from torch.nn import functional as F

from unlabeled.data.batch import Batch
from unlabeled.data.text.tokenization.tokens import Tokens, joined_rows
from unlabeled.encoders import Encoder, Network
from unlabeled.encoders.layers.attention import positions_of, visible
from unlabeled.encoders.text.llama_layers import LlamaLayer, rotation_of
from unlabeled.methods.language.gpt import check_scores_tokens, token_logits
from unlabeled.methods.language.token_loss import mean_over_rows
from unlabeled.training.bases.text_method import TextMethod
from unlabeled.views.text import TokenDeletion


class NoisyTextRestoration(TextMethod):
    r"""Most words of a text are deleted, and the whole text is to be written from one vector of the rest (TSDAE).

    Split: x is the text without a random 60 % of its tokens, y the whole text. With z the vector of x:

    .. math:: L = -\frac{1}{T - 1} \sum_{i=2}^{T} \log p(t_i \mid t_1, \dots, t_{i-1}, z)

    A decoder writes the text. All it knows of the damaged copy is z, so z must hold the meaning of the sentence.

    Parameters
    ----------
    deletion : float, default 0.6
        Share of the tokens that are deleted; at least one is left.
    decoder_layers : int, default 1
        A deep decoder can guess a text from its beginning and needs z less.

    References
    ----------
    .. [1] Wang, Reimers & Gurevych, TSDAE: Using Transformer-based Sequential Denoising Auto-Encoder for Unsupervised
       Sentence Embedding Learning, EMNLP Findings 2021.

    Examples
    --------
    >>> texts = ["the dog barks at the cat", "the cat runs from the dog"] * 8
    >>> model = NoisyTextRestoration(dim=32, layers=1, heads=2, epochs=2, random_state=0, progress=False).fit(texts)
    >>> model.transform(texts).shape
    (16, 32)
    """

    principle: ClassVar[str] = "generative"

    deletion: float = 0.6
    decoder_layers: int = 1

    def build(self, encoder: Encoder) -> Network:
        """Add a decoder that reads the vector at every layer."""
        check_scores_tokens(encoder, "NoisyTextRestoration")
        return Network(encoder, decoder=VectorDecoder(encoder.dim, self.decoder_layers, self.usual_dropout))

    def split(self, batch: Batch) -> tuple[Tokens, Tokens]:
        """Show a damaged copy, hide the text; of pairs and triples each text is one."""
        values = batch.values
        texts = values if isinstance(values, Tokens) else joined_rows(list(values), self.tokenizer_.pad)
        return TokenDeletion(self.deletion)(texts), texts

    def loss(self, net: Network, x: Tokens, y: Tokens) -> Tensor:
        """Write the text from the vector of the damaged copy."""
        encoder: Any = net.encoder
        states = net.decoder(encoder.word_embeddings(y.ids), y.mask, encoder(x))[:, :-1]
        losses = F.cross_entropy(token_logits(encoder, states).flatten(0, 1), y.ids[:, 1:].flatten(), reduction="none")
        return mean_over_rows(losses.view_as(y.ids[:, 1:]), y.mask[:, 1:])


class VectorDecoder(nn.Module):
    """Causal transformer layers, to each of which the vector of a text is added.

    Attention over the single vector would give that vector, mapped linearly, at every place; so it is mapped and added.

    Parameters
    ----------
    dim : int
        Width, and length of the vector.
    layers : int
    dropout : float
    """

    def __init__(self, dim: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.heads = next(heads for heads in (8, 4, 2, 1) if dim % (2 * heads) == 0)
        self.layers = nn.ModuleList(LlamaLayer(dim, self.heads, 4 * dim, dropout) for _ in range(layers))
        self.maps = nn.ModuleList(nn.Linear(dim, dim) for _ in range(layers))
        self.norm = nn.RMSNorm(dim, eps=1e-6)

    def forward(self, embedded: Tensor, mask: Tensor, vector: Tensor) -> Tensor:
        """Map embeddings of the tokens so far, (n, length, dim), and vectors, (n, dim), to states of that shape."""
        x = embedded
        rotation = rotation_of(positions_of(mask), x.shape[-1] // self.heads)
        seen = visible(mask, mask.shape[1], causal=True)
        for layer, change in zip(self.layers, self.maps, strict=True):
            x = layer(x + change(vector)[:, None], seen, rotation, None, 0)
        normed: Tensor = self.norm(x)
        return normed
