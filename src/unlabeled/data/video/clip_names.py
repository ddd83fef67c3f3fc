"""Names of clips: a video's name and a span of time, as a media fragment (W3C): ``talk.mp4#t=1.5,3``."""

from __future__ import annotations

import re

_FRAGMENT = re.compile(r"(.*)#t=(\d+(?:\.\d+)?),(\d+(?:\.\d+)?)", re.DOTALL)


def clip_name(video: str, start: float, end: float) -> str:
    """Name the clip of a video from `start` to `end`, in seconds.

    Examples
    --------
    >>> clip_name("talk.mp4", 1.5, 3)
    'talk.mp4#t=1.5,3'
    """
    return f"{video}#t={_plain(start)},{_plain(end)}"


def clip_span(name: str) -> tuple[str, float | None, float | None]:
    """Give the video, the start and the end of a clip by its name; a name without a span is a whole video.

    Examples
    --------
    >>> clip_span("talk.mp4#t=1.5,3"), clip_span("talk.mp4")
    (('talk.mp4', 1.5, 3.0), ('talk.mp4', None, None))
    """
    found = _FRAGMENT.fullmatch(name)
    return (name, None, None) if found is None else (found[1], float(found[2]), float(found[3]))


def _plain(seconds: float) -> str:
    return f"{seconds:.3f}".rstrip("0").rstrip(".")
