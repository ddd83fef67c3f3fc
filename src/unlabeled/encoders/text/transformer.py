"""A small transformer for texts, which reads in one direction or both."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from torch import Tensor, nn

from unlabeled.data.text.tokenization.tokens import Tokens
from unlabeled.encoders.layers.attention import Cache, positions_of, visible
from unlabeled.encoders.text.bert_layers import BertEmbeddings, BertLayer, bert_config
from unlabeled.encoders.text.llama_layers import LlamaLayer, llama_config, rotation_of
from unlabeled.encoders.text.text_encoder import Pooling, TextEncoder
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.files import write_json
from unlabeled.modalities.text import TextPreprocessing

Positions = Literal["learned", "rotary"]


class Transformer(TextEncoder):
    """Layers of self-attention over the tokens of a text.

    With learned positions it is BERT's network, weights under BERT's names; with rotary positions it is Llama's. So
    the folder of a saved encoder is one that `transformers.AutoModel` loads as it is, and gives the same vectors.

    Parameters
    ----------
    preprocessing : TextPreprocessing
    dim : int, default 256
        Width; length of the vectors.
    layers : int, default 4
    heads : int, default 4
        Attention heads a layer.
    hidden : int, optional
        Width between the two linear layers of a layer; by default 4 `dim`, and with rotary positions, which have three
        linear layers, ⅔ of that.
    causal : bool, default False
        Whether a token sees only what is before it.
    positions : {"learned", "rotary"}, default "learned"
    pooling : {"mean", "cls", "last"}, default "mean"
    normalise : bool, default False
    dropout : float, default 0.1
        In training, of embeddings, attention weights and what each layer adds.
    length : int, optional
        Most positions; by default the preprocessing's.
    segments : int, default 2
        Kinds of segment, for learned positions: 2 tell the texts of a pair apart.
    """

    architecture = "transformer"

    def __init__(
        self,
        preprocessing: TextPreprocessing,
        *,
        dim: int = 256,
        layers: int = 4,
        heads: int = 4,
        hidden: int | None = None,
        causal: bool = False,
        positions: Positions = "learned",
        pooling: Pooling = "mean",
        normalise: bool = False,
        dropout: float = 0.1,
        length: int | None = None,
        segments: int = 2,
    ) -> None:
        super().__init__(preprocessing, pooling=pooling, normalise=normalise)
        if positions not in ("learned", "rotary"):
            raise unknown_name("kind of positions", positions, ["learned", "rotary"])
        if dim % heads or (dim // heads) % 2:
            raise UnlabeledError(f"dim={dim} cannot be shared among {heads} heads, each an even number wide")
        if hidden is None:
            hidden = 4 * dim if positions == "learned" else -(-8 * dim // 3 // 32) * 32
        tokenizer = preprocessing.tokenizer
        self.dim, self.heads, self.causal, self.positions = dim, heads, causal, positions
        self.length = length or preprocessing.length
        self.sizes = {"dim": dim, "layers": layers, "heads": heads, "hidden": hidden, "dropout": dropout}
        self.sizes |= {"segments": segments}
        vocabulary, shape = len(tokenizer), (dim, heads, hidden, dropout)
        tokenizer.check_fits(vocabulary)
        # The children have the names of the layout, so the state of this module is the checkpoint.
        if positions == "learned":
            # What is read in one direction is no pair: a separator in it ends a document, and another begins.
            pairs = "sep" in tokenizer.special and not causal
            separator = tokenizer.special_id("sep") if pairs else -1
            self.embeddings = BertEmbeddings(vocabulary, self.length, dim, separator, dropout, segments)
            self.encoder = nn.ModuleDict({"layer": nn.ModuleList(BertLayer(*shape) for _ in range(layers))})
        else:
            self.embed_tokens = nn.Embedding(vocabulary, dim)
            self.drop = nn.Dropout(dropout)
            self.layers = nn.ModuleList(LlamaLayer(*shape) for _ in range(layers))
            self.norm = nn.RMSNorm(dim, eps=1e-6)
        self.apply(_initialise)

    def settings(self) -> dict[str, Any]:
        """Give sizes, direction, positions and pooling."""
        how = {"causal": self.causal, "positions": self.positions, "length": self.length}
        return {**self.sizes, **how, **super().settings()}

    @property
    def word_embeddings(self) -> nn.Embedding:
        """The vectors of the tokens, which a language model uses again to predict them."""
        return self.embeddings.word_embeddings if self.positions == "learned" else self.embed_tokens

    def hidden_states(self, values: Tokens, cache: Cache | None = None) -> list[Tensor]:
        """Give the vectors of all tokens before the first layer and after each.

        Parameters
        ----------
        values : Tokens, shape (n, length)
            With a cache the ids are those of the new tokens alone, and the mask that of the old ones and the new.
        cache : list, optional
            Keys and values of the tokens read before; those of the new ones are appended.

        Raises
        ------
        UnlabeledError
            If a text is longer than the window.
        """
        ids, mask = values
        if mask.shape[1] > self.length and (longest := int(mask.sum(1).max())) > self.length:
            raise UnlabeledError(f"a text of {longest} tokens came to an encoder with a window of {self.length}")
        new = ids.shape[1]
        stack: Any = self.layers if self.positions == "rotary" else self.encoder["layer"]
        positions = positions_of(mask)[:, -new:]
        seen = visible(mask, new, self.causal)
        rotation = None
        if self.positions == "learned":
            x = self.embeddings(ids, positions)
        else:
            x = self.drop(self.embed_tokens(ids))
            rotation = rotation_of(positions, self.dim // self.heads)
        found = [x]
        for number, layer in enumerate(stack):
            x = layer(x, seen, rotation, cache, number)
            found.append(x)
        if self.positions == "rotary":
            found[-1] = self.norm(x)
        return found

    def write_companions(self, folder: Path) -> None:
        """Write the tokenizer, and the configuration with which `transformers.AutoModel` loads the weights."""
        super().write_companions(folder)
        sizes = {**self.sizes, "length": self.length, "causal": self.causal, "pad": self.preprocessing.tokenizer.pad}
        sizes["vocabulary"] = self.word_embeddings.num_embeddings
        config = bert_config(**sizes) if self.positions == "learned" else llama_config(**sizes)
        write_json(folder / "config.json", {**config, "dtype": "float32"})


def _initialise(module: nn.Module) -> None:
    """Draw weights from N(0, 0.02²), as BERT and GPT do."""
    if isinstance(module, (nn.Linear, nn.Embedding)):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
