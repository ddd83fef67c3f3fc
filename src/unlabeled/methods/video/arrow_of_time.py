"""The arrow of time: is a clip played forwards or backwards?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from unlabeled.data.batch import Batch
from unlabeled.encoders import Encoder, Network, projection_head
from unlabeled.methods.video.video_learning import VideoQuestion, features_in_time, without_borders


class ArrowOfTime(VideoQuestion):
    r"""A clip is played forwards or backwards, and the network says which: things fall, spread and break, and not back.

    Split: x is t in both directions, y which of them each is. Loss: the cross-entropy of the answer,

    .. math:: L = -\frac{1}{2N} \sum_{i=1}^{N} \big(\log p(\text{forwards} \mid t_i)
              + \log p(\text{backwards} \mid \bar t_i)\big)

    Motion that looks the same backwards teaches nothing: bouncing balls without friction stay at ln 2.

    References
    ----------
    .. [1] Wei, Lim, Zisserman & Freeman, Learning and Using the Arrow of Time, CVPR 2018.

    Examples
    --------
    >>> clips = torch.rand(6, 8, 16, 16, 1).numpy()
    >>> model = ArrowOfTime(epochs=1, random_state=0, progress=False).fit(clips)
    >>> model.transform(clips).shape
    (6, 192)
    """

    principle: ClassVar[str] = "pretext"

    auto_encoder: ClassVar[Mapping[str, str]] = {"video": "conv3d"}

    def prepare(self, preprocessing: Any) -> None:
        """Remember the shape of what is shown."""
        super().prepare(preprocessing)
        self._shape = preprocessing.shape

    def build(self, encoder: Encoder) -> Network:
        """Add a classifier on the encoder's features in the order of time."""
        return Network(encoder, head=projection_head(features_in_time(encoder, self._shape), 2, hidden=encoder.dim))

    def split(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Show each clip in both directions, hide which is which."""
        clips = self.view_(without_borders(batch.values))
        direction = torch.arange(2, device=clips.device).repeat_interleave(len(clips))
        return torch.cat((clips, clips.flip(1))), direction
