from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from unlabeled.data.batch import Batch
from unlabeled.errors import UnlabeledError
from unlabeled.methods.video import ArrowOfTime, FrameOrder, FuturePrediction, TrackingByColorization
from unlabeled.methods.video.video_learning import steadying_view, without_borders

ALL = [ArrowOfTime, FrameOrder, FuturePrediction, TrackingByColorization]
PLAIN = {"epochs": 1, "batch_size": 4, "random_state": 0, "progress": False}


def clips(n: int = 6, frames: int = 8, size: int = 16, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, frames, size, size, channels), dtype=np.uint8)


def batch(n: int, frames: int) -> Batch:
    """Clips whose value tells clip and frame: 0.1 · clip + 0.01 · frame."""
    values = 0.1 * torch.arange(n)[:, None] + 0.01 * torch.arange(frames) + 0.2
    index = torch.arange(n)
    return Batch(values[:, :, None, None, None].expand(n, frames, 1, 8, 8).clone(), index, index)


def prepared(method, frames: int = 8, channels: int = 1):
    from unlabeled.modalities.video import VideoPreprocessing
    from unlabeled.views import ClipView, Compose

    method.views = ClipView(Compose([]))
    method.prepare(VideoPreprocessing(frames, 8, channels))
    return method


@pytest.mark.parametrize("method", ALL)
def test_what_is_learnt_is_saved_and_the_same_for_a_clip_alone(method, tmp_path):
    from unlabeled import load

    data = clips()
    model = method(**PLAIN).fit(data)
    vectors = model.transform(data)
    frames = model.encoder_.preprocessing.length
    assert vectors.shape == (6 * (8 // frames), model.encoder_.dim)
    np.testing.assert_allclose(model.transform(data[:1]), vectors[: 8 // frames], rtol=1e-4, atol=1e-5)
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(load(tmp_path / "model").transform(data), vectors)


@pytest.mark.parametrize("method", ALL)
def test_a_fit_repeats_bit_for_bit(method):
    a, b = (method(**PLAIN).fit(clips(4)).transform(clips(2)) for _ in range(2))
    np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("method", ALL)
def test_images_and_vectors_are_refused_by_name(method):
    with pytest.raises(UnlabeledError, match=f"{method.__name__} is for video data, not images"):
        method(**PLAIN).fit(np.zeros((4, 8, 8), np.uint8))


def test_a_folder_of_folders_of_frames_is_learnt_from(tmp_path):
    for number, clip in enumerate(clips(4)):
        (tmp_path / f"walk{number}").mkdir()
        for time, frame in enumerate(clip):
            Image.fromarray(frame.squeeze()).save(tmp_path / f"walk{number}" / f"{time}.png")
    model = FrameOrder(**PLAIN).fit(tmp_path)
    assert model.transform(tmp_path).shape == (4, model.encoder_.dim)
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.txt").write_text("words")
    with pytest.raises(UnlabeledError, match="neither videos nor folders of frames"):
        FrameOrder(**PLAIN).fit(tmp_path / "text")


def test_frames_of_any_image_encoder_and_a_temporal_head():
    for encoder in ("temporal:conv", "frames:vit", "frames:timm:resnet10t", "conv3d"):
        model = ArrowOfTime(encoder=encoder, **PLAIN).fit(clips(4))
        assert model.transform(clips(2)).shape == (2, model.encoder_.dim)


def test_clips_that_are_too_short_are_refused():
    for method, options, what in (
        (FrameOrder, {"clip_length": 4}, "at least 5 frames"),
        (ArrowOfTime, {"clip_length": 1}, "at least 2 frames"),
        (FuturePrediction, {"clip_length": 4}, "no 2 blocks of 2 frames"),
        (FuturePrediction, {"direction": "sideways"}, "direction"),
        (TrackingByColorization, {"colours": 1}, "colours must be a whole number of at least 2"),
    ):
        with pytest.raises(UnlabeledError, match=what):
            method(**PLAIN, **options).fit(clips())


@pytest.mark.parametrize("method", [ArrowOfTime, FrameOrder])
def test_a_score_needs_a_fitted_method_and_is_a_share(method):
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        method(**PLAIN).score(clips())
    model = method(**PLAIN).fit(clips())
    model.network_.train()  # whatever was done with it before
    assert 0 <= model.score(clips(), rounds=2) <= 1
    assert not model.network_.training


# The splits


def test_arrow_of_time_shows_each_clip_in_both_directions():
    given = batch(3, 8)
    x, y = prepared(ArrowOfTime()).split(given)
    assert y.tolist() == [0, 0, 0, 1, 1, 1]
    torch.testing.assert_close(x[:3], given.values)
    torch.testing.assert_close(x[3:], given.values.flip(1))


@pytest.mark.parametrize("frames", [5, 8, 16])
def test_frame_order_is_right_exactly_when_the_middle_frame_lies_between(frames):
    torch.manual_seed(0)
    method = prepared(FrameOrder(), frames)
    spans, reversed_ones = set(), 0
    for _ in range(30):
        x, y = method.split(batch(3, frames))
        assert y.tolist() == [1, 0, 1, 0, 1, 0]
        assert x.shape == (6, 3, 1, 8, 8)
        for clip, (triple, right) in enumerate(zip(x[:, :, 0, 0, 0], y.tolist(), strict=True)):
            first, middle, last = (100 * (triple - 0.2 - 0.1 * (clip // 2))).round().int().tolist()
            assert (min(first, last) < middle < max(first, last)) == bool(right)
            assert len({first, middle, last}) == 3
            reversed_ones += first > last
            spans.add(abs(last - first))
    assert spans == {2 * step for step in range(1, (frames - 1) // 4 + 1)}
    assert 50 < reversed_ones < 130  # of 180, about half


def test_frame_order_prefers_where_something_moves():
    from unlabeled.methods.video.frame_order import busiest_frames

    torch.manual_seed(0)
    still = torch.zeros(200, 12, 1, 4, 4)
    still[:, 9:] = 1  # one change, from frame 8 to 9
    for run in busiest_frames(still):
        assert run[0] <= 8 < run[-1]
    assert busiest_frames(torch.zeros(5, 12, 1, 4, 4)).shape == (5, 5)


def test_future_prediction_shows_the_past_and_hides_the_future():
    given = batch(3, 9)  # the ninth frame makes no block
    x, y = prepared(FuturePrediction(block=2, steps=1), 9).split(given)
    torch.testing.assert_close(x.flatten(1, 2), given.values[:, :6])
    torch.testing.assert_close(y.flatten(1, 2), given.values[:, 6:8])
    x, y = prepared(FuturePrediction(block=2, steps=1, direction="past"), 8).split(batch(3, 8))
    backwards = batch(3, 8).values.flip(1)
    torch.testing.assert_close(x.flatten(1, 2), backwards[:, :6])
    torch.testing.assert_close(y.flatten(1, 2), backwards[:, 6:])


def test_black_borders_become_black_and_nothing_else_changes():
    random = torch.rand(2, 4, 3, 12, 12) * 0.9 + 0.1
    framed = random.clone()
    noise = torch.rand(2, 4, 3, 12, 12) * 7 / 255
    framed[:, :, :, :2], framed[:, :, :, :, -3:] = noise[:, :, :, :2], noise[:, :, :, :, -3:]
    cleaned = without_borders(framed)
    assert cleaned[:, :, :, :2].abs().max() == 0
    assert cleaned[..., -3:].abs().max() == 0
    torch.testing.assert_close(cleaned[:, :, :, 2:, :-3], random[:, :, :, 2:, :-3])
    dark_inside = random.clone()
    dark_inside[:, :, :, 5] = 0.01  # a dark row inside is content
    torch.testing.assert_close(without_borders(dark_inside), dark_inside)


@torch.no_grad()
def test_the_statistics_of_a_batch_do_not_tell_the_past_of_the_future():
    """In training, where batch normalisation mixes what goes through the encoder at once."""
    torch.manual_seed(0)
    method = prepared(FuturePrediction(block=2, steps=1))

    class Normalised(torch.nn.Module):
        dim = 2 * 64

        def __init__(self):
            super().__init__()
            self.norm = torch.nn.BatchNorm1d(self.dim)

        def forward(self, blocks):
            return self.norm(blocks.flatten(1))

    net = method.build(Normalised()).train()
    entered = []
    net.predictor.register_forward_pre_hook(lambda _, given: entered.append(given[0].clone()))
    past, future = torch.rand(3, 3, 2, 1, 8, 8), torch.rand(3, 1, 2, 1, 8, 8)
    method.loss(net, past, future)
    method.loss(net, past, 5 * future + 1)
    torch.testing.assert_close(*entered)


# The losses


@torch.no_grad()
def test_future_prediction_is_info_nce_over_all_future_blocks():
    """By a plain loop over predictions and candidates; identical blocks give ln(N K)."""
    torch.manual_seed(0)
    method = prepared(FuturePrediction(block=2, steps=2, temperature=0.1))

    class Flat(torch.nn.Module):
        dim = 2 * 64

        def forward(self, blocks):
            return blocks.flatten(1)

    net = method.build(Flat())
    values = torch.rand(3, 8, 1, 8, 8)
    x, y = method.split(Batch(values, torch.zeros(3), torch.zeros(3)))
    got = method.loss(net, x, y)
    predicted = net.predictor(x.flatten(2)).view(3, 2, -1)
    total = 0.0
    for i in range(3):
        for k in range(2):
            scores = [
                float(torch.cosine_similarity(predicted[i, k], y[j, m].flatten(), dim=0)) / 0.1
                for j in range(3)
                for m in range(2)
            ]
            total += np.log(np.exp(scores).sum()) - scores[2 * i + k]
    assert float(got) == pytest.approx(total / 6, rel=1e-5)
    same = torch.ones_like(values)
    assert float(method.loss(net, *method.split(Batch(same, None, None)))) == pytest.approx(np.log(6), rel=1e-5)


def test_the_tracking_loss_is_that_of_a_plain_loop():
    torch.manual_seed(0)
    from unlabeled.methods.video import tracking_by_colorization as module

    method = prepared(TrackingByColorization(colours=3), 3, 3)
    features = torch.nn.functional.normalize(torch.randn(2, 3, 4, 2, 2), dim=2)
    method.places = lambda net, clips: features
    y = torch.randn(2, 3, 2, 4, 4) * 20
    y[0, 2, :, :2, :2] = 500.0  # a colour that no earlier frame shows, so the first clip has a place less
    torch.manual_seed(1)
    got = method.loss(None, None, y)
    torch.manual_seed(1)
    small = torch.nn.functional.adaptive_avg_pool2d(y.flatten(0, 1), 2).movedim(1, -1).reshape(-1, 2)
    colour = module.nearest(small, module.k_means_centres(small, 3)).view(2, 3, 4)
    losses = []
    for clip in range(2):
        of_clip = []
        for j in range(4):
            target = features[clip, 2, :, j // 2, j % 2]
            places = [(t, i) for t in range(2) for i in range(4)]
            weights = np.exp([float(features[clip, t, :, i // 2, i % 2] @ target) / 0.07 for t, i in places])
            right = [colour[clip, t, i] == colour[clip, 2, j] for t, i in places]
            if any(right):
                of_clip.append(-np.log(weights[right].sum() / weights.sum()))
        losses.append(np.mean(of_clip))
    assert len(of_clip) == 4
    assert float(got) == pytest.approx(np.mean(losses), rel=1e-4)


def test_tracking_distorts_clips_only_where_a_view_is_named():
    from unlabeled.modalities.video import VideoPreprocessing

    clips, method = torch.rand(2, 3, 3, 8, 8), TrackingByColorization()
    for views, kept in (("auto", True), (steadying_view(), False)):
        method.views = views
        method.prepare(VideoPreprocessing(3, 8, 3))
        shown, _ = method.split(Batch(clips, None, None))
        assert torch.equal(shown, clips) == kept


def test_similarities_of_tracking_are_in_full_precision_under_autocast():
    method = prepared(TrackingByColorization(colours=3), 3, 3)
    features, y = torch.nn.functional.normalize(torch.randn(2, 3, 4, 2, 2), dim=2), torch.randn(2, 3, 2, 4, 4) * 20
    method.places = lambda net, clips: features
    torch.manual_seed(1)
    expected = method.loss(None, None, y)
    torch.manual_seed(1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(method.loss(None, None, y), expected, rtol=1e-6, atol=0)


def test_places_that_are_compared_have_length_1_under_autocast():
    model = TrackingByColorization(**PLAIN).fit(clips())
    shown = torch.rand(2, 3, 3, 16, 16)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        places = model.places(model.network_.eval(), shown)
    assert places.dtype == torch.float32
    torch.testing.assert_close(places.norm(dim=2), torch.ones_like(places[:, :, 0]), rtol=1e-5, atol=0)


def test_the_tracker_sees_no_colour():
    """Two videos of the same luma and other colours have the same features."""
    model = TrackingByColorization(**PLAIN).fit(clips())
    grey = np.full((1, 4, 16, 16, 3), 100, np.uint8)
    tinted = grey.copy()
    tinted[..., 0] += 57  # 0.299 · 57 − 0.114 · 149.5 = 0
    tinted[..., 2] = 100
    tinted[..., 1] = np.rint(100 - 0.299 * 57 / 0.587)
    np.testing.assert_allclose(model.transform(grey), model.transform(tinted), atol=0.02)


def test_tracking_needs_colour_and_feature_maps():
    with pytest.raises(UnlabeledError, match="these videos are grey"):
        TrackingByColorization(**PLAIN).fit(clips(channels=1))
    with pytest.raises(UnlabeledError, match="needs feature maps of single frames"):
        TrackingByColorization(encoder="conv3d", **PLAIN).fit(clips())


def test_k_means_finds_colours_that_lie_apart():
    from unlabeled.methods.video.tracking_by_colorization import k_means_centres, nearest

    torch.manual_seed(0)
    true = torch.tensor([[0.0, 0.0], [50.0, 0.0], [0.0, 50.0], [50.0, 50.0]])
    points = true.repeat_interleave(100, 0) + torch.randn(400, 2)
    found = k_means_centres(points, 4)
    assert torch.cdist(true, found).amin(1).max() < 1
    assert nearest(points, found).view(4, 100).unique(dim=1).shape == (4, 1)
    assert torch.isfinite(k_means_centres(torch.zeros(10, 2), 4)).all()  # fewer colours than asked for


# What is learnt, and what must not be


def fitted(method, data, epochs: int = 15, **options):
    return method(epochs=epochs, batch_size=32, random_state=0, progress=False, **options).fit(data)


def chance(n: int) -> float:
    """Three standard deviations of the share of right answers to n questions by guessing."""
    return 3 * 0.5 / np.sqrt(n)


@pytest.mark.slow
def test_the_arrow_of_time_is_seen_in_falling_and_not_in_bouncing():
    from unlabeled.data.video.synthetic import falling_balls, moving_digits

    assert fitted(ArrowOfTime, falling_balls(192)).score(falling_balls(128, seed=1)) > 0.9
    pictures = np.random.default_rng(0).integers(0, 256, (20, 5, 5)).astype(np.uint8)
    bouncing, held_out = (moving_digits(pictures, 192, 8, 16, speed=1.5, seed=seed)[0] for seed in (0, 1))
    score = fitted(ArrowOfTime, bouncing).score(held_out)
    assert abs(score - 0.5) < chance(2 * 192)


@pytest.mark.slow
@pytest.mark.parametrize("method", [ArrowOfTime, FrameOrder])
def test_frames_of_shuffled_pixels_are_at_chance(method):
    """Each frame has its own order of the pixels, so nothing but what coding or fading leaves could tell time."""
    from unlabeled.data.video.synthetic import falling_balls

    def shuffled(seed: int) -> np.ndarray:
        frames = falling_balls(192, seed=seed).reshape(192, 8, 256, 1)
        return np.random.default_rng(seed).permuted(frames, axis=2).reshape(192, 8, 16, 16, 1)

    score = fitted(method, shuffled(0), epochs=8).score(shuffled(1))
    assert abs(score - 0.5) < chance(2 * 192)


@pytest.mark.slow
def test_a_flickering_border_does_not_give_the_arrow_away():
    """A border that is not quite black and grows brighter is what coding leaves; the picture itself never moves."""
    still = np.random.default_rng(0).integers(60, 200, (128, 1, 16, 16, 1), dtype=np.uint8).repeat(8, 1)
    still[:, :, :4] = np.arange(8, dtype=np.uint8)[:, None, None, None]
    score = fitted(ArrowOfTime, still[:64], epochs=8).score(still[64:])
    assert abs(score - 0.5) < chance(2 * 64)


@pytest.mark.slow
def test_the_order_of_frames_is_seen():
    from unlabeled.data.video.synthetic import moving_digits

    pictures = np.random.default_rng(0).integers(100, 256, (20, 5, 5)).astype(np.uint8)
    shown, held_out = (moving_digits(pictures, 256, 8, 16, speed=1.5, seed=seed)[0] for seed in (0, 1))
    assert fitted(FrameOrder, shown, epochs=20).score(held_out) > 0.75


@pytest.mark.slow
def test_the_future_is_predicted_better_than_by_chance():
    from unlabeled.data.video.synthetic import moving_digits

    pictures = np.random.default_rng(0).integers(100, 256, (20, 5, 5)).astype(np.uint8)
    model = fitted(FuturePrediction, moving_digits(pictures, 192, 8, 16, speed=1.5)[0], epochs=8)
    assert model.history_[-1]["loss"] < np.log(2 * 32) - 0.5
