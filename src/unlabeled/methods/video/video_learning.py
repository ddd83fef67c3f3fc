"""What all methods for video share: how videos are cut into clips."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from unlabeled.data.batch import Batch
from unlabeled.encoders import Encoder
from unlabeled.errors import UnlabeledError
from unlabeled.modalities import modality_of
from unlabeled.training.bases.multi_view import choose_view
from unlabeled.training.bases.self_supervised import SelfSupervised
from unlabeled.training.bases.validated import Validated
from unlabeled.training.inference import canonical_batches, evaluating
from unlabeled.training.loop import own_randomness
from unlabeled.views import ClipView, ColourJitter, Compose, Flip, RandomCrop, View

DARK = 8 / 255
"""Up to which value a pixel of a border counts as black: video coding does not leave black quite black."""


class VideoMethod(SelfSupervised):
    """Base of methods that learn from clips of videos.

    Parameters
    ----------
    clip_length : int, default 8
        Frames in a clip.
    clip_stride : int, optional
        Frames from the start of a clip to that of the next one of the same video; by default `clip_length`, so that
        clips do not overlap.
    fps : float, optional
        Frames a second at which videos are seen; by default all frames that they have.
    views : str or View, default "auto"
        How clips are distorted before they are cut into what is shown and what is hidden. ``"auto"`` takes away what is
        no motion: one crop and one mirroring a clip, and another brightness, contrast and saturation for each frame, so
        that a fade or the rhythm of the coding gives nothing away. Or a name or view as for `SimCLR`.
    """

    modalities: ClassVar[tuple[str, ...]] = ("video",)
    shortest_clip: ClassVar[int] = 2

    clip_length: int = 8
    clip_stride: int | None = None
    fps: float | None = None
    views: str | View = "auto"

    def prepare(self, preprocessing: Any) -> None:
        """Refuse clips that are too short for the task, and settle on the view."""
        super().prepare(preprocessing)
        modality = modality_of(preprocessing)
        self.view_ = steadying_view() if self.views == "auto" else choose_view(self.views, modality)
        if preprocessing.length < self.shortest_clip:
            raise UnlabeledError(
                f"{type(self).__name__} needs clips of at least {self.shortest_clip} frames, not {preprocessing.length}"
            )


class VideoQuestion(Validated, VideoMethod):
    """Base of methods that ask a question of two answers about time, each answer as often as the other."""

    def score(self, X: Any, y: Any = None, *, rounds: int = 1) -> float:
        """Give the share of right answers on clips, which should be those of videos not learnt from; 0.5 is chance.

        Parameters
        ----------
        X : as in `fit`
        y : ignored
        rounds : int, default 1
            How often each clip is asked about, with other draws each time.
        """
        right = asked = 0
        with evaluating(self) as (net, device), own_randomness():
            torch.manual_seed(self.seed_)
            for _ in range(rounds):
                for values in canonical_batches(self, X, device):
                    shown, hidden = self.split(Batch.unlabelled(values))
                    right += int((self.answers(net, shown).argmax(1) == hidden).sum())
                    asked += len(hidden)
        return right / asked

    def answers(self, net: Any, x: Tensor) -> Tensor:
        """Give the logits of both answers, shape (m, 2)."""
        answers: Tensor = net.head(net.encoder.features(x).vectors.flatten(1))
        return answers

    def loss(self, net: Any, x: Tensor, y: Tensor) -> Tensor:
        """Cross-entropy of the answer."""
        return F.cross_entropy(self.answers(net, x), y)


def without_borders(clips: Tensor) -> Tensor:
    """Paint the black borders of clips exactly black, so that what coding leaves in them says nothing about time.

    A border is made of the rows and columns at the edge that are dark in all frames.

    Parameters
    ----------
    clips : Tensor, shape (n, t, c, h, w)

    Examples
    --------
    >>> clips = torch.ones(1, 2, 1, 4, 4)
    >>> clips[..., 0, :] = 0.02
    >>> without_borders(clips)[0, 0, 0, :, 0]
    tensor([0., 1., 1., 1.])
    """
    bright = (clips > DARK).any(dim=1).any(dim=1)  # (n, h, w)

    def inside(lines: Tensor) -> Tensor:
        from_start, from_end = lines.long().cumsum(1), lines.flip(1).long().cumsum(1).flip(1)
        return (from_start > 0) & (from_end > 0)

    kept = inside(bright.any(2))[:, :, None] & inside(bright.any(1))[:, None, :]
    return clips * kept[:, None, None].to(clips.dtype)


def steadying_view(jitter: float = 0.2) -> ClipView:
    """Make the view of methods that ask about time: what is left to go by is motion.

    One crop and one mirroring a clip; a change of brightness, contrast and saturation for each frame by itself, so that
    a slow fade or the rhythm of the coding gives nothing away.
    """
    return ClipView(Compose([RandomCrop(scale=(0.6, 0.9)), Flip()]), ColourJitter(jitter, jitter, jitter, 0.0, p=1.0))


@torch.no_grad()
def features_in_time(encoder: Encoder, shape: tuple[int, ...]) -> int:
    """Give the length of an encoder's features of a clip of some shape, (t, c, h, w), one after another in time."""
    training = encoder.training
    vectors = encoder.eval().features(torch.zeros(1, *shape)).vectors
    encoder.train(training)
    return vectors.flatten(1).shape[1]
