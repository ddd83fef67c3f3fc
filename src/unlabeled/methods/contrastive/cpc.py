"""CPC: contrastive predictive coding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from unlabeled.data.batch import Batch
from unlabeled.encoders import Encoder, Network, Windows, make_encoder
from unlabeled.encoders.encoder import from_description
from unlabeled.encoders.make import brings_weights
from unlabeled.errors import UnlabeledError
from unlabeled.losses import info_nce
from unlabeled.modalities import Preprocessing
from unlabeled.training.bases.self_supervised import SelfSupervised

ROUND = 4
"""What a default window is a multiple of."""


class CPC(SelfSupervised):
    r"""From the windows seen so far, tell which window comes next, among windows of all places and instances.

    Split: an instance is cut into overlapping windows: an image into a grid of squares, read from top to bottom, a
    vector, taken as a sequence, into stretches, read from left to right. x is the windows up to a step s, and y those
    that come 1, 2, …, K steps later. A recurrent network sums up what was seen, c, and a linear map for each k predicts
    the window's vector z. Loss, with z′ the windows at that step of the whole batch:

    .. math:: L = -\frac1K \sum_k \log \frac{\exp(\cos(W_k c_s, z_{s+k})/\tau)}{\sum_{z'} \exp(\cos(W_k c_s, z')/\tau)}

    log N − L, with N windows compared, bounds the information that the past gives of the future from below.

    Parameters
    ----------
    window : int, optional
        Pixels along a side of a square, or columns of a stretch; by default half of the instance, from 8 on a multiple
        of 4, into which patches fit.
    stride : int, optional
        From one window to the next; by default half of the window.
    ahead : int, default 2
        K, steps that are predicted; fewer where there are not so many windows.
    temperature : float, default 0.1
        τ.

    See Also
    --------
    unlabeled.losses.mutual_information_bound : The bound.

    References
    ----------
    .. [1] van den Oord, Li & Vinyals, Representation Learning with Contrastive Predictive Coding, 2018.

    Examples
    --------
    >>> import numpy as np
    >>> waves = np.sin(np.linspace(0, 6, 32) + np.random.default_rng(0).uniform(0, 6, (64, 1)))
    >>> model = CPC(window=8, epochs=1, random_state=0, progress=False).fit(waves)
    >>> model.transform(waves).shape
    (64, 128)
    """

    principle: ClassVar[str] = "contrastive"

    # Without normalisation over the batch, whose statistics would tell of the windows to be predicted.
    auto_encoder: ClassVar[Mapping[str, str]] = {"image": "conv:layer"}
    minimum_rows: ClassVar[int] = 2

    window: int | None = None
    stride: int | None = None
    ahead: int = 2
    temperature: float = 0.1

    def build(self, encoder: Encoder) -> Network:
        """Encode windows, and add the recurrent network and a map for each step ahead."""
        length = encoder.preprocessing.shape[-1]
        half = max(1, length // 2)
        size = self.window if self.window is not None else half - half % ROUND * (half >= 2 * ROUND)
        stride = self.stride if self.stride is not None else max(1, size // 2)
        if self.ahead < 1 or size < 1 or stride < 1:
            raise UnlabeledError(f"window, stride and ahead must be at least 1, not {size}, {stride} and {self.ahead}")
        steps = (length - size) // stride + 1 if size <= length else 0
        if steps < 2:
            raise UnlabeledError(
                f"windows of {size}, {stride} apart, do not fit twice into {length} "
                f"{'feature(s)' if length == 1 else 'pixels or columns'}, so there is no next one to predict; "
                "choose a smaller window or stride"
            )
        inner = self._of_windows(encoder, encoder.preprocessing.part(size))
        if {key: value.shape for key, value in inner.state_dict().items()} == {
            key: value.shape for key, value in encoder.state_dict().items()
        }:
            inner.load_state_dict(encoder.state_dict())  # a given encoder that takes any size keeps what it has learnt
        elif brings_weights(self.encoder):
            raise UnlabeledError(
                f"what encoder {encoder.architecture!r} has learnt fits whole instances and not windows of {size}; "
                "take one for any size, such as 'conv', or an untrained one by its name"
            )
        windows = Windows(encoder.preprocessing, encoder=inner, size=size, stride=stride)
        maps = [nn.Linear(inner.dim, inner.dim) for _ in range(min(self.ahead, steps - 1))]
        return Network(windows, context=nn.GRU(inner.dim, inner.dim, batch_first=True), predictor=nn.ModuleList(maps))

    def _of_windows(self, encoder: Encoder, part: Preprocessing) -> Encoder:
        """Build the encoder's architecture for windows."""
        try:
            return from_description(encoder.describe(), part)
        except UnlabeledError:
            # A patch that divides the whole may not divide a window; by its name alone a transformer chooses another.
            # Windows that are too small for the default encoder get a transformer too.
            return make_encoder("vit" if self.encoder == "auto" else self._encoder_specification(part), part)

    def split(self, batch: Batch) -> tuple[Any, Any]:
        """Give the instances: each of their windows is shown to what comes before it hides."""
        return batch.values, None

    def loss(self, net: Network, x: Tensor, y: None) -> Tensor:
        """Find the windows ahead among those of the batch."""
        assert isinstance(net.encoder, Windows)
        z = net.encoder.windows(x).transpose(1, 2).flatten(0, 1)  # a sequence for each column of each instance
        c, _ = net.context(z)
        losses = []
        for k, predict in enumerate(net.predictor.children(), start=1):
            predicted, true = predict(c[:, :-k]), z[:, k:]
            losses.append(info_nce(predicted.flatten(0, 1), true.flatten(0, 1), self.temperature))
        return torch.stack(losses).mean()
