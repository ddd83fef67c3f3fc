from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from unlabeled.data.video import Videos
from unlabeled.errors import UnlabeledError
from unlabeled.modalities import Preprocessing, Settings, modality, open_instances, open_source
from unlabeled.modalities.video import VideoPreprocessing


def frames(count: int = 10, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 12, 16, 3), dtype=np.uint8)


def test_videos_are_told_from_images(tmp_path, write_video):
    path = write_video(tmp_path / "videos" / "a.mkv", frames())
    (tmp_path / "images").mkdir()
    Image.fromarray(frames()[0]).save(tmp_path / "images" / "a.png")
    np.save(tmp_path / "a.npy", np.zeros((2, 3, 8, 8, 1), np.uint8))
    for source in (path, str(path), path.parent, [path], tmp_path / "a.npy", list(frames()[None]), frames()[None]):
        assert open_source(source).kind == "video"
    for source in (tmp_path / "images", frames(), [tmp_path / "images" / "a.png"]):
        assert open_source(source).kind == "image"


def test_clips_are_prepared_by_settings_and_by_what_a_fitted_encoder_needs():
    class Wishes(Settings):
        clip_length, clip_stride, fps = 4, 2, None

    clips, preprocessing = open_instances(frames()[None], Wishes(size=8))
    assert preprocessing == VideoPreprocessing(4, 8, 3, "crop", 2, None)
    assert len(clips) == 4
    again, same = open_instances(Videos(frames()[None]), Settings(size=99), preprocessing)
    assert same is preprocessing
    assert again.ids == clips.ids
    assert Preprocessing.from_dict(preprocessing.to_dict()) == preprocessing
    given, measured = open_instances(clips)
    assert given is clips
    assert measured == preprocessing


def test_canonical_units():
    preprocessing = VideoPreprocessing(2, 4, 1)
    values = torch.tensor([0, 51, 255], dtype=torch.uint8).repeat_interleave(32).view(3, 2, 1, 4, 4)
    canonical = preprocessing.canonical(values)
    assert canonical[:, 0, 0, 0, 0].tolist() == pytest.approx([0, 0.2, 1])
    assert preprocessing.frame.shape == (1, 4, 4)
    with pytest.raises(UnlabeledError, match=r"clips of shape \(3, 1, 4, 4\)"):
        preprocessing.canonical(torch.zeros(1, 3, 1, 4, 4))


def test_the_baseline_is_the_pixels():
    video = modality("video")
    clips = Videos(frames(8)[None]).clips(4, size=8)
    baseline = video.baseline(clips, np.array([1]))
    expected = clips.gather(torch.tensor([1])).values.float().flatten(1).numpy() / 255
    np.testing.assert_allclose(baseline, expected, rtol=1e-6)


def test_a_clip_is_drawn_as_four_of_its_frames():
    shades = np.arange(8, dtype=np.uint8)[:, None, None, None] * 20 + 10
    videos = Videos(np.broadcast_to(shades, (8, 6, 6, 3))[None].copy(), frame_rate=10)
    drawn = modality("video").pictures(videos, ["0#t=0,0.4", "0"], 8)
    assert drawn.shape == (2, 8, 8, 3)
    quarters = drawn[:, ::4, ::4, 0].reshape(2, 4)
    assert quarters.tolist() == [[10, 30, 50, 70], [10, 50, 90, 130]]
    assert modality("video").missing(videos, ["0#t=0,0.4", "1#t=0,0.4"]) == ["1#t=0,0.4"]


def test_labels_of_videos_are_those_of_their_clips(tmp_path, write_video):
    from unlabeled.data import read_labels

    (tmp_path / "labels.csv").write_text("path,label\na.mkv,run\nb,walk\n")
    ids = ["x/a.mkv#t=0,1", "x/a.mkv#t=1,2", "b.mkv#t=0,1"]
    matched = read_labels(tmp_path / "labels.csv").match(ids)
    assert (matched.labels.tolist(), matched.classes) == ([0, 0, 1], ["run", "walk"])
    (tmp_path / "clips.csv").write_text('path,label\n"x/a.mkv#t=1,2",jump\n')
    assert read_labels(tmp_path / "clips.csv").match(ids).labels.tolist() == [-1, 0, -1]
