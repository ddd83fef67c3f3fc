"""Frame order: are three frames in the order in which they happened?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from unlabeled.data.batch import Batch
from unlabeled.encoders import Encoder, Network, projection_head
from unlabeled.methods.video.video_learning import VideoQuestion, features_in_time, without_borders
from unlabeled.views.draw import bernoulli, weighted_choice

SPAN = 5
"""Frames a, b, c, d, e from which the tuples are made."""


class FrameOrder(VideoQuestion):
    r"""Three frames of a clip are shown, and the network says whether the middle one happened between the others.

    Five frames a < b < c < d < e at equal distances are taken from where a clip moves most. Split: x is (b, c, d), in
    order, and (b, a, d) or (b, e, d), out of order, each perhaps reversed; y says which are in order. Loss: the
    cross-entropy of the answer,

    .. math:: L = -\frac{1}{2N} \sum_{i=1}^{N} \big(\log p(1 \mid b_i, c_i, d_i) + \log p(0 \mid b_i, a_i, d_i)\big)

    As a reversed tuple counts like the tuple, this asks what comes between, not which way time runs; `ArrowOfTime` asks
    that.

    References
    ----------
    .. [1] Misra, Zitnick & Hebert, Shuffle and Learn: Unsupervised Learning using Temporal Order Verification,
       ECCV 2016.

    Examples
    --------
    >>> clips = torch.rand(6, 8, 16, 16, 1).numpy()
    >>> model = FrameOrder(epochs=1, random_state=0, progress=False).fit(clips)
    >>> model.transform(clips).shape
    (6, 192)
    """

    principle: ClassVar[str] = "pretext"

    auto_encoder: ClassVar[Mapping[str, str]] = {"video": "frames"}
    shortest_clip: ClassVar[int] = SPAN

    def prepare(self, preprocessing: Any) -> None:
        """Remember the shape of what is shown."""
        super().prepare(preprocessing)
        self._shape = (3, *preprocessing.shape[1:])

    def build(self, encoder: Encoder) -> Network:
        """Add a classifier on the features of the three frames, one after another."""
        return Network(encoder, head=projection_head(features_in_time(encoder, self._shape), 2, hidden=encoder.dim))

    def split(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Show three frames in order and three out of order, hide which are which."""
        clips = without_borders(batch.values)
        n = len(clips)
        a, b, c, d, e = busiest_frames(clips).unbind(1)
        other = torch.where(bernoulli(n, 0.5).to(clips.device), a, e)
        # The two triples of a clip stand side by side, so that the rows of several processes join to those of one.
        triples = torch.stack((b, c, d, b, other, d), 1).view(2 * n, 3)
        backwards = bernoulli(2 * n, 0.5).to(clips.device)
        triples = torch.where(backwards[:, None], triples.flip(1), triples)
        shown = clips[torch.arange(n, device=clips.device).repeat_interleave(2)[:, None], triples]
        return self.view_(shown), torch.tensor([1, 0], device=clips.device).repeat(n)


def busiest_frames(clips: Tensor) -> Tensor:
    """Choose five frames at equal distances in each clip, the likelier the more changes between them.

    Parameters
    ----------
    clips : Tensor, shape (n, t, c, h, w), t ≥ 5

    Returns
    -------
    Tensor of int64, shape (n, 5)
        Positions, rising. Each run of five, at any distance for which the clip has room, is drawn with a probability
        proportional to the mean change of a pixel from one of its frames to the next.
    """
    t, device = clips.shape[1], clips.device
    runs = [
        [start + step * i for i in range(SPAN)]
        for step in range(1, (t - 1) // (SPAN - 1) + 1)
        for start in range(t - (SPAN - 1) * step)
    ]
    positions = torch.tensor(runs, device=device)
    frames = clips.float()
    motion = torch.stack([(frames[:, run[1:]] - frames[:, run[:-1]]).abs().mean((1, 2, 3, 4)) for run in runs], dim=1)
    still = motion.sum(1, keepdim=True) == 0
    return positions[weighted_choice(torch.where(still, torch.ones_like(motion), motion)).to(device)]
