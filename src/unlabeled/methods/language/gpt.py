"""GPT: predict the next token."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from unlabeled.data.batch import Batch
from unlabeled.data.instances import Instances
from unlabeled.data.text.text_columns import as_texts
from unlabeled.data.text.text_windows import Windows
from unlabeled.data.text.tokenization.subword_tokenizer import Kind
from unlabeled.data.text.tokenization.tokens import Tokens, padded
from unlabeled.encoders import Encoder, Network
from unlabeled.encoders.text.transformer import Transformer
from unlabeled.errors import UnlabeledError
from unlabeled.methods.language.token_loss import loss_beside_entropy, mean_over_rows
from unlabeled.methods.language.token_sampling import sample_token
from unlabeled.setting_checks import LARGEST_SEED, check_whole_number
from unlabeled.training.bases.text_method import TextMethod

SAMPLES = 5
"""Texts in a report."""


class GPT(TextMethod):
    r"""A network reads a text from left to right and predicts each next token.

    Split: x is what has been read, y the token after it. Loss, for a text of tokens t:

    .. math:: L = -\frac{1}{T - 1} \sum_{i=2}^{T} \log p(t_i \mid t_1, \dots, t_{i-1})

    All texts, with a token between them, are one stream cut into windows of `length` tokens. The vector of a token
    predicts through its dot products with the embeddings of all tokens. A text's vector is the mean of its tokens'.

    Attributes
    ----------
    tokenizer_ : SubwordTokenizer

    See Also
    --------
    unlabeled.BERT : Reads in both directions, which makes better vectors and cannot write.

    References
    ----------
    .. [1] Radford, Narasimhan, Salimans & Sutskever, Improving Language Understanding by Generative Pre-Training, 2018.

    Examples
    --------
    >>> texts = ["the dog barks at the cat", "the cat runs from the dog"] * 8
    >>> model = GPT(dim=32, layers=1, heads=2, length=16, epochs=2, random_state=0, progress=False).fit(texts)
    >>> model.transform(texts).shape
    (16, 32)
    >>> isinstance(model.generate("the dog", length=4, seed=0), str)
    True
    """

    principle: ClassVar[str] = "generative"

    tokenizer_kind: ClassVar[Kind] = "bpe"

    def own_encoder(self, preprocessing: Any) -> Encoder:
        """Make a causal transformer with rotary positions."""
        return Transformer(preprocessing, causal=True, positions="rotary", **self.sizes)

    def build(self, encoder: Encoder) -> Network:
        """Predict with the encoder's own embeddings of the tokens."""
        if not getattr(encoder, "causal", False):
            raise UnlabeledError(
                f"GPT needs an encoder that reads in one direction; {encoder.architecture!r} sees what it is to "
                "predict. Use encoder='auto' or a Transformer(..., causal=True)"
            )
        return Network(encoder)

    def training_instances(self, instances: Any) -> Instances:
        """Learn from windows over the stream of all texts."""
        return Windows(self.all_texts(instances), instances.tokenizer, instances.length)

    def split(self, batch: Batch) -> tuple[Tokens, Tensor]:
        """Show the tokens; hide, at each place, the one that follows."""
        return batch.values, batch.values.ids[:, 1:]

    def loss(self, net: Network, x: Tokens, y: Tensor) -> Tensor:
        """Compare the prediction at each place with the token that follows."""
        losses = F.cross_entropy(next_token_logits(net.encoder, x)[:, :-1].flatten(0, 1), y.flatten(), reduction="none")
        return mean_over_rows(losses.view_as(y), x.mask[:, 1:])

    @torch.no_grad()
    def generate(
        self,
        prompt: str | Sequence[str] = "",
        *,
        length: int = 100,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
    ) -> Any:
        """Write on from a prompt.

        Parameters
        ----------
        prompt : str or sequence of str, default ""
            Beginning of the text, or of several.
        length : int, default 100
            Most tokens to write; a text may end before.
        temperature : float, default 1
            The logits are divided by it: below 1 the likely becomes likelier. 0 always takes the likeliest token.
        top_k : int, optional
            Draw from the so many likeliest tokens only.
        top_p : float, optional
            Draw from the fewest likeliest tokens that together have at least this probability.
        seed : int, optional
            Makes the text repeatable.

        Returns
        -------
        str or list of str
            With the prompt.
        """
        self.check_fitted()
        check_whole_number("length", length)
        if seed is not None:
            check_whole_number("seed", seed, least=0, most=LARGEST_SEED)
        if prompt is None:
            raise UnlabeledError("a prompt is a text or a list of texts, not None; leave it out to begin from nothing")
        several = hasattr(prompt, "__iter__") and not isinstance(prompt, str | bytes)
        prompts = as_texts(list(prompt) if several else [prompt], "the list of prompts")
        if not prompts:
            return []
        encoder: Any = self.encoder_.eval()
        tokenizer = self.tokenizer_
        end = tokenizer.special_id("sep")
        device = next(encoder.parameters()).device
        generator = torch.Generator(device).manual_seed(seed) if seed is not None else None
        never = torch.tensor([i for i in tokenizer.special_ids if i != end], dtype=torch.long, device=device)
        # A text begins with the token that begins texts, and does not end with the one that ends them. A tokenizer
        # without the former has only the token between texts to begin with.
        closing = len(tokenizer.closing_tokens)
        framed = [tokenizer.with_special_tokens(row, 1 << 62) for row in tokenizer.encode(prompts)]
        rows = [row[: len(row) - closing] if len(row) > closing else np.array([end]) for row in framed]
        read = to_left([row[-(encoder.length - 1) :] for row in rows], tokenizer.pad)
        written: list[list[int]] = [[] for _ in prompts]
        running = torch.ones(len(prompts), dtype=torch.bool, device=device)
        ids, mask = (part.to(device) for part in read)
        cache: list[tuple[Tensor, Tensor]] = []
        new = ids
        for _ in range(length):
            if mask.shape[1] > encoder.length:
                # The window is full: read its second half afresh, and go on from there.
                kept = encoder.length // 2
                ids, mask, cache = ids[:, -kept:], mask[:, -kept:], []
                new = ids
            logits = token_logits(encoder, encoder.hidden_states(Tokens(new, mask), cache)[-1][:, -1]).float()
            logits[:, never] = -math.inf
            chosen = sample_token(logits, temperature, top_k, top_p, generator)
            running = running & (chosen != end)
            if not bool(running.any()):
                break
            for i in running.nonzero()[:, 0].tolist():
                written[i].append(int(chosen[i]))
            new = chosen[:, None]
            ids, mask = torch.cat([ids, new], 1), F.pad(mask, (0, 1), value=True)
        texts = [tokenizer.decode([*row.tolist(), *more]) for row, more in zip(rows, written, strict=True)]
        return texts[0] if isinstance(prompt, str) else texts

    def report(self, instances: Any) -> list[dict[str, Any]]:
        """Show the loss beside that of knowing only how frequent tokens are, and some texts."""
        texts = [["", text] for text in self.generate([""] * SAMPLES, length=self.length // 2, seed=0)]
        return [
            *loss_beside_entropy(self.history_, self.training_instances(instances)),
            {"title": "Samples", "caption": "Texts that the model wrote from nothing.", "lines": texts},
        ]

    @torch.no_grad()
    def perplexity(self, X: Any, stride: int | None = None) -> float:
        """Measure how well the texts are predicted: exp of the mean loss over their tokens.

        A text longer than the window is read in windows that overlap. Each token counts once, in the first window that
        holds it, so each but those of the first window has at least `length` − `stride` tokens before it.

        Parameters
        ----------
        X : as in `fit`
        stride : int, optional
            Tokens from one window to the next; half a window by default. Smaller ones give each token more to go by
            and take longer.

        Returns
        -------
        float
            The vocabulary's size where nothing is known. Its logarithm is the loss in nats a token.
        """
        self.check_fitted()
        encoder: Any = self.encoder_.eval()
        window: int = encoder.length
        stride = window // 2 if stride is None else stride
        check_whole_number("stride", stride, most=window - 1)
        device = next(encoder.parameters()).device
        total, count = 0.0, 0
        for text in self.all_texts(self.open(X)):
            row = self.tokenizer_.with_special_tokens(self.tokenizer_.encode([text])[0], 1 << 62)
            parts = list(windows_over(len(row), window, stride))
            for start in range(0, len(parts), 32):
                chosen = parts[start : start + 32]
                values = padded([row[begin:end] for begin, end, _ in chosen], self.tokenizer_.pad)
                values = Tokens(*(part.to(device) for part in values))
                logits = next_token_logits(encoder, values)[:, :-1].float()
                losses = F.cross_entropy(logits.flatten(0, 1), values.ids[:, 1:].flatten(), reduction="none")
                counted = values.mask[:, 1:].clone()
                for i, (begin, _, first) in enumerate(chosen):
                    counted[i, : first - begin - 1] = False
                total += float(losses.view_as(counted)[counted].cpu().double().sum())
                count += int(counted.sum())
        if not count:
            raise UnlabeledError("there is nothing to predict: all texts are empty")
        return math.exp(total / count)


def check_scores_tokens(encoder: Any, method: str) -> None:
    """Refuse an encoder whose vectors cannot be compared with its embeddings of tokens.

    Raises
    ------
    UnlabeledError
        If they differ in length.
    """
    width = encoder.word_embeddings.weight.shape[1]
    if width != encoder.dim:
        raise UnlabeledError(
            f"{method} scores tokens by dot products of vectors with the embeddings of tokens, and those of this "
            f"encoder ({encoder.architecture!r}) have {encoder.dim} and {width} numbers; take one in which they are of "
            "one length, such as encoder='auto'"
        )


def token_logits(encoder: Any, vectors: Tensor) -> Tensor:
    """Score every token of the vocabulary by the dot product of its embedding with a vector."""
    return F.linear(vectors, encoder.word_embeddings.weight)


def next_token_logits(encoder: Any, values: Tokens) -> Tensor:
    """Score, at every place, every token as the next one, shape (n, length, vocabulary)."""
    return token_logits(encoder, encoder.features(values).vectors)


def to_left(rows: Sequence[Any], pad: int) -> Tokens:
    """Pad lists of tokens on the left, so that all end at the same place."""
    ids, mask = padded([row[::-1] for row in rows], pad)
    return Tokens(ids.flip(1), mask.flip(1))


def windows_over(count: int, window: int, stride: int) -> Sequence[tuple[int, int, int]]:
    """Cut `count` tokens into windows; give beginning, end, and the first token that no window before has counted.

    The very first token has nothing before it and is never counted.

    Examples
    --------
    >>> windows_over(10, window=6, stride=3)
    [(0, 6, 1), (3, 9, 6), (6, 10, 9)]
    """
    found, counted, begin = [], 1, 0
    while counted < count:
        end = min(begin + window, count)
        found.append((begin, end, counted))
        counted, begin = end, begin + stride
    return found
