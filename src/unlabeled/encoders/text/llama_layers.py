"""Transformer layers in Llama's layout: rotary positions, normalisation before each part, gated linear layers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unlabeled.encoders.layers.attention import Cache, attend, by_head, remember
from unlabeled.encoders.layers.dropout import dropout

THETA = 10_000.0
"""The slowest rotation has a wave length of about 2π times this, in tokens."""


class LlamaLayer(nn.Module):
    """Self-attention with rotary positions and a gated linear unit (SwiGLU). Weights have Llama's names.

    Parameters
    ----------
    dim, heads, hidden : int
        Width, number of attention heads, width of the gated unit.
    dropout : float
        Of what each part adds.
    """

    def __init__(self, dim: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        names = ("q_proj", "k_proj", "v_proj", "o_proj")
        self.self_attn = nn.ModuleDict({name: nn.Linear(dim, dim, bias=False) for name in names})
        self.mlp = nn.ModuleDict(
            {
                "gate_proj": nn.Linear(dim, hidden, bias=False),
                "up_proj": nn.Linear(dim, hidden, bias=False),
                "down_proj": nn.Linear(hidden, dim, bias=False),
            }
        )
        self.input_layernorm = nn.RMSNorm(dim, eps=1e-6)
        self.post_attention_layernorm = nn.RMSNorm(dim, eps=1e-6)

    def forward(self, x: Tensor, seen: Tensor | None, rotation: Any, cache: Cache | None, number: int) -> Tensor:
        """Map (n, length, dim) to the same shape; `rotation` is from `rotation_of`."""
        parts: Any = self.self_attn
        normed = self.input_layernorm(x)
        q, k, v = (by_head(parts[name](normed), self.heads) for name in ("q_proj", "k_proj", "v_proj"))
        k, v = remember(cache, number, rotated(k, rotation), v)
        mixed = attend(rotated(q, rotation), k, v, seen, self.dropout if self.training else 0.0)
        x = x + dropout(parts["o_proj"](mixed), self.dropout, self.training)
        mlp: Any = self.mlp
        normed = self.post_attention_layernorm(x)
        changed = mlp["down_proj"](F.silu(mlp["gate_proj"](normed)) * mlp["up_proj"](normed))
        return x + dropout(changed, self.dropout, self.training)


def rotation_of(positions: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Give cosine and sine of each position's angles, shape (n, 1, length, dim).

    References
    ----------
    .. [1] Su et al., RoFormer: Enhanced Transformer with Rotary Position Embedding, 2021.
    """
    halves = torch.arange(0, dim, 2, dtype=torch.float32, device=positions.device)
    angles = positions[:, None, :, None].float() * THETA ** (-halves / dim)
    angles = torch.cat([angles, angles], -1)
    return angles.cos(), angles.sin()


def rotated(x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    """Turn pairs of components (i, i + dim/2) by the angles of their token's position."""
    first, second = x.chunk(2, -1)
    cosine, sine = (part.to(x.dtype) for part in rotation)
    return x * cosine + torch.cat([-second, first], -1) * sine


def llama_config(**sizes: Any) -> dict[str, Any]:
    """Give the configuration with which transformers reads these weights."""
    return {
        "architectures": ["LlamaModel"],
        "model_type": "llama",
        "vocab_size": sizes["vocabulary"],
        "hidden_size": sizes["dim"],
        "num_hidden_layers": sizes["layers"],
        "num_attention_heads": sizes["heads"],
        "num_key_value_heads": sizes["heads"],
        "intermediate_size": sizes["hidden"],
        "max_position_embeddings": sizes["length"],
        "hidden_act": "silu",
        "rms_norm_eps": 1e-6,
        "rope_parameters": {"rope_type": "default", "rope_theta": THETA},
        "pad_token_id": sizes["pad"],
        "bos_token_id": None,
        "eos_token_id": None,
        "tie_word_embeddings": True,
        "is_causal": sizes["causal"],
    }
