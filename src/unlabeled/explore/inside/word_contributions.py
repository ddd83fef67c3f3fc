"""Which words make two texts similar, as an encoder sees them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from unlabeled.data.text.text_columns import whole_characters
from unlabeled.data.text.tokenization.tokens import Tokens, padded
from unlabeled.errors import UnlabeledError

_WORD = re.compile(r"\S+")


@dataclass(frozen=True)
class TextInWords:
    """A text as an encoder reads it, with the words that its tokens are of.

    Attributes
    ----------
    values : Tokens, shape (1, length)
    words : list of str
        What stands between white space, as far as the window reaches; special tokens are words of their own.
    word : ndarray of int64, shape (length,)
        The word of each token.
    """

    values: Tokens
    words: list[str]
    word: NDArray[np.int64]

    @classmethod
    def read(cls, text: str, preprocessing: Any) -> TextInWords:
        """Cut a text into tokens and into words.

        Raises
        ------
        UnlabeledError
            If the text has no token.
        """
        text, tokenizer = whole_characters(text), preprocessing.tokenizer
        ids, places = tokenizer.encode_with_places([text])[0]
        if not len(ids):
            raise UnlabeledError(f"{text!r:.80} holds no word")
        row = tokenizer.with_special_tokens(ids, preprocessing.length)
        before = len(tokenizer.with_special_tokens(ids[:0], preprocessing.length)) - len(tokenizer.closing_tokens)
        kept = len(row) - tokenizer.tokens_added
        starts = np.array([match.start() for match in _WORD.finditer(text)])
        # A token may begin with the blank before its word, and so belongs to the word that it ends in.
        of_word = np.searchsorted(starts, places[:kept, 1] - 1, side="right") - 1
        order, number = np.unique(np.maximum(of_word, 0), return_inverse=True)
        found = _WORD.findall(text)
        words = [tokenizer.token(i) for i in row[:before]]
        words += [found[i] for i in order.tolist()]
        words += [tokenizer.token(i) for i in row[before + kept :]]
        after = before + len(order) + np.arange(len(row) - before - kept)
        return cls(padded([row], tokenizer.pad), words, np.concatenate([np.arange(before), before + number, after]))


@torch.no_grad()
def pair_contributions(encoder: Any, first: TextInWords, second: TextInWords) -> NDArray[np.float64]:
    r"""Share the cosine of two texts among the pairs of their words.

    The vector of a text is the mean of its tokens' vectors h, so the cosine is a sum over pairs of tokens:

    .. math:: \cos(x, y) = \sum_{ij} \frac{h_i \cdot h_j}{T_x T_y \lVert x \rVert \lVert y \rVert}

    The contribution of two words is the sum over their tokens. Tokens have read the whole text, so a contribution says
    where the similarity stands and not only what put it there; see `omission_effects`.

    Parameters
    ----------
    encoder : Encoder
        Of texts, that takes the mean over tokens; in evaluation mode, on any device.
    first, second : TextInWords

    Returns
    -------
    ndarray of float64, shape (words of the first, words of the second)
        Its sum is the cosine.

    Raises
    ------
    UnlabeledError
        If the encoder makes the vector of a text in another way.
    """
    if encoder.pooling != "mean":
        raise UnlabeledError(
            f"only a mean of tokens is a sum over pairs of words; this encoder pools by {encoder.pooling!r}"
        )
    parts = []
    for text in (first, second):
        vectors = encoder.features(_beside(encoder, text.values)).vectors[0].cpu().double().numpy()
        of_words = np.zeros((len(text.words), vectors.shape[1]))
        np.add.at(of_words, text.word, vectors)
        parts.append(of_words / np.linalg.norm(vectors.sum(0)))
    return np.asarray(parts[0] @ parts[1].T)


@torch.no_grad()
def omission_effects(encoder: Any, text: TextInWords, other: TextInWords) -> NDArray[np.float64]:
    """Say by how much the cosine to another text falls when a word is left out.

    Parameters
    ----------
    encoder : Encoder
        Of texts; in evaluation mode, on any device.
    text, other : TextInWords

    Returns
    -------
    ndarray of float64, shape (words,)
        Positive for words that make the texts similar; 0 for special tokens, which are never left out.
    """
    special = set(encoder.preprocessing.tokenizer.special_ids)
    ids = text.values.ids[0].numpy()
    left_out = [w for w in range(len(text.words)) if not set(ids[text.word == w].tolist()) <= special]
    rows = [ids, *(ids[text.word != w] for w in left_out)]
    pad = encoder.preprocessing.tokenizer.pad
    parts = [padded(rows[start : start + 32], pad) for start in range(0, len(rows), 32)]
    target = encoder(_beside(encoder, other.values))
    cosines = torch.cat([F.cosine_similarity(encoder(_beside(encoder, part)), target) for part in parts])
    effects = np.zeros(len(text.words))
    effects[left_out] = (cosines[0] - cosines[1:]).cpu().double().numpy()
    return effects


def _beside(encoder: Any, values: Tokens) -> Tokens:
    """Give tokens on the device of the encoder."""
    device = next(encoder.parameters()).device
    return Tokens(*(part.to(device) for part in values))
