from __future__ import annotations

import numpy as np
import pytest
import torch

from unlabeled.data.video import Videos
from unlabeled.errors import UnlabeledError
from unlabeled.methods.video import TrackingByColorization
from unlabeled.methods.video.propagation import LabelPropagation, neighbourhood, point_maps, point_positions


def moved(frames: int = 5, side: int = 8, dim: int = 64) -> torch.Tensor:
    """Features of a picture that moves one place to the right with each frame; every place is unlike the others."""
    torch.manual_seed(0)
    picture = torch.nn.functional.normalize(torch.randn(dim, side, 3 * side), dim=0)
    return torch.stack([picture[:, :, side - t : 2 * side - t] for t in range(frames)])


def test_a_mask_moves_with_what_it_marks():
    features = moved()
    first = torch.zeros(2, 8, 8)
    first[1, 2:4, 1:3] = 1
    first[0] = 1 - first[1]
    maps = list(LabelPropagation(memory=3, radius=0.3, top=3, temperature=0.05)(features, first))
    for time, found in enumerate(maps):
        expected = torch.zeros(8, 8, dtype=torch.int64)
        expected[2:4, 1 + time : 3 + time] = 1
        assert torch.equal(found.argmax(0)[:, time:], expected[:, time:])  # what comes in was never seen before


def test_copied_labels_are_those_of_a_plain_loop():
    torch.manual_seed(1)
    features = torch.nn.functional.normalize(torch.randn(3, 6, 3, 4), dim=1)
    first = torch.rand(2, 3, 4)
    memory, radius, top, temperature = 5, 0.4, 4, 0.2
    maps = list(LabelPropagation(memory, radius, top, temperature)(features, first))
    for time in (1, 2):
        for row in range(3):
            for column in range(4):
                near = [
                    (float(features[t, :, r, c] @ features[time, :, row, column]), maps[t][:, r, c])
                    for t in range(time)
                    for r in range(3)
                    for c in range(4)
                    if abs(r - row) / 3 <= radius and abs(c - column) / 4 <= radius
                ]
                best = sorted(near, key=lambda pair: -pair[0])[:top]
                weights = np.exp([similarity / temperature for similarity, _ in best])
                expected = sum(w * label for w, (_, label) in zip(weights / weights.sum(), best, strict=True))
                torch.testing.assert_close(maps[time][:, row, column], expected.float(), rtol=1e-4, atol=1e-5)


def test_only_the_first_frame_and_the_last_few_are_remembered():
    """What was seen for one frame only is forgotten after `memory` frames, but the first frame never is."""
    features = moved(8)
    consumed = []

    def stream():
        for time, frame in enumerate(features):
            consumed.append(time)
            yield frame

    carried = LabelPropagation(memory=2, radius=0.3, top=1, temperature=0.1)(stream(), torch.rand(1, 8, 8))
    next(carried), next(carried)
    assert consumed == [0, 1]  # lazily, frame by frame


def test_the_nearest_neighbours_are_always_looked_at():
    near = neighbourhood(4, 4, 0.0, torch.device("cpu"))
    assert near[5].nonzero().flatten().tolist() == [0, 1, 2, 4, 5, 6, 8, 9, 10]


def test_places_are_near_if_both_their_rows_and_their_columns_are(monkeypatch):
    near = neighbourhood(3, 4, 0.4, torch.device("cpu"))
    for one in range(12):
        for other in range(12):
            apart = max(abs(one // 4 - other // 4) / 3, abs(one % 4 - other % 4) / 4)
            assert bool(near[one, other]) == (apart <= 0.4)
    monkeypatch.setattr("unlabeled.memory.free_memory", lambda: 10**9)
    with pytest.raises(UnlabeledError, match=r"256 × 256 places needs 8\.6 GB of memory.* take a smaller size"):
        neighbourhood(256, 256, 0.25, torch.device("cpu"))


@pytest.mark.parametrize("point", [(0.0, 0.0), (31.0, 23.0), (10.3, 5.5), (15.5, 11.5)])
def test_points_go_to_the_grid_and_back(point):
    maps = point_maps([point], (24, 32), (6, 8))
    assert float(maps.sum()) == pytest.approx(1)
    back = point_positions(maps, (24, 32))[0]
    assert (back - torch.tensor(point)).abs().max() <= 2.0  # half a place of four pixels


@pytest.fixture(scope="module")
def tracker():
    from unlabeled.data.video.synthetic import moving_shapes

    videos, _ = moving_shapes(8, 4, 16)
    return TrackingByColorization(epochs=1, batch_size=4, random_state=0, progress=False).fit(videos)


def test_track_keeps_the_numbers_and_the_size(tracker, tmp_path, write_video):
    from unlabeled.data.video.synthetic import moving_shapes

    videos, masks = moving_shapes(1, 6, 24, seed=3)
    mask = masks[0, 0] * 10
    tracked = tracker.track(videos[0], mask)
    assert tracked.shape == (6, 24, 24)
    assert set(np.unique(tracked)) <= set(np.unique(mask))
    np.testing.assert_array_equal(tracked[0], mask)
    path = write_video(tmp_path / "a.mkv", videos[0])
    np.testing.assert_array_equal(tracker.track(path, mask), tracked)
    points = tracker.track(path, points=[(5, 5), (20, 10)])
    assert points.shape == (6, 2, 2)
    assert (points >= 0).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "either masks or points"),
        ({"masks": np.ones((5, 5), int)}, r"shape \(5, 5\), but the frames of the video are 16 × 16"),
        ({"masks": np.zeros((16, 16), int)}, "marks nothing"),
        ({"masks": np.ones((16, 16))}, "whole numbers"),
        ({"points": [(3, 16)]}, "inside frames of 16 × 16"),
        ({"points": [1, 2, 3]}, "pairs"),
    ],
)
def test_masks_and_points_that_do_not_fit_are_refused(tracker, arguments, message):
    video = np.zeros((3, 16, 16, 3), np.uint8)
    with pytest.raises(UnlabeledError, match=message):
        tracker.track(video, **arguments)
    with pytest.raises(UnlabeledError, match="one video"):
        tracker.track(Videos([video, video]), masks=np.ones((16, 16), int))
