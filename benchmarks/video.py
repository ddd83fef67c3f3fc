"""Methods for video on data that nothing was chosen on: pretext scores with intervals, probes, tracking, decoding."""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from harness import interleave, report, row

from unlabeled import ArrowOfTime, FrameOrder, FuturePrediction, TrackingByColorization
from unlabeled.data import Images, Videos
from unlabeled.data.video.synthetic import falling_balls, moving_digits, moving_shapes
from unlabeled.encoders import embed
from unlabeled.encoders.encoder import from_description
from unlabeled.evaluation.accuracy import wilson_interval
from unlabeled.evaluation.probes.linear_probe import linear_probe
from unlabeled.modalities import open_instances
from unlabeled.views import ClipView, Compose


def scored(label, model, held_out, questions, seconds):
    score = model.score(held_out)
    return {"label": label, "score": score, "interval": wilson_interval(score, questions), "questions": questions} | {
        "chance": 0.5,
        "train_s": seconds,
    }


def fitted(method, data, **options):
    start = time.perf_counter()
    model = method(random_state=0, progress=False, **options).fit(data)
    return model, time.perf_counter() - start


def digits(data: Path, part: str, rows: slice, side: int = 14):
    images = Images(data / "mnist" / f"{part}.parquet")
    chosen = range(*rows.indices(len(images)))
    pixels = np.stack([np.asarray(images.decode(i).resize((side, side))) for i in chosen])
    return pixels, images.labels[list(chosen)]


def arrow(data: Path):
    model, seconds = fitted(ArrowOfTime, falling_balls(192), epochs=8, batch_size=32)
    rows = [scored("arrow of time, falling balls", model, falling_balls(500, seed=1), 1000, seconds)]
    shown, _ = digits(data, "train", slice(0, 500), 8)
    hidden, _ = digits(data, "test", slice(0, 500), 8)
    model, seconds = fitted(ArrowOfTime, moving_digits(shown, 192, 8, 16, speed=1.5)[0], epochs=8, batch_size=32)
    held_out = moving_digits(hidden, 500, 8, 16, speed=1.5, seed=1)[0]
    return [*rows, scored("arrow of time, Moving MNIST (reversible)", model, held_out, 1000, seconds)]


def order(data: Path):
    """Learn from four videos, test on the fifth."""
    folder = data / "video"
    names = ["bikes.mp4", "carphone_pristine.mp4", "bigbuckbunny.mp4", "tree.avi"]
    learnt = Videos([folder / name for name in names]).clips(9, stride=2, size=48)
    model, seconds = fitted(FrameOrder, learnt, epochs=15, batch_size=32, clip_length=9)
    other = Videos(folder / "vtest.avi").clips(9, stride=4, size=48)
    rows = [scored("frame order, four real videos, tested on vtest.avi", model, other, 2 * len(other), seconds)]
    shown, _ = digits(data, "train", slice(0, 500))
    hidden, _ = digits(data, "test", slice(0, 500))
    model, seconds = fitted(FrameOrder, moving_digits(shown, 256, 8, 32)[0], epochs=12, batch_size=32)
    held_out = moving_digits(hidden, 500, 8, 32, seed=1)[0]
    return [*rows, scored("frame order, Moving MNIST", model, held_out, 1000, seconds)]


def future(data: Path):
    """Let digits of 20 pixels move over 32; settings were chosen on training digits alone."""
    shown, of_shown = digits(data, "train", slice(0, 3000), 20)
    hidden, of_hidden = digits(data, "test", slice(0, 1000), 20)
    train, which, directions = moving_digits(shown, 2000, 8, 32)
    test, which_test, directions_test = moving_digits(hidden, 1000, 8, 32, seed=1)
    plain = ClipView(Compose([]))
    model, seconds = fitted(FuturePrediction, train, epochs=10, batch_size=64, views=plain)
    instances, preprocessing = open_instances(test, model, model.encoder_.preprocessing)
    with torch.no_grad():
        losses = []
        for batch in instances.batches(list(torch.arange(960).split(64))):
            x, y = model.split(batch.map(preprocessing.canonical))
            losses.append(float(model.loss(model.network_, x, y)))
    result = {"label": "future prediction, Moving MNIST", "held_out_info_nce": statistics.mean(losses)}
    result |= {"log_n": float(np.log(64 * model.steps)), "train_s": seconds}
    torch.manual_seed(0)
    untrained = from_description(model.encoder_.describe(), preprocessing)
    training, _ = open_instances(train, model, preprocessing)
    quarters = [(np.floor(d[:, 0] / (np.pi / 2)).astype(int) % 4) for d in (directions, directions_test)]
    targets = {
        "digit": (of_shown[which[:, 0]], of_hidden[which_test[:, 0]]),
        "direction (4)": (quarters[0], quarters[1]),
    }
    for name, encoder in (("learnt", model.encoder_), ("untrained", untrained)):
        a, b = embed(encoder, training), embed(encoder, instances)
        for target, (known, asked) in targets.items():
            accuracy = linear_probe(a, known, b, asked).accuracy
            result[f"{target}, {name}"] = {"accuracy": accuracy, "interval": wilson_interval(accuracy, len(test))}
    return [result]


