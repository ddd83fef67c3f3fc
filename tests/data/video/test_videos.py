from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from unlabeled.data.video import Videos
from unlabeled.errors import UnlabeledError


def moving(count: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 8, 10, 3), dtype=np.uint8)


def frames_of(videos: Videos, index: int) -> np.ndarray:
    return np.stack(list(videos[index].read(np.arange(len(videos[index].times)))))


def test_a_folder_of_videos_with_classes(tmp_path, write_video):
    for name in ("run/a.mkv", "run/b.mkv", "walk/deep/c.avi"):
        write_video(tmp_path / name, moving())
    (tmp_path / "notes.txt").write_text("no video")
    videos = Videos(tmp_path)
    assert videos.ids == ["run/a.mkv", "run/b.mkv", "walk/deep/c.avi"]
    assert videos.classes == ["run", "walk"]
    assert videos.labels.tolist() == [0, 0, 1]
    np.testing.assert_array_equal(frames_of(videos, 0), moving().transpose(0, 3, 1, 2))


def test_what_is_left_out_is_said_and_parts_of_a_split_are_no_classes(tmp_path, write_video):
    for name in ("train/run/a.mkv", "train/walk/b.mkv", "val/run/c.mkv"):
        write_video(tmp_path / "split" / name, moving())
    (tmp_path / "split" / "d.rm").touch()
    videos = Videos(tmp_path / "split")
    assert (videos.classes, videos.labels.tolist()) == (["run", "walk"], [0, 1, 0])
    assert videos.remarks == (f"1 file of {tmp_path / 'split'} left out, for they are no videos: 1 .rm",)
    for number in range(10):
        write_video(tmp_path / "stray" / ("run" if number % 2 else "walk") / f"{number}.mkv", moving())
    write_video(tmp_path / "stray" / "new.mkv", moving())
    videos = Videos(tmp_path / "stray")
    assert videos.labels.tolist().count(-1) == 1
    assert videos.remarks == ("1 videos outside the class folders are unlabelled, such as new.mkv",)


def test_names_that_are_not_utf8_become_ids_that_can_be_written(tmp_path, write_video):
    path = write_video(tmp_path / "a.mkv", moving())
    strange = path.rename(Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.mkv")))
    for source in (tmp_path, strange, [strange]):
        (name,) = Videos(source).ids
        assert name.endswith("caf\\xe9.mkv")
    folder = tmp_path / "frames" / os.fsdecode(b"na\xefve")
    folder.mkdir(parents=True)
    Image.fromarray(moving()[0]).save(folder / os.fsdecode(b"\xe9.png"))
    assert Videos(tmp_path / "frames").ids == ["na\\xefve"]
    assert len(Videos(tmp_path / "frames").fingerprint) == 64


def test_a_folder_of_folders_of_frames_in_natural_order(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        for i, frame in enumerate(moving(12, seed=len(name) + ord(name[0]))):
            Image.fromarray(frame).save(tmp_path / name / f"frame{i}.png")  # frame10 comes after frame9
    videos = Videos(tmp_path, frame_rate=5)
    assert videos.ids == ["one", "two"]
    assert videos.labels is None
    assert videos[0].times[-1] == pytest.approx(11 / 5)
    np.testing.assert_array_equal(frames_of(videos, 1), moving(12, seed=3 + ord("t")).transpose(0, 3, 1, 2))
    assert Videos(tmp_path / "one").ids == ["one"]
    assert len(Videos([tmp_path / "one"])[0].times) == 12


def test_arrays_tensors_and_lists_of_them(tmp_path):
    array = np.random.default_rng(0).integers(0, 256, (2, 5, 8, 9, 3), dtype=np.uint8)
    np.save(tmp_path / "a.npy", array)
    expected = array[1].transpose(0, 3, 1, 2)
    tensor = torch.from_numpy(array.transpose(0, 1, 4, 2, 3).copy())
    for source in (array, array.astype(np.float32) / 255, tensor, tmp_path / "a.npy", list(array)):
        videos = Videos(source)
        assert len(videos) == 2
        np.testing.assert_array_equal(frames_of(videos, 1), expected)
    assert Videos(array[..., :1]).grey
    assert not Videos(array).grey


def test_a_list_of_paths_and_a_single_file(tmp_path, write_video):
    path = write_video(tmp_path / "a.mkv", moving())
    assert Videos(path).ids == ["a.mkv"]
    (tmp_path / "list.txt").write_text("a.mkv\n")
    assert Videos(tmp_path / "list.txt").ids == ["a.mkv"]
    assert Videos([path, str(path)]).ids == [str(path), str(path)]


def test_labels_of_a_file_and_the_fingerprint(tmp_path, write_video):
    for name in ("a.mkv", "b.mkv"):
        write_video(tmp_path / name, moving())
    (tmp_path / "labels.csv").write_text("path,label\nb.mkv,run\n")
    videos = Videos(tmp_path, labels=tmp_path / "labels.csv")
    assert (videos.labels.tolist(), videos.classes) == ([-1, 0], ["run"])
    before = Videos(tmp_path).fingerprint
    assert before == videos.fingerprint
    write_video(tmp_path / "b.mkv", moving(5))
    assert Videos(tmp_path).fingerprint != before


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (np.zeros((2, 5, 8, 9), np.uint8), "add an axis"),
        (np.zeros((2, 0, 8, 9, 3), np.uint8), r"no frames: its shape is \(2, 0, 8, 9, 3\)"),
        (np.zeros((0, 5, 8, 9, 3), np.uint8), "no frames"),
        (np.zeros((2, 5, 8, 9, 7), np.uint8), "1, 3 or 4 channels"),
        ([], "an empty list"),
        ([np.zeros(3, np.uint8)], "item 0 of the list is no video"),
        (7, "not int"),
    ],
)
def test_what_is_no_collection_of_videos_is_refused(source, message):
    with pytest.raises(UnlabeledError, match=message):
        Videos(source)


def test_folders_and_files_without_videos_are_refused(tmp_path):
    with pytest.raises(UnlabeledError, match="it is empty"):
        Videos(tmp_path)
    (tmp_path / "notes.txt").write_text("words")
    (tmp_path / "sound.mp3").touch()
    with pytest.raises(UnlabeledError, match=r"neither videos nor folders of frames: it has 1 \.txt, 1 \.mp3"):
        Videos(tmp_path)
    with pytest.raises(UnlabeledError, match=r"a video ends in .*not in \.mp3"):
        Videos(tmp_path / "sound.mp3")
    with pytest.raises(UnlabeledError, match="does not exist"):
        Videos(tmp_path / "missing")
    with pytest.raises(UnlabeledError, match="frame_rate"):
        Videos(np.zeros((1, 2, 3, 3, 1), np.uint8), frame_rate=0)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take UTF-8 names only")
def test_ids_and_classes_can_be_written_whatever_bytes_names_hold(tmp_path):
    for name in (b"caf\xe9/one", b"tea/two"):
        folder = tmp_path / os.fsdecode(name)
        folder.mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(folder / "0.png")
    found = Videos(tmp_path)
    assert found.ids == [r"caf\xe9/one", "tea/two"]
    assert found.classes == [r"caf\xe9", "tea"]
