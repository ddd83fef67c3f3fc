"""Attention between the tokens of a text, layer by layer and head by head."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from unlabeled.data.text.tokenization.tokens import Tokens
from unlabeled.encoders import Encoder
from unlabeled.encoders.layers.attention import by_head, positions_of, visible
from unlabeled.encoders.text.llama_layers import rotated, rotation_of
from unlabeled.encoders.text.pretrained_text import PretrainedText
from unlabeled.encoders.text.transformer import Transformer
from unlabeled.errors import UnlabeledError
from unlabeled.explore.inside.layer_outputs import captured


@torch.no_grad()
def token_attention(encoder: Encoder, values: Tokens) -> Tensor:
    r"""Give the attention of every token to every other, softmax of :math:`q \cdot k / \sqrt d`.

    Parameters
    ----------
    encoder : Encoder
        A transformer over texts, in evaluation mode.
    values : Tokens, shape (n, length)

    Returns
    -------
    Tensor, shape (n, layers, heads, length, length)
        Rows, the tokens that attend, sum to 1; padding is never attended to.

    Raises
    ------
    UnlabeledError
        If the encoder has no attention.
    """
    if isinstance(encoder, Transformer):
        return _of_transformer(encoder, values)
    if isinstance(encoder, PretrainedText):
        return _of_pretrained(encoder, values)
    raise UnlabeledError(f"an encoder {encoder.architecture!r} has no attention to show")


def _of_transformer(encoder: Transformer, values: Tokens) -> Tensor:
    rotary = encoder.positions == "rotary"
    layers: Any = encoder.layers if rotary else encoder.encoder["layer"]
    parts: dict[str, Any] = {}
    for number, layer in enumerate(layers):
        of_layer = layer.self_attn if rotary else layer.attention["self"]
        query, key = ("q_proj", "k_proj") if rotary else ("query", "key")
        parts |= {f"{number} query": of_layer[query], f"{number} key": of_layer[key]}
    with captured(parts) as kept:
        encoder.hidden_states(values)
    seen = visible(values.mask, values.mask.shape[1], encoder.causal)
    found = []
    for number in range(len(layers)):
        q, k = (by_head(kept[f"{number} {name}"], encoder.heads) for name in ("query", "key"))
        if rotary:
            rotation = rotation_of(positions_of(values.mask), q.shape[-1])
            q, k = rotated(q, rotation), rotated(k, rotation)
        scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
        if seen is not None:
            scores = scores.masked_fill(~seen, -torch.inf)
        found.append(scores.softmax(-1))
    return torch.stack(found, 1)


def _of_pretrained(encoder: PretrainedText, values: Tokens) -> Tensor:
    config = encoder.body.config
    before = config._attn_implementation
    encoder.body.set_attn_implementation("eager")  # the others do not give their weights
    try:
        found = encoder.body(input_ids=values.ids, attention_mask=values.mask.long(), output_attentions=True).attentions
    finally:
        encoder.body.set_attn_implementation(before)
    if not found:
        raise UnlabeledError(f"a model {config.model_type!r} of transformers gives no attention to show")
    return torch.stack(list(found), 1)
