from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from PIL import Image

from unlabeled.data.image.decode import UnreadableError
from unlabeled.data.instances import Subset
from unlabeled.data.video import Clips, Videos
from unlabeled.data.video.clips import cut
from unlabeled.errors import UnlabeledError


def array_of(videos: int = 3, frames: int = 10) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (videos, frames, 8, 8, 3), dtype=np.uint8)


def plain_cut(times, length, stride, fps):
    """Walk the clock tick by tick and the frames one by one."""
    usual = float(np.median(np.diff(times)))
    frames = []
    if fps is None:
        frames = list(range(len(times)))
    else:
        tick = 0
        while (tick + 1) / fps <= times[-1] + usual + 1e-9:
            shown = max(i for i, time in enumerate(times) if time <= tick / fps + 1e-9)
            frames.append(shown)
            tick += 1
    return [frames[s : s + length] for s in range(0, len(frames), stride) if s + length <= len(frames)]


@pytest.mark.parametrize("length", [1, 3])
@pytest.mark.parametrize("stride", [1, 4])
@pytest.mark.parametrize("fps", [None, 2.0, 7.5, 30.0])
def test_clips_are_those_of_a_plain_walk(length, stride, fps):
    times = np.cumsum([0, *np.random.default_rng(1).uniform(0.02, 0.4, 19)])
    assert cut(times, length, stride, fps).frames.tolist() == plain_cut(times, length, stride, fps)


def test_a_clip_ends_where_the_next_frame_would_begin():
    made = cut(np.arange(6) / 10, 3, 3, None)
    np.testing.assert_allclose(made.starts, [0, 0.3])
    np.testing.assert_allclose(made.ends, [0.3, 0.6])


def test_a_video_shorter_than_a_clip_is_refused():
    with pytest.raises(UnreadableError, match="it has 1 frame, and a clip 2"):
        cut(np.zeros(1), 2, 1, None)
    with pytest.raises(UnreadableError, match="it has 5 frames at 5 a second, and a clip 8"):
        cut(np.arange(10) / 10, 8, 1, 5.0)


@pytest.mark.parametrize("cache_bytes", [1 << 30, 0])
@pytest.mark.parametrize("workers", [1, 3])
def test_every_clip_has_its_frames(cache_bytes, workers):
    array = array_of()
    clips = Videos(array, frame_rate=10).clips(4, stride=3, cache_bytes=cache_bytes, workers=workers)
    assert len(clips) == 9
    assert (clips.size, clips.channels, clips.kind) == (8, 3, "video")
    assert clips.groups.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert clips.ids[3:5] == ["1#t=0,0.4", "1#t=0.3,0.7"]
    order = torch.tensor([8, 0, 4, 4])
    batch = clips.gather(order).values
    assert batch.shape == (4, 4, 3, 8, 8)
    assert batch.dtype == torch.uint8
    for clip, number in zip(batch.numpy(), order.tolist(), strict=True):
        video, start = number // 3, number % 3 * 3
        np.testing.assert_array_equal(clip, array[video, start : start + 4].transpose(0, 3, 1, 2))
    batch[:] = 0  # it is the caller's
    assert clips.gather(order).values.any()
    assert torch.equal(clips.gather(order).index, order)
    assert [len(b) for b in clips.batches([order, order[:1]])] == [4, 1]
    assert not [t for t in threading.enumerate() if t.name.startswith("unlabeled-data")]


def spoiled(folder, write_video):
    """Two good videos, one of three frames, a text, and an empty file."""
    frames = array_of()
    for name, video in (("a", frames[0]), ("b", frames[1]), ("short", frames[2, :3])):
        write_video(folder / f"{name}.mkv", video)
    (folder / "text.mp4").write_text("no video")
    (folder / "zero.mp4").touch()
    return Videos(folder)


