"""Videos: files, folders of frames and arrays, read frame by frame at their presentation times; and clips of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unlabeled.lazy import lazy_exports

if TYPE_CHECKING:
    from unlabeled.data.video.clips import Clips
    from unlabeled.data.video.video_protocol import Video
    from unlabeled.data.video.videos import Videos

__all__ = ["Clips", "Video", "Videos"]

__getattr__, __dir__ = lazy_exports(__name__, {"Clips": "clips", "Video": "video_protocol", "Videos": "videos"})
