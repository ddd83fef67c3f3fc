"""Two processes must learn what one learns from the joined batch."""

import json
import os
import socket
import subprocess
import sys
import textwrap

import pytest
import torch
from torch import nn

from unlabeled.encoders import synchronised
from unlabeled.encoders.synchronised import SynchronisedBatchNorm
from unlabeled.registry import load

SCRIPT = textwrap.dedent("""
    import json, os, sys
    import numpy as np
    from sklearn.datasets import load_digits
    from unlabeled.encoders import synchronised
    from unlabeled.registry import method
    images = (load_digits().images[:128] * (255 / 16)).round().astype("uint8")
    given = json.loads(sys.argv[5])
    pixels, tint, frames = given.pop("pixels", 1), given.pop("tint", False), given.pop("frames", 0)
    labels = load_digits().target[:128]
    labels[given.pop("labelled", 128):] = -1
    images = images.repeat(pixels, axis=1).repeat(pixels, axis=2)
    if tint:
        images = np.stack([images, images // 2, 255 - images], axis=3)
    if frames:
        images = images.reshape(*images.shape[:3], -1)
        images = np.stack([np.roll(images, i * i, axis=2) for i in range(frames)], axis=1)  # ever faster to the right
    settings = dict(encoder="conv", epochs=1, batch_size=int(sys.argv[4]), random_state=0, precision="float32",
                    progress=False, optimizer="sgd", learning_rate=float(sys.argv[3]), warmup=0.0, weight_decay=0.0)
    same_normalisation = given.pop("same_normalisation", False)
    settings |= given
    if settings.pop("texts", 0):
        words = np.random.default_rng(0).choice(["one", "two", "three", "four"], (128, 6))
        images = [" ".join(row[: 2 + i % 5]) for i, row in enumerate(words)]  # short ones are there several times
    cls = method(sys.argv[1])
    if same_normalisation:
        plain = cls.build
        cls.build = lambda self, encoder: synchronised(plain(self, encoder))
    model = cls(**settings).fit(images, labels)
    if os.environ.get("RANK", "0") == "0":
        model.save(sys.argv[2])
    print(model.seed_)
""")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def learn(method, folder, processes, rate=0.01, batch=128, **settings):
    """Let processes learn together; give the weights that the first saved."""
    run(SCRIPT, processes, method, folder, rate, batch, json.dumps(settings))
    return load(folder).network_.state_dict()


def run(script, processes, *words):
    """Run a script in processes that train together; give what each printed."""
    common = {**os.environ, "OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    ranks = [
        {"RANK": str(r), "LOCAL_RANK": str(r), "WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes),
         "GROUP_RANK": "0", "TORCHELASTIC_RUN_ID": "test"} if processes > 1 else {}
        for r in range(processes)
    ]  # fmt: skip
    started = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", script, *map(str, words)],
            env={**common, **rank},
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in ranks
    ]
    try:
        printed = [process.communicate(timeout=240)[0] for process in started]
        assert [process.returncode for process in started] == [0] * processes
    finally:
        for process in started:
            process.kill()
    return printed


# Nothing is held out: of the 115 rows that are left then, two processes would share 114.
WHOLE = {"validation_fraction": 0}


@pytest.mark.slow
@pytest.mark.parametrize("method", ["simclr", "byol", "rotation", "autoencoder"])
def test_two_processes_learn_what_one_learns_from_the_joined_batch(method, tmp_path):
    settings = WHOLE if method == "rotation" else {}
    start = learn(method, tmp_path / "start", 1, rate=1e-30, **settings)
    one, two = learn(method, tmp_path / "one", 1, **settings), learn(method, tmp_path / "two", 2, **settings)
    for key, expected in one.items():
        if expected.is_floating_point():
            step, other = expected - start[key], two[key] - start[key]
            # Float32 sums in another order, where much cancels, differ by a few thousandths of the largest step. A
            # gradient that was not gathered, or not averaged, would be wrong by a half.
            tolerance = 1e-2 * float(step.abs().max()) + 1e-5 * float(expected.abs().max())
            assert torch.allclose(other, step, atol=tolerance), (key, float((other - step).abs().max()))