@pytest.mark.parametrize("cache_bytes", [1 << 30, 0])
def test_videos_that_give_no_clip_are_named_or_skipped(tmp_path, write_video, cache_bytes):
    videos = spoiled(tmp_path, write_video)
    with pytest.raises(UnlabeledError, match=r"'short\.mkv'.*it has 3 frames, and a clip 5.*on_error='skip'"):
        videos.clips(5, cache_bytes=cache_bytes)
    clips = videos.clips(5, on_error="skip", cache_bytes=cache_bytes)
    assert [skipped.id for skipped in clips.skipped] == ["short.mkv", "text.mp4", "zero.mp4"]
    assert clips.ids == ["a.mkv#t=0,0.5", "a.mkv#t=0.5,1", "b.mkv#t=0,0.5", "b.mkv#t=0.5,1"]
    np.testing.assert_array_equal(
        clips.gather(torch.tensor([3])).values[0].numpy(), array_of()[1, 5:].transpose(0, 3, 1, 2)
    )
    with pytest.raises(UnlabeledError, match="none of the 5 videos"):
        videos.clips(11, on_error="skip")


def test_a_frame_that_cannot_be_decoded_spoils_its_video_alone(tmp_path):
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        for i, frame in enumerate(array_of()[0]):
            Image.fromarray(frame).save(tmp_path / name / f"{i}.png")
    (tmp_path / "b" / "7.png").write_bytes(b"a text")
    clips = Videos(tmp_path).clips(5, on_error="skip")
    assert [(s.id, "7.png" in s.reason) for s in clips.skipped] == [("b", True)]
    assert clips.groups.tolist() == [0, 0, 2, 2]
    late = Videos(tmp_path).clips(5, on_error="skip", cache_bytes=0)  # only the first frame is looked at
    with pytest.raises(UnlabeledError, match=r"cannot read video 'b'.*7\.png"):
        late.gather(torch.arange(len(late)))


def test_labels_are_those_of_the_videos():
    clips = Videos(array_of(), labels=["x", "y", "x"]).clips(5)
    assert clips.labels.tolist() == [0, 0, 1, 1, 0, 0]
    assert clips.classes == ["x", "y"]
    assert clips.gather(torch.tensor([3, 0])).labels.tolist() == [1, 0]


def test_the_fingerprint_tells_clips_apart():
    videos = Videos(array_of())
    prints = [videos.clips(5).fingerprint, videos.clips(4).fingerprint, videos.clips(5, size=4).fingerprint]
    assert len({*prints, videos.clips(5, stride=1).fingerprint}) == 4
    assert videos.clips(5, cache_bytes=0).fingerprint == prints[0]


@pytest.mark.parametrize(
    "options",
    [{"length": 0}, {"stride": 0}, {"size": 0}, {"fps": 0}, {"channels": 2}, {"fit": "zoom"}, {"on_error": "ignore"}],
)
def test_settings_that_make_no_sense_are_refused(options):
    with pytest.raises(UnlabeledError, match=str(next(iter(options)))):
        Clips(Videos(array_of()), **options)


def test_memory_is_bounded_without_a_cache(tmp_path, monkeypatch):
    """At no time are there more frames than those of one batch."""
    np.save(tmp_path / "a.npy", np.zeros((20, 40, 8, 8, 1), np.uint8))
    clips = Videos(tmp_path / "a.npy").clips(4, cache_bytes=0)
    most = []
    room = Clips._room
    monkeypatch.setattr(Clips, "_room", lambda self, frames: most.append(frames) or room(self, frames))
    for _ in clips.batches(torch.arange(200).split(16)):
        pass
    assert max(most) == 16 * 4


@pytest.mark.real_data
def test_a_real_video_by_a_clock(real_data):
    clips = Videos(real_data / "video" / "tree.avi").clips(8, fps=2.0, size=32)
    assert clips.ids[0] == "tree.avi#t=0,4"
    assert len(clips) == 7
    assert clips.gather(torch.arange(7)).values.shape == (7, 8, 3, 32, 32)


def test_some_of_the_clips_know_their_videos():
    clips = Clips(Videos(np.zeros((3, 8, 8, 8, 1), dtype=np.uint8)), length=4)
    assert Subset(clips, np.array([1, 4, 5])).groups.tolist() == [0, 2, 2]
