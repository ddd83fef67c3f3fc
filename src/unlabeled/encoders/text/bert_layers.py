"""Transformer layers in BERT's layout: learned positions, normalisation after each sum."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from unlabeled.encoders.layers.attention import Cache, attend, by_head, remember
from unlabeled.encoders.layers.dropout import dropout


class BertEmbeddings(nn.Module):
    """Sum of the embeddings of token, position and segment, normalised.

    The second segment begins after the first separator, so that ids alone say which text of a pair a token is of.

    Parameters
    ----------
    vocabulary, length, dim : int
    separator : int
        The token that ends the first text of a pair; −1 if there is none.
    dropout : float
    """

    def __init__(self, vocabulary: int, length: int, dim: int, separator: int, dropout: float, segments: int) -> None:
        super().__init__()
        self.separator = separator if segments > 1 else -1
        self.word_embeddings = nn.Embedding(vocabulary, dim)
        self.position_embeddings = nn.Embedding(length, dim)
        self.token_type_embeddings = nn.Embedding(segments, dim)
        self.LayerNorm = nn.LayerNorm(dim, eps=1e-12)
        self.dropout = dropout

    def forward(self, ids: Tensor, positions: Tensor) -> Tensor:
        """Map token numbers, shape (n, length), to (n, length, dim)."""
        ends = ids == self.separator
        segments = ((ends.cumsum(1) - ends.long()) > 0).long()
        summed = self.word_embeddings(ids) + self.token_type_embeddings(segments) + self.position_embeddings(positions)
        return dropout(self.LayerNorm(summed), self.dropout, self.training)


class BertLayer(nn.Module):
    """Self-attention and two linear layers, each added to its input and normalised. Weights have BERT's names.

    Parameters
    ----------
    dim, heads, hidden : int
        Width, number of attention heads, width between the two linear layers.
    dropout : float
    """

    def __init__(self, dim: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.attention = nn.ModuleDict(
            {
                "self": nn.ModuleDict({name: nn.Linear(dim, dim) for name in ("query", "key", "value")}),
                "output": _sum(dim, dim),
            }
        )
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(dim, hidden)})
        self.output = _sum(hidden, dim)

    def forward(self, x: Tensor, seen: Tensor | None, rotation: Any, cache: Cache | None, number: int) -> Tensor:
        """Map (n, length, dim) to the same shape; `rotation` is for other layouts and not used."""
        parts: Any = self.attention["self"]
        q, k, v = (by_head(parts[name](x), self.heads) for name in ("query", "key", "value"))
        k, v = remember(cache, number, k, v)
        x = self._added(self.attention["output"], attend(q, k, v, seen, self.dropout if self.training else 0.0), x)
        intermediate: Any = self.intermediate
        return self._added(self.output, F.gelu(intermediate["dense"](x)), x)

    def _added(self, part: Any, change: Tensor, x: Tensor) -> Tensor:
        added: Tensor = part["LayerNorm"](dropout(part["dense"](change), self.dropout, self.training) + x)
        return added


def _sum(inputs: int, outputs: int) -> nn.ModuleDict:
    return nn.ModuleDict({"dense": nn.Linear(inputs, outputs), "LayerNorm": nn.LayerNorm(outputs, eps=1e-12)})


def bert_config(**sizes: Any) -> dict[str, Any]:
    """Give the configuration with which transformers reads these weights."""
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "vocab_size": sizes["vocabulary"],
        "hidden_size": sizes["dim"],
        "num_hidden_layers": sizes["layers"],
        "num_attention_heads": sizes["heads"],
        "intermediate_size": sizes["hidden"],
        "max_position_embeddings": sizes["length"],
        "type_vocab_size": sizes["segments"],
        "hidden_act": "gelu",
        "hidden_dropout_prob": sizes["dropout"],
        "attention_probs_dropout_prob": sizes["dropout"],
        "layer_norm_eps": 1e-12,
        "pad_token_id": sizes["pad"],
        "is_decoder": sizes["causal"],
        "use_cache": sizes["causal"],
    }


def fits_bert_layout(config: dict[str, Any]) -> bool:
    """Say whether a configuration of transformers describes what `BertLayer` computes."""
    plain = {
        "model_type": "bert",
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-12,
        "position_embedding_type": "absolute",
        "add_cross_attention": False,
    }
    same_dropout = config.get("hidden_dropout_prob", 0.1) == config.get("attention_probs_dropout_prob", 0.1)
    return same_dropout and all(config.get(key, value) == value for key, value in plain.items())
