from __future__ import annotations

import json
import re

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from unlabeled.cli.main import app
from unlabeled.data.video import Videos
from unlabeled.data.video.synthetic import moving_shapes
from unlabeled.data.video.write_video import write_video
from unlabeled.errors import UnlabeledError
from unlabeled.explore.figures.overlay import mask_overlay, outline, point_overlay
from unlabeled.files import write_json
from unlabeled.methods.video import TrackingByColorization
from unlabeled.runs.showing.track import read_mask, track


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """What `learn` leaves and tracking reads: a model, and a description that is complete."""
    folder = tmp_path_factory.mktemp("track") / "run"
    videos, _ = moving_shapes(8, 4, 16)
    TrackingByColorization(epochs=1, batch_size=4, random_state=0, progress=False).fit(videos).save(folder / "model")
    write_json(folder / "run.json", {"complete": True, "recipe": {"method": "simclr"}, "source": None, "labels": None})
    return folder


@pytest.fixture
def clip(tmp_path, write_video):
    videos, masks = moving_shapes(1, 5, 24, shapes=2, seed=1)
    colours = np.array([[0, 0, 0], [255, 0, 0], [0, 0, 255]], np.uint8)
    Image.fromarray(colours[masks[0, 0]]).save(tmp_path / "mask.png")
    return write_video(tmp_path / "clip.mkv", videos[0]), tmp_path / "mask.png", masks[0, 0]


def invoke(*words):
    result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=True)
    return result


def test_masks_and_points_are_tracked_and_drawn(run, clip, tmp_path):
    path, mask, _ = clip
    result = invoke("track", run, path, "--mask", mask, "--out", tmp_path / "tracked.mp4", "--json")
    assert result.exit_code == 0, result.output
    done = json.loads(result.stdout)
    assert done["frames"] == 5
    assert [each["object"] for each in done["objects"]] == [1, 2]
    tracked = Videos(tmp_path / "tracked.mp4")
    np.testing.assert_allclose(tracked[0].times, np.arange(5) / 10, atol=1e-4)
    assert next(tracked.read(0)).shape == (3, 24, 24)
    result = invoke("track", run, path, "--point", "5,5", "--point", "12,9.5", "-o", tmp_path / "points.mp4")
    assert result.exit_code == 0, result.output
    assert "12, 9.5" in result.stdout


def test_transparent_parts_of_a_mask_are_background(tmp_path):
    pixels = np.full((4, 6, 4), 255, np.uint8)
    pixels[..., 3] = 0
    pixels[1:3, 1:3, 3] = 255
    Image.fromarray(pixels).save(tmp_path / "mask.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.png"), (pixels[..., 3] > 0).astype(np.int64))


def test_frames_that_cannot_be_drawn_over_are_refused(run, tmp_path):
    (tmp_path / "walk").mkdir()
    for number, width in enumerate((24, 24, 30)):
        Image.new("RGB", (width, 24), (9, 9, 200)).save(tmp_path / "walk" / f"{number}.png")
    with pytest.raises(UnlabeledError, match=r"2\.png: it is 30 × 24 pixels, and the first frame 24 × 24"):
        track(run, tmp_path / "walk", tmp_path / "a.mp4", points=[(3, 3)])
    with pytest.raises(UnlabeledError, match="frames of 1 × 1 pixels are too small"):
        write_video(np.zeros((2, 3, 1, 1), np.uint8), np.arange(2) / 10, tmp_path / "a.mp4")
    assert not (tmp_path / "a.mp4").exists()


def test_what_is_not_usable_is_refused(run, clip, tmp_path):
    path, mask, _ = clip
    out = tmp_path / "o.mp4"
    Image.new("RGB", (9, 9), "white").save(tmp_path / "small.png")
    for arguments, message in (
        ({"mask": tmp_path / "small.png"}, "shape \\(9, 9\\), but the frames"),
        ({"mask": path}, "cannot read the mask"),
        ({"points": [(99.0, 1.0)]}, "inside frames"),
    ):
        with pytest.raises(UnlabeledError, match=message):
            track(run, path, out, **arguments)
        assert not out.exists()
    with pytest.raises(UnlabeledError, match=r"written as"):
        track(run, path, tmp_path / "o.gif", mask=mask)
    before = path.read_bytes()
    with pytest.raises(UnlabeledError):
        track(run, path, path, mask=mask, overwrite=True)
    assert path.read_bytes() == before
    for words in (["track", run, path], ["track", run, path, "--point", "5"]):
        assert isinstance(invoke(*words).exception, UnlabeledError)


def test_a_run_of_another_method_does_not_track(run, clip, tmp_path):
    other = tmp_path / "other"
    write_json(other / "run.json", {"complete": True, "recipe": {"method": "simclr"}, "source": None, "labels": None})
    write_json(other / "model" / "model.json", {"method": "simclr"})
    with pytest.raises(UnlabeledError, match="learnt by simclr, which does not track"):
        track(other, clip[0], tmp_path / "o.mp4", mask=clip[1])


def test_masks_are_numbered_by_colour_and_soft_ones_are_cut(clip, tmp_path):
    numbers = read_mask(clip[1])
    expected = np.where(clip[2] == 0, 0, 3 - clip[2])  # blue is a smaller number than red
    np.testing.assert_array_equal(numbers, expected)
    soft = np.linspace(0, 255, 64).astype(np.uint8)[None].repeat(4, 0)
    Image.fromarray(soft).save(tmp_path / "soft.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "soft.png"), (soft > 127).astype(int))


def test_overlays_leave_the_background_alone():
    frame = np.full((3, 20, 20), 90, np.uint8)
    mask = np.zeros((20, 20), np.int64)
    mask[5:10, 5:10], mask[12:18, 12:18] = 1, 2
    drawn = mask_overlay(frame, mask)
    assert (drawn[:, mask == 0] == 90).all()
    assert (drawn[:, 7, 7] != drawn[:, 15, 15]).any()
    assert outline(mask)[5, 5]
    assert not outline(mask)[7, 7]
    dotted = point_overlay(frame, np.array([[10.0, 4.0]]))
    assert (dotted[:, 4, 10] != 90).any()
    assert (dotted[:, 15] == 90).all()


def test_written_videos_keep_frames_and_times(tmp_path):
    frames = np.arange(6, dtype=np.uint8)[:, None, None, None] * 30 + np.zeros((1, 3, 17, 32), np.uint8)
    times = np.array([0, 0.1, 0.2, 0.5, 0.6, 1.0])
    write_video(frames, times, tmp_path / "a.mp4", crf=0)
    back = Videos(tmp_path / "a.mp4")
    np.testing.assert_allclose(back[0].times, times, atol=1e-3)
    read = np.stack(list(back.read(0)))
    assert read.shape == (6, 3, 16, 32)  # H.264 holds an even number of rows
    np.testing.assert_allclose(read[:, 0, 5, 5], np.arange(6) * 30, atol=3)
    with pytest.raises(UnlabeledError, match=re.escape(".gif")):
        write_video(frames, times, tmp_path / "a.gif")