def overlap(found, true) -> float:
    """Give the mean region overlap J over shapes and all frames but the first."""
    scores = []
    for number in np.unique(true[0])[1:]:
        for frame in range(1, len(true)):
            a, b = found[frame] == number, true[frame] == number
            if b.any():
                scores.append((a & b).sum() / (a | b).sum())
    return float(np.mean(scores))


def tracking(_: Path):
    videos, masks = moving_shapes(10, 10, 64, speed=3, seed=5)
    training = moving_shapes(200, 4, 64, speed=3)[0]
    rows = [
        {"label": "tracking, first mask copied", "J": statistics.mean(overlap(m[:1].repeat(10, 0), m) for m in masks)}
    ]
    for label, options in (
        ("tracking, untrained", {"epochs": 1, "learning_rate": 1e-12}),
        ("tracking, learnt", {"epochs": 8}),
    ):
        model, seconds = fitted(TrackingByColorization, training, batch_size=16, **options)
        found = [
            overlap(model.track(video, mask[0], size=128), mask) for video, mask in zip(videos, masks, strict=True)
        ]
        rows.append({"label": label, "J": statistics.mean(found), "videos": 10, "train_s": seconds})
    return rows


def decoding(data: Path):
    """Read the first 30 s of a 768 × 576 video and make clips of 64 pixels of it."""
    import imageio_ffmpeg
    from PIL import Image

    path = data / "video" / "vtest.avi"

    def ours() -> None:
        clips = Videos(path).clips(8, size=64, workers=1)
        clips.gather(torch.arange(300 // 8))

    def peer() -> None:
        frames = imageio_ffmpeg.read_frames(str(path))
        size = next(frames)["size"]
        read = []
        for number, raw in enumerate(frames):
            if number == 795:
                break
            image = Image.frombytes("RGB", size, raw)
            left = (size[0] - size[1]) // 2
            read.append(np.asarray(image.resize((64, 64), box=(left, 0, left + size[1], size[1]), reducing_gap=2)))
        frames.close()
        np.stack(read)

    return [row("795 frames of 768×576 to 64×64: imageio-ffmpeg and Pillow", *interleave(ours, peer, 3))]


class Waited:
    """Instances that take the time for which the training loop waits for a batch."""

    def __init__(self, instances) -> None:
        self.instances, self.seconds = instances, 0.0

    def __getattr__(self, name: str):
        return getattr(self.instances, name)

    def __len__(self) -> int:
        return len(self.instances)

    def batches(self, index_batches, prefetch: int = 2):
        batches = iter(self.instances.batches(index_batches, prefetch))
        while True:
            start = time.perf_counter()
            batch = next(batches, None)
            self.seconds += time.perf_counter() - start
            if batch is None:
                return
            yield batch


def waiting(data: Path):
    """Train on clips that are decoded for every batch, and see for how much of that time the loop waits for them."""
    rows = []
    for method in (ArrowOfTime, FuturePrediction):
        clips = Videos(data / "video" / "vtest.avi").clips(8, stride=4, size=64, cache_bytes=0)
        waited = Waited(clips)
        model, seconds = fitted(method, waited, epochs=3, batch_size=32)
        steps = model.provenance_["training"]["steps"]
        rows.append({"label": f"waiting for decoding, {method.__name__}", "share": waited.seconds / seconds})
        rows[-1] |= {"train_s": seconds, "steps": steps, "size": 64, "video": "768×576"}
    return rows


PARTS = {
    "arrow": arrow,
    "order": order,
    "future": future,
    "tracking": tracking,
    "decoding": decoding,
    "waiting": waiting,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder of the real data sets")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    args = parser.parse_args()
    for part in args.parts:
        report(f"video_{part}", PARTS[part](args.data))


if __name__ == "__main__":
    main()
