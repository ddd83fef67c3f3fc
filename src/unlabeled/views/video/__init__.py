"""Views of clips: one geometry and one colour change for all frames of a clip, and the choice of its frames."""

from unlabeled.views.video.clip_view import ClipView
from unlabeled.views.video.frame_sampling import FrameSampling

__all__ = ["ClipView", "FrameSampling"]
