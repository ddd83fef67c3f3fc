"""An encoder of texts that reads them window by window."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from unlabeled.data.batch import rows_of
from unlabeled.data.text.tokenization.tokens import Tokens
from unlabeled.encoders.encoder import Encoder, from_description
from unlabeled.encoders.features import Features
from unlabeled.encoders.text.text_encoder import Pooling, TextEncoder
from unlabeled.errors import UnlabeledError
from unlabeled.modalities.text import TextPreprocessing


class WindowedText(TextEncoder):
    """Encodes each window of a text by itself, so that a token knows its window only.

    A token that several windows share has the mean of its vectors in them. Windows of padding alone are not computed.

    Parameters
    ----------
    preprocessing : TextPreprocessing
        Of whole texts.
    encoder : TextEncoder or dict
        The encoder of a window, or its description.
    size : int
        Tokens of a window.
    stride : int
        From one window to the next, at most `size`.
    pooling : {"mean", "cls", "last"}, default "mean"
        Of the tokens of the whole text.
    normalise : bool, default False

    Raises
    ------
    UnlabeledError
        If windows leave tokens out.
    """

    architecture = "windowed_text"
    weights_file = Encoder.weights_file  # it is no model of transformers

    def __init__(
        self,
        preprocessing: TextPreprocessing,
        *,
        encoder: Encoder | dict[str, Any],
        size: int,
        stride: int,
        pooling: Pooling = "mean",
        normalise: bool = False,
    ) -> None:
        super().__init__(preprocessing, pooling=pooling, normalise=normalise)
        if stride > size:
            raise UnlabeledError(
                f"windows of {size} tokens, {stride} apart, leave tokens out; stride must be at most {size}"
            )
        part = preprocessing.part(size)
        inner = encoder if isinstance(encoder, Encoder) else from_description(encoder, part)
        assert isinstance(inner, TextEncoder)
        self.inner, self.size, self.stride, self.dim = inner, size, stride, inner.dim

    def settings(self) -> dict[str, Any]:
        """Give the inner encoder's description, size, stride and pooling."""
        windows = {"encoder": self.inner.describe(), "size": self.size, "stride": self.stride}
        return {**windows, **super().settings()}

    def windows(self, values: Tokens) -> tuple[Tensor, Tensor]:
        """Map texts to a vector for each window, and say which windows are real.

        Returns
        -------
        Tensor, shape (n, windows, dim)
            What is no real window has the vector 0.
        Tensor of bool, shape (n, windows)
        """
        cut, real = self._cut(values)
        encoded: Tensor = self.inner(cut)
        vectors = encoded.new_zeros(*real.shape, self.dim)
        vectors[real] = encoded
        return vectors, real

    def hidden_states(self, values: Tokens) -> list[Tensor]:
        """Give the vectors of all tokens, shape (n, length, dim), before the first layer and after each."""
        cut, real = self._cut(values)
        return [self._in_text(states, cut.mask, real, values) for states in self.inner.hidden_states(cut)]

    def features(self, values: Tokens) -> Features:
        """Give the vectors of all tokens, and the mask of those that are real."""
        cut, real = self._cut(values)
        return Features(self._in_text(self.inner.features(cut).vectors, cut.mask, real, values), values.mask)

    def _cut(self, values: Tokens) -> tuple[Tokens, Tensor]:
        """Give the m real windows, shape (m, size), and where they are, shape (n, windows).

        A window is real if it holds a token that those before it do not.
        """
        cut: Tokens = self.preprocessing.cut(values, self.size, self.stride)
        cut = rows_of(cut, (slice(None), slice(None), 0))  # a sequence has one column
        ends = torch.arange(cut.mask.shape[1], device=cut.mask.device) * self.stride + self.size - self.stride
        ends[0] = 0  # of the windows before each
        real = values.mask.sum(1, keepdim=True) > ends
        return rows_of(cut, real), real

    def _in_text(self, states: Tensor, mask: Tensor, real: Tensor, values: Tokens) -> Tensor:
        """Bring the vectors of the windows' tokens, shape (m, size, dim), to their places in the texts."""
        n, length = values.mask.shape
        text, window = real.nonzero(as_tuple=True)
        places = (window * self.stride)[:, None] + torch.arange(self.size, device=mask.device)
        rows = (text[:, None] * length + places)[mask]
        found = states.new_zeros(n * length, states.shape[-1]).index_add(0, rows, states[mask])
        counts = states.new_zeros(n * length).index_add(0, rows, states.new_ones(len(rows)))
        return (found / counts.clamp_min(1)[:, None]).view(n, length, -1)