# Two steps, so that what the first put into bank, queue and centre counts in the second. Held-out rows would leave one.
SHARED = {
    "moco": {"queue_size": 64, "projection_dim": 16},
    "instance_discrimination": {"projection_dim": 16},
    "swav": {"queue_size": 64, "prototypes": 8, "projection_dim": 16, "hidden_dim": 32, "local_views": 1},
    "dino": {"prototypes": 16, "projection_dim": 16, "hidden_dim": 32, "local_views": 1},
    "barlow_twins": {"projection_dim": 16},
    "vicreg": {"projection_dim": 16},
    "sim_siam": {"projection_dim": 16},
    "sup_con": {"projection_dim": 16, "per_class": 4},
    "siamese_network": {"projection_dim": 16},
    "triplet_network": {"projection_dim": 16},
    "cross_encoder": {},
    "cpc": {"encoder": "vit"},
    "variational_autoencoder": {"latent_dim": 8},
    "denoising_autoencoder": WHOLE,
    "masked_autoencoder": {"encoder": "vit"},
    "gan": {"latent_dim": 8, "spectral_norm": True},
    "exemplar": {"negatives": 32},
    "inpainting": WHOLE,
    "deblurring": WHOLE,
    "super_resolution": WHOLE,
    "jigsaw": {"pixels": 3, **WHOLE},
    "relative_position": {"pixels": 3, **WHOLE},
    "colorization": {"pixels": 2, "tint": True, **WHOLE},
    "mix_match": {"labelled": 40},
    "frame_order": {"pixels": 2, "frames": 9, "clip_length": 9, "encoder": "auto", **WHOLE},
    "tracking_by_colorization": {"pixels": 2, "frames": 4, "tint": True, "encoder": "auto"},
}


@pytest.mark.slow
@pytest.mark.parametrize("method", SHARED)
def test_two_processes_share_draws_banks_queues_centres_and_assignments(method, tmp_path):
    # PyTorch's batch normalisation, x·a + b with b = −mean·a, rounds more than ours, (x − mean)·a + b. In float32 the
    # difference puts a unit of jigsaw's head on the other side of its ReLU, which changes that unit's gradient by a
    # twentieth. So one process has our form too, which is PyTorch's in float64 (below).
    settings = {"batch": 64, "rate": 1e-3, "same_normalisation": True, **SHARED[method]}
    start = learn(method, tmp_path / "start", 1, **{**settings, "rate": 1e-30})
    one, two = learn(method, tmp_path / "one", 1, **settings), learn(method, tmp_path / "two", 2, **settings)
    for key, expected in one.items():
        if not expected.is_floating_point():
            assert torch.equal(two[key], expected), key
            continue
        step, other = expected - start[key], two[key] - start[key]
        # As above, and what two float32 runs differ by after the first step enters the second.
        tolerance = 2e-2 * float(step.abs().max()) + 1e-4 * float(expected.abs().max()) + 1e-6
        assert torch.allclose(other, step, atol=tolerance), (key, float((other - step).abs().max()), tolerance)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "given"), [("simcse", {"views": "crop"}), ("gpt", {}), ("elmo", {}), ("bert", {"next_sentence": False})]
)
def test_two_processes_learn_from_texts_what_one_learns(method, given, tmp_path):
    size = {"dim": 16, "layers": 1, "heads": 2, "length": 16, "dropout": 0.0, "encoder": "auto"}
    settings = {"batch": 32, "rate": 0.05, "epochs": 2, "texts": 1, **size, **given}
    start = learn(method, tmp_path / "start", 1, **{**settings, "rate": 1e-30})
    one, two = learn(method, tmp_path / "one", 1, **settings), learn(method, tmp_path / "two", 2, **settings)
    for key, expected in one.items():
        step, other = expected - start[key], two[key] - start[key]
        tolerance = 2e-2 * float(step.abs().max()) + 1e-4 * float(expected.abs().max()) + 1e-6  # as above
        assert torch.allclose(other, step, atol=tolerance), (key, float((other - step).abs().max()), tolerance)


@pytest.mark.slow
def test_processes_that_were_given_no_seed_draw_one_together(tmp_path):
    script = SCRIPT.replace("random_state=0", "random_state=None")
    first, second = run(script, 2, "autoencoder", tmp_path / "model", 0.01, 128, "{}")
    assert first == second


def test_synchronised_normalisation_equals_pytorchs_with_one_process():
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.Flatten(), nn.BatchNorm1d(5 * 16)).double()
    with torch.no_grad():
        plain[1].weight.uniform_(0.5, 2)
        plain[1].bias.normal_()
    ours = synchronised(
        nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.Flatten(), nn.BatchNorm1d(5 * 16)).double()
    )
    ours.load_state_dict(plain.state_dict())
    assert [type(ours[i]) for i in (1, 3)] == [SynchronisedBatchNorm] * 2
    for x in torch.randn(3, 7, 3, 6, 6).double():
        inputs = [x.clone().requires_grad_() for _ in range(2)]
        outputs = [net(i) for net, i in zip((plain, ours), inputs, strict=True)]
        assert torch.allclose(*outputs)
        for output in outputs:
            output.square().sum().backward()
        assert torch.allclose(inputs[0].grad, inputs[1].grad, atol=1e-9)
    for key, expected in plain.state_dict().items():
        assert torch.allclose(ours.state_dict()[key], expected), key
    ours.eval(), plain.eval()
    x = torch.randn(2, 3, 6, 6).double()
    assert torch.allclose(ours(x), plain(x))
