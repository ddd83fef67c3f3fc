"""CPC: contrastive predictive coding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from unlabeled.data.batch import Batch
from unlabeled.data.instances import Instances
from unlabeled.data.text.tokenization.tokens import single_texts
from unlabeled.encoders import Encoder, Network, Windows, make_encoder
from unlabeled.encoders.encoder import from_description
from unlabeled.encoders.make import brings_weights
from unlabeled.encoders.text.text_encoder import TextEncoder
from unlabeled.encoders.text.windowed_text import WindowedText
from unlabeled.errors import UnlabeledError
from unlabeled.losses import info_nce
from unlabeled.losses.blockwise.embedding_checks import unit
from unlabeled.losses.blockwise.row_blocks import mean_by_rows
from unlabeled.modalities import Preprocessing
from unlabeled.processes import rank
from unlabeled.training.bases.self_supervised import SelfSupervised


class CPC(SelfSupervised):
    r"""From the windows seen so far, tell which window comes next, among windows of all places and instances.

    Split: an instance is cut into windows: an image into a grid of overlapping squares, read from top to bottom, a
    vector, taken as a sequence, into overlapping stretches, read from left to right, a text into stretches of tokens
    next to each other. x is the windows up to a step s, and y those that come 1, 2, …, K steps later. A recurrent
    network sums up what was seen, c, and a linear map for each k predicts the window's vector z. Loss, with z′ the
    windows at that step of the whole batch; of texts, those that are in the same process:

    .. math:: L = -\frac1K \sum_k \log \frac{\exp(\cos(W_k c_s, z_{s+k})/\tau)}{\sum_{z'} \exp(\cos(W_k c_s, z')/\tau)}

    log N − L, with N windows compared, bounds the information that the past gives of the future from below.

    Parameters
    ----------
    window : int, optional
        Pixels along a side of a square, columns of a stretch, or tokens; by default half of the instance, from 8 on a
        multiple of 4, into which patches fit, and 16 tokens of a text.
    stride : int, optional
        From one window to the next; by default half of the window, and of texts a whole one.
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

    modalities: ClassVar[tuple[str, ...]] = ("image", "text", "vector")
    # Without normalisation over the batch, whose statistics would tell of the windows to be predicted.
    auto_encoder: ClassVar[Mapping[str, str]] = {"image": "conv:layer"}
    minimum_rows: ClassVar[int] = 2

    window: int | None = None
    stride: int | None = None
    ahead: int = 2
    temperature: float = 0.1

    def training_instances(self, instances: Any) -> Instances:
        """Learn from the instances themselves, and note how long the longest text is."""
        lengths = getattr(instances, "lengths", None)
        self._longest = None if lengths is None else int(lengths.max())
        return super().training_instances(instances)

    def build(self, encoder: Encoder) -> Network:
        """Encode windows, and add the recurrent network and a map for each step ahead."""
        about: Any = encoder.preprocessing
        size = self.window if self.window is not None else about.usual_window
        stride = self.stride if self.stride is not None else about.usual_stride(size)
        if self.ahead < 1 or size < 1 or stride < 1:
            raise UnlabeledError(f"window, stride and ahead must be at least 1, not {size}, {stride} and {self.ahead}")
        longest = getattr(self, "_longest", None)
        if longest is not None and longest <= size:
            raise UnlabeledError(
                f"the longest text has {longest} tokens, and windows have {size}, so there is no next one to predict; "
                "choose a smaller window, or longer texts"
            )
        length = about.shape[-1]
        steps = (length - size) // stride + 1 if size <= length else 0
        if steps < 2:
            raise UnlabeledError(
                f"windows of {size}, {stride} apart, do not fit twice into {length} "
                f"{'feature(s)' if length == 1 else 'pixels, columns or tokens'}, so there is no next one to predict; "
                "choose a smaller window or stride"
            )
        inner = self._of_windows(encoder, about.part(size))
        if {key: value.shape for key, value in inner.state_dict().items()} == {
            key: value.shape for key, value in encoder.state_dict().items()
        }:
            inner.load_state_dict(encoder.state_dict())  # a given encoder that takes any size keeps what it has learnt
        elif brings_weights(self.encoder):
            raise UnlabeledError(
                f"what encoder {encoder.architecture!r} has learnt fits whole instances and not windows of {size}; "
                "take one for any size, such as 'conv', or an untrained one by its name"
            )
        maps = [nn.Linear(inner.dim, inner.dim) for _ in range(min(self.ahead, steps - 1))]
        parts = {"context": nn.GRU(inner.dim, inner.dim, batch_first=True), "predictor": nn.ModuleList(maps)}
        if isinstance(inner, TextEncoder):
            return Network(WindowedText(about, encoder=inner, size=size, stride=stride), **parts)
        return Network(Windows(about, encoder=inner, size=size, stride=stride), **parts)

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

    def loss(self, net: Network, x: Any, y: None) -> Tensor:
        """Find the windows ahead among those of the batch."""
        real: Tensor | None = None
        if isinstance(net.encoder, WindowedText):
            z, real = net.encoder.windows(single_texts(x, "CPC learns from"))
        else:
            assert isinstance(net.encoder, Windows)
            z = net.encoder.windows(x).transpose(1, 2).flatten(0, 1)  # a sequence for each column of each instance
        c, _ = net.context(z)
        losses = []
        for k, predict in enumerate(net.predictor.children(), start=1):
            predicted, true = predict(c[:, :-k]), z[:, k:]
            if real is None:
                losses.append(info_nce(predicted.flatten(0, 1), true.flatten(0, 1), self.temperature))
            else:
                ahead = real[:, k:]
                losses.append(_among_own(predicted[ahead], true[ahead], self.temperature))
        return torch.stack(losses).mean()


def _among_own(predicted: Tensor, true: Tensor, temperature: float) -> Tensor:
    """Give InfoNCE among the windows of this process, for other processes have other numbers of them; 0 of none."""
    if not len(true):
        return predicted.sum()
    z = unit(true.float())

    def of_rows(scores: Tensor, numbers: Tensor) -> Tensor:
        return cross_entropy(scores, numbers - rank() * len(z), reduction="none")

    return mean_by_rows(unit(predicted.float()) / temperature, z, of_rows)
