from __future__ import annotations

import struct
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from unlabeled.data.image.decode import UnreadableError
from unlabeled.data.video.square import Square
from unlabeled.data.video.video_file import VideoFile, _from_here

H264 = {"codec": "libx264", "options": {"g": "12", "bf": "2", "crf": "1"}}


B_FRAMES = {"x264-params": "bframes=3:b-adapt=0:b-pyramid=none:scenecut=0:keyint=20"}


def numbered(count: int, height: int = 32, width: int = 48) -> np.ndarray:
    """Frames whose grey value tells which one it is: 10, 14, 18, ..."""
    values = 10 + 4 * np.arange(count, dtype=np.uint8)
    return np.broadcast_to(values[:, None, None, None], (count, height, width, 3)).copy()


def number_of(frame: np.ndarray) -> int:
    return round((float(frame.mean()) - 10) / 4)


def read(video: VideoFile, wanted: list[int], square: Square | None = None) -> list[np.ndarray]:
    return list(video.read(np.array(wanted), square))


def test_every_frame_of_a_lossless_file_comes_back_pixel_by_pixel(tmp_path, write_video):
    frames = np.random.default_rng(0).integers(0, 256, (7, 24, 32, 3), dtype=np.uint8)
    video = VideoFile(write_video(tmp_path / "a.mkv", frames))
    np.testing.assert_allclose(video.times, np.arange(7) / 10)
    for got, frame in zip(read(video, list(range(7))), frames, strict=True):
        np.testing.assert_array_equal(got, frame.transpose(2, 0, 1))


@pytest.mark.parametrize("wanted", [[0], [59], [0, 1, 2], [13, 14], [3, 58], [1, 20, 57], [11, 12, 13, 24]])
def test_any_frames_are_found_between_key_frames_and_frames_stored_out_of_order(tmp_path, write_video, wanted):
    video = VideoFile(write_video(tmp_path / "a.mp4", numbered(60), **H264))
    assert len(video.times) == 60
    assert [number_of(frame) for frame in read(video, wanted)] == wanted


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.ts", "libx264", {"g": "12", "bf": "2"}),  # a seek lands behind the key frame
        ("a.mpg", "mpeg2video", {"g": "12", "bf": "2", "qmax": "2"}),  # after a seek, stamps are those of neighbours
        ("a.avi", "libx264", {"g": "12", "bf": "2"}),  # AVI has no stamps of frames that are stored out of order
        ("a.avi", "mpeg4", {"g": "12", "bf": "2", "qmax": "2"}),
        ("a.mp4", "libsvtav1", {"svtav1-params": "keyint=12"}),  # the decoder takes its first order to skip for good
        ("a.webm", "libvpx-vp9", {"g": "12", "auto-alt-ref": "1"}),
    ],
)
def test_single_frames_are_the_right_ones_in_every_container(tmp_path, write_video, name, codec, options):
    if codec not in av.codecs_available:
        pytest.skip(f"FFmpeg has no encoder {codec}")
    frames = numbered(60, 64, 64)
    frames[:, :32, :32] = 255 - frames[:, :32, :32]  # motion, so that frames out of order are worth storing
    video = VideoFile(write_video(tmp_path / name, frames, None, 25, codec, options, Fraction(1, 25)))
    assert len(video.times) == 60
    np.testing.assert_allclose(video.times, np.arange(60) / 25, atol=2e-3)
    for wanted in ([0], [1], [5], [37], [59], [13, 14], [3, 58], [11, 12, 13, 24]):
        shown = [round((float(frame[:, 40:, 40:].mean()) - 10) / 4) for frame in read(video, wanted)]
        assert shown == wanted


def test_frames_of_a_variable_rate_are_chosen_by_their_time_stamps(tmp_path, write_video):
    times = [0, 0.1, 0.15, 0.9, 2.0]
    video = VideoFile(write_video(tmp_path / "a.mkv", numbered(5), times))
    np.testing.assert_allclose(video.times, times, atol=1e-9)
    assert [number_of(frame) for frame in read(video, [1, 3, 4])] == [1, 3, 4]


def test_time_starts_at_the_first_frame(tmp_path, write_video):
    video = VideoFile(write_video(tmp_path / "a.mkv", numbered(3), [5.0, 5.5, 6.0]))
    np.testing.assert_allclose(video.times, [0, 0.5, 1.0])
    assert [number_of(frame) for frame in read(video, [2])] == [2]


def turned(path: Path, degrees: int) -> Path:
    """Set the display matrix in the track header of an MP4 file; `degrees` clockwise, as phones write it."""
    content = bytearray(path.read_bytes())
    start = content.index(b"tkhd") + 4 + 40
    one = 1 << 16
    a, b, c, d = {90: (0, one, -one, 0), 180: (-one, 0, 0, -one), 270: (0, -one, one, 0)}[degrees]
    content[start : start + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotation_metadata_is_applied(tmp_path, write_video, degrees):
    frames = np.zeros((2, 32, 64, 3), np.uint8)
    frames[:, :16, :16] = 255  # white in the corner at the top left
    video = VideoFile(turned(write_video(tmp_path / "a.mp4", frames, **H264), degrees))
    frame = read(video, [1])[0].mean(0)
    expected = np.rot90(frames[1, :, :, 0], -degrees // 90)
    assert frame.shape == expected.shape
    assert np.abs(frame - expected).mean() < 3  # H.264 is lossy at the edge of the corner
    small = read(video, [1], Square(16, "squash"))[0].mean(0)
    corner = {90: (0, -1), 180: (-1, -1), 270: (-1, 0)}[degrees]
    assert small[corner] > 200
    assert small.sum() < 1.5 * 255 * 16 * 16 / 8


@pytest.mark.parametrize("fit", ["crop", "squash", "pad"])
@pytest.mark.parametrize("channels", [1, 3])
def test_geometry_is_that_of_images(tmp_path, write_video, fit, channels):
    """White in the left quarter: cropped away, squeezed, or beside a border of the mean colour."""
    frames = np.zeros((1, 16, 64, 3), np.uint8)
    frames[:, :, :16] = 255
    frame = read(VideoFile(write_video(tmp_path / "a.mkv", frames)), [0], Square(16, fit, channels))[0]
    assert frame.shape == (channels, 16, 16)
    assert frame.dtype == np.uint8
    expected = np.zeros((16, 16), np.uint8)
    if fit == "squash":
        expected[:, :4] = 255
    if fit == "pad":
        expected[:] = 64
        expected[6:10] = [255] * 4 + [0] * 12
    np.testing.assert_allclose(frame[0], expected, atol=1)


def test_a_frame_is_not_aliased_when_it_shrinks(tmp_path, write_video):
    frames = np.zeros((1, 64, 64, 3), np.uint8)
    frames[:, ::2] = 255  # stripes, one pixel wide
    frame = read(VideoFile(write_video(tmp_path / "a.mkv", frames)), [0], Square(16))[0]
    np.testing.assert_allclose(frame, 127.5, atol=2)


def test_a_stream_without_time_stamps_is_counted(tmp_path, write_video):
    path = write_video(tmp_path / "a.h264", numbered(30), **H264)
    video = VideoFile(path)
    assert len(video.times) == 30
    assert [number_of(frame) for frame in read(video, [3, 17])] == [3, 17]


def test_one_pixel(tmp_path, write_video):
    video = VideoFile(write_video(tmp_path / "a.mkv", np.full((2, 1, 1, 3), 77, np.uint8)))
    assert read(video, [1], Square(8))[0].tolist() == np.full((3, 8, 8), 77).tolist()


def test_files_that_are_no_videos_say_why(tmp_path, write_video):
    text = tmp_path / "text.mp4"
    text.write_text("no video\n" * 100)
    empty = tmp_path / "empty.mp4"
    empty.touch()
    whole = write_video(tmp_path / "whole.mp4", numbered(20), **H264).read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: len(whole) // 2])  # the index of an MP4 file is at its end
    bare = tmp_path / "bare.mkv"
    with av.open(str(bare), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.height, stream.width, stream.pix_fmt = 16, 16, "yuv420p"
        container.start_encoding()
    for path, says in (
        (text, "no video, or is damaged"),
        (empty, "the file is empty"),
        (cut, "damaged or cut off"),
        (bare, "no frames"),
        (tmp_path / "missing.mp4", "No such file"),
    ):
        with pytest.raises(UnreadableError, match=says):
            _ = VideoFile(path).times
    strange = tmp_path / "strange.mp4"
    strange.write_bytes(whole.replace(b"avc1", b"zzzz"))
    with pytest.raises(UnreadableError, match="no decoder for its codec"):
        _ = VideoFile(strange).times
    with pytest.raises(UnreadableError, match=r"1,000"):
        _ = VideoFile(write_video(tmp_path / "large.mkv", numbered(1)), max_pixels=1000).times


def test_frames_that_grow_after_the_header_are_refused(tmp_path):
    """A file of a few kilobytes may ask for gigabytes of pixels only when it is decoded."""
    parts = []
    for side, count in ((64, 60), (640, 3)):
        with av.open(str(tmp_path / f"{side}.ts"), "w", format="mpegts") as container:
            stream = container.add_stream("mpeg2video", rate=25)
            stream.height, stream.width, stream.pix_fmt = side, side, "yuv420p"
            for number in range(count):
                frame = av.VideoFrame.from_ndarray(np.full((side, side, 3), number, np.uint8), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        parts.append((tmp_path / f"{side}.ts").read_bytes())
    (tmp_path / "grows.ts").write_bytes(b"".join(parts))
    video = VideoFile(tmp_path / "grows.ts", max_pixels=64 * 64)
    assert len(list(video.read(np.arange(3)))) == 3
    with pytest.raises(UnreadableError):
        list(video.read(np.arange(len(video.times))))


def test_sound_alone_is_no_video(tmp_path):
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(UnreadableError, match="no video stream"):
        _ = VideoFile(path).times


def test_a_playlist_in_disguise_opens_nothing(tmp_path, write_video):
    write_video(tmp_path / "secret.ts", numbered(3), codec="mpeg4")
    path = tmp_path / "list.mp4"
    path.write_text("ffconcat version 1.0\nfile http://127.0.0.1:9/a.ts\n")
    with pytest.raises(UnreadableError):
        _ = VideoFile(path).times


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "frames", "seconds"),
    [("vtest.avi", 795, 79.4), ("tree.avi", 68, 29.53), ("bikes.mp4", 250, 9.96), ("carphone_pristine.mp4", 120, 3.97)],
)
def test_real_videos(real_data, name, frames, seconds):
    video = VideoFile(real_data / "video" / name)
    assert len(video.times) == frames
    assert video.times[-1] == pytest.approx(seconds, abs=0.05)
    assert (np.diff(video.times) > 0).all()
    some = [1, frames // 2, frames - 1]
    alone = [read(video, [i], Square(32))[0] for i in some]
    in_turn = read(video, list(range(frames)), Square(32))
    for i, frame in zip(some, alone, strict=True):
        np.testing.assert_array_equal(frame, in_turn[i])


def test_frames_that_nobody_wants_and_nothing_needs_are_not_decoded(tmp_path, write_video):
    """Of a stream with bidirectional frames, which no other frame refers to, only those wanted come out."""
    file = VideoFile(write_video(tmp_path / "b.mp4", numbered(40), codec="libx264", options=B_FRAMES))

    def decoded(wanted: list[int]) -> list[int]:
        with file._opened() as (container, stream):
            return [stamp for stamp, _ in _from_here(container, stream, file._index, frozenset(wanted))]

    every = decoded(file._index.stamps.tolist())
    some = decoded(every[::10])
    assert len(every) == 40
    assert len(some) < 35
    assert set(every[::10]) <= set(some)


@pytest.mark.parametrize("size", [7, 16, 40])
def test_a_crop_of_an_odd_video_is_the_middle(tmp_path, write_video, size):
    """A bright disc in the middle of a frame with odd sides stays in the middle."""
    rows, columns = np.mgrid[:31, :53]
    disc = (np.hypot(rows - 15, columns - 26) < 9).astype(np.uint8) * 255
    path = write_video(tmp_path / "odd.mkv", np.broadcast_to(disc[None, :, :, None], (20, 31, 53, 3)).copy())
    frames = np.stack(list(VideoFile(path).read(np.arange(20), Square(size, "crop", 1))))
    assert frames.shape == (20, 1, size, size)
    weights = frames[3, 0].astype(float)
    centre = [(weights.sum(1 - axis) * (np.arange(size) + 0.5)).sum() / weights.sum() for axis in (0, 1)]
    assert abs(centre[0] - size / 2) < 0.03 * size
    assert abs(centre[1] - size / 2) < 0.03 * size


def test_a_frame_of_4k_is_read_small(tmp_path, write_video):
    rows = np.linspace(0, 255, 2160).astype(np.uint8)
    frame = np.broadcast_to(rows[:, None, None], (2160, 3840, 3)).copy()
    video = VideoFile(write_video(tmp_path / "large.mp4", np.stack([frame] * 2), codec="libx264"))
    (found,) = read(video, [1], Square(36, "crop", 1))
    np.testing.assert_allclose(found[0].mean(1), (np.arange(36) + 0.5) * 255 / 36, atol=4)


def test_no_packet_is_kept_while_the_times_are_read(tmp_path, write_video, monkeypatch):
    path, alive, most = write_video(tmp_path / "v.mkv", numbered(20)), 0, 0

    class Packet:
        def __init__(self, packet):
            nonlocal alive, most
            self.pts, self.size, self.is_keyframe = packet.pts, packet.size, packet.is_keyframe
            self.is_discard = packet.is_discard
            alive += 1
            most = max(most, alive)

        def __del__(self):
            nonlocal alive
            alive -= 1

    class Container:
        def __init__(self, container):
            self.container, self.format = container, container.format

        def demux(self, stream):
            return (Packet(packet) for packet in self.container.demux(stream))

    opened = VideoFile._opened

    @contextmanager
    def watched(self):
        with opened(self) as (container, stream):
            yield Container(container), stream

    monkeypatch.setattr(VideoFile, "_opened", watched)
    assert len(VideoFile(path).times) == 20
    assert most <= 2  # one, and the next while it takes its name
