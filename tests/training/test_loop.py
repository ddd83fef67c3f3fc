"""The loop's promises: repeatable, resumable to the same weights, interruptible, and loud about trouble."""

import math
import os
import signal
import subprocess
import sys
import textwrap
import time
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from unlabeled.data import Vectors
from unlabeled.encoders import Network
from unlabeled.errors import UnlabeledError
from unlabeled.files import read_json, write_json
from unlabeled.methods.generative.autoencoder import Autoencoder
from unlabeled.methods.noncontrastive.byol import BYOL
from unlabeled.training.bases.multi_view import MultiView
from unlabeled.training.bases.self_supervised import SelfSupervised
from unlabeled.training.control.health_monitor import CollapseWarning

SMALL = {"latent_dim": 4, "epochs": 4, "batch_size": 32, "random_state": 0, "progress": False}


@pytest.fixture(scope="module")
def images(digits):
    return digits[0][:128]


def weights(model):
    return {key: value.clone() for key, value in model.network_.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_a_seed_repeats_a_fit_bit_for_bit_and_another_does_not(images):
    first, again = (weights(Autoencoder(**SMALL).fit(images)) for _ in range(2))
    assert same(first, again)
    assert not same(first, weights(Autoencoder(**{**SMALL, "random_state": 1}).fit(images)))


def test_fitting_again_starts_afresh_and_changes_neither_parameters_nor_input(images):
    model = Autoencoder(**SMALL)
    before, data = model.get_params(), images.copy()
    first = weights(model.fit(images))
    assert same(first, weights(model.fit(images)))
    assert model.get_params() == before
    assert np.array_equal(images, data)


def test_the_callers_randomness_is_left_alone(images):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    Autoencoder(**SMALL).fit(images)
    assert torch.equal(torch.rand(3), expected)


def test_the_loss_falls(images):
    history = Autoencoder(**{**SMALL, "epochs": 20, "learning_rate": 3e-3}).fit(images).history_
    assert history[-1]["loss"] < 0.7 * history[1]["loss"]
    steps = [look["step"] for look in history]
    assert steps == sorted(set(steps))


def test_the_health_of_the_untrained_network_comes_first(images):
    first = BYOL(epochs=1, batch_size=32, encoder="conv", random_state=0, progress=False).fit(images).history_[0]
    longer = BYOL(epochs=2, batch_size=32, encoder="conv", random_state=0, progress=False).fit(images).history_[0]
    assert first.keys() == {"step", "epoch", "effective_rank", "uniformity", "alignment"}
    assert first["step"] == 0
    assert first == longer


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "lars"])
@pytest.mark.parametrize("method", ["autoencoder", "byol"])
def test_a_resumed_run_ends_with_the_weights_of_one_that_was_never_stopped(
    images, tmp_path, optimizer, method, monkeypatch
):
    kind = {"autoencoder": Autoencoder, "byol": BYOL}[method]
    settings = {key: value for key, value in SMALL.items() if key != "latent_dim" or kind is Autoencoder}
    settings |= {"optimizer": optimizer, "learning_rate": 1e-3, "encoder": "conv"}
    whole = kind(**settings).fit(images)

    class StopsAtFive(kind):
        seen = 0

        def split(self, batch):
            StopsAtFive.seen += 1
            if StopsAtFive.seen == 5:
                os.kill(os.getpid(), signal.SIGINT)
            return super().split(batch)

    monkeypatch.setattr("unlabeled.estimator.name_of", lambda cls: method)
    interrupted = StopsAtFive(**settings, checkpoint=tmp_path)
    with pytest.raises(KeyboardInterrupt, match=r"after step 5 of 16; saved in .*resume=True"):
        interrupted.fit(images)
    assert interrupted.transform(images).shape[0] == 128  # it keeps what it has learnt
    resumed = kind(**settings, checkpoint=str(tmp_path)).fit(images, resume=True)
    assert same(weights(whole), weights(resumed))
    assert whole.history_ == resumed.history_


def test_a_run_without_a_seed_is_resumed_with_the_seed_it_drew(images, tmp_path):
    first = Autoencoder(**{**SMALL, "random_state": None}, checkpoint=str(tmp_path)).fit(images)
    resumed = Autoencoder(**{**SMALL, "random_state": None}, checkpoint=str(tmp_path)).fit(images, resume=True)
    assert resumed.seed_ == first.seed_
    assert same(weights(first), weights(resumed))


def test_resuming_with_other_settings_or_data_is_refused(images, tmp_path):
    Autoencoder(**SMALL, checkpoint=str(tmp_path)).fit(images)
    with pytest.raises(UnlabeledError, match=r"learning_rate was 0\.001 and is now 0\.1"):
        Autoencoder(**SMALL, learning_rate=0.1, checkpoint=str(tmp_path)).fit(images, resume=True)
    with pytest.raises(UnlabeledError, match="data was"):
        Autoencoder(**SMALL, checkpoint=str(tmp_path)).fit(images[::-1].copy(), resume=True)


def test_resuming_from_nothing_is_refused(images, tmp_path):
    with pytest.raises(UnlabeledError, match="needs the folder of the checkpoint"):
        Autoencoder(**SMALL).fit(images, resume=True)
    with pytest.raises(UnlabeledError, match="holds no checkpoint"):
        Autoencoder(**SMALL, checkpoint=str(tmp_path)).fit(images, resume=True)


def test_a_loaded_model_writes_into_no_checkpoint_and_computes_where_it_can(images, tmp_path):
    Autoencoder(**SMALL, checkpoint=str(tmp_path / "checkpoint")).fit(images).save(tmp_path / "model")
    saved = read_json(tmp_path / "model" / "model.json")
    write_json(tmp_path / "model" / "model.json", saved | {"device": "cuda:77"})  # as of another machine
    before = (tmp_path / "checkpoint" / "checkpoint.safetensors").read_bytes()
    loaded = Autoencoder.load(tmp_path / "model")
    loaded.transform(images)
    loaded.fit(images[::-1].copy())
    assert (tmp_path / "checkpoint" / "checkpoint.safetensors").read_bytes() == before


def test_a_damaged_checkpoint_is_named(images, tmp_path):
    Autoencoder(**SMALL, checkpoint=str(tmp_path)).fit(images)
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UnlabeledError, match="damaged"):
        Autoencoder(**SMALL, checkpoint=str(tmp_path)).fit(images, resume=True)


def test_killed_in_mid_training_it_resumes_to_the_same_weights(images, tmp_path):
    script = textwrap.dedent(f"""
        import sys
        from sklearn.datasets import load_digits
        from unlabeled.methods.generative.autoencoder import Autoencoder
        images = (load_digits().images[:128] * (255 / 16)).round().astype("uint8")
        model = Autoencoder(**{SMALL | {"epochs": 60}!r}, checkpoint=sys.argv[1], checkpoint_every=3)
        model.fit(images, resume=len(sys.argv) > 2)
        model.save(sys.argv[1] + "/done")
    """)
    command = [sys.executable, "-c", script, str(tmp_path)]
    process = subprocess.Popen(command)
    deadline = time.monotonic() + 120
    while not (tmp_path / "checkpoint.safetensors").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "done").exists()
    subprocess.run([*command, "resume"], check=True, timeout=300)
    whole = Autoencoder(**SMALL | {"epochs": 60}).fit(images)
    assert same(weights(whole), weights(Autoencoder.load(tmp_path / "done")))


def test_accumulated_gradients_are_those_of_one_large_batch(images):
    class MeanSquare(SelfSupervised):
        """A loss that is a mean over instances, so that two halves average to the whole."""

        def split(self, batch):
            return batch.values, batch.values

        def loss(self, net, x, y):
            return net.encoder(x).square().sum(1).mean()

    settings = {
        "encoder": "mlp", "optimizer": "sgd", "learning_rate": 0.1, "epochs": 1, "random_state": 0,
        "precision": "float32", "progress": False,
    }  # fmt: skip
    large = weights(MeanSquare(**settings, batch_size=64).fit(images))
    small = weights(MeanSquare(**settings, batch_size=32, accumulate=2).fit(images))
    for key in large:
        # Sums in another order differ by float32 rounding.
        assert torch.allclose(large[key], small[key], atol=1e-6), key


def test_clipping_bounds_a_step(images):
    settings = {
        **SMALL,
        "optimizer": "sgd",
        "learning_rate": 1.0,
        "epochs": 1,
        "batch_size": 128,
        "warmup": 0.0,
        "weight_decay": 0.0,
    }
    start = weights(Autoencoder(**{**settings, "learning_rate": 1e-30}).fit(images))
    clipped = weights(Autoencoder(**settings, clip_norm=1e-3).fit(images))
    moved = math.sqrt(sum(float((clipped[key] - start[key]).square().sum()) for key in start))
    # Nesterov's first step is 1 + momentum = 1.9 times the gradient.
    assert moved == pytest.approx(1.9e-3, rel=0.02)


class Collapses(MultiView):
    """Two views attract and nothing repels: the textbook way to collapse."""

    def loss(self, net, x, y):
        return (F.normalize(net.encoder(x)) - F.normalize(net.encoder(y))).square().sum(1).mean()


@pytest.mark.parametrize(("encoder", "kind"), [("mlp", "complete"), ("conv", "dimensional")])
def test_a_collapse_is_announced_once_with_its_step_and_advice(images, encoder, kind):
    settings = {
        "encoder": encoder,
        "epochs": 60,
        "batch_size": 64,
        "learning_rate": 0.01,
        "views": "simclr",
        "random_state": 0,
        "progress": False,
    }
    with pytest.warns(CollapseWarning, match=rf"{kind} collapse .* by step \d+.*Lower the learning rate") as caught:
        Collapses(**settings).fit(images)
    assert len(caught) == 1


def test_a_healthy_run_announces_nothing(images):
    with warnings.catch_warnings():
        warnings.simplefilter("error", CollapseWarning)
        Autoencoder(**SMALL).fit(images)


def test_a_loss_that_is_no_number_ends_the_run_with_advice(images):
    class Explodes(Autoencoder):
        def loss(self, net, x, y):
            return super().loss(net, x, y) * float("nan")

    with pytest.raises(UnlabeledError, match=r"loss is nan by step.*lower the learning rate"):
        Explodes(**SMALL).fit(images)


def test_bf16_trains_to_about_the_same_loss_and_keeps_float32_weights(images):
    exact = Autoencoder(**SMALL, precision="float32").fit(images)
    fast = Autoencoder(**SMALL, precision="bf16").fit(images)
    # bfloat16 keeps 8 bits of mantissa, about 0.4 %; a few per cent after a handful of steps is what that allows.
    assert fast.history_[-1]["loss"] == pytest.approx(exact.history_[-1]["loss"], rel=0.05)
    assert all(p.dtype == torch.float32 for p in fast.network_.parameters())
    assert fast.transform(images).dtype == np.float32


def test_the_teacher_moves_after_the_step_and_only_by_its_rule(images):
    class Watched(BYOL):
        def after_step(self, net, batch, done):
            student = net.encoder.body[0][0].weight
            teacher = net.teacher.copy[0].body[0][0].weight
            before = teacher.clone()
            super().after_step(net, batch, done)
            momentum = 1 - (1 - self.momentum) * (math.cos(math.pi * done) + 1) / 2
            assert torch.allclose(teacher, momentum * before + (1 - momentum) * student, atol=1e-7)
            moved.append(float((student.detach() - initial[0]).abs().sum()))

        def build(self, encoder):
            initial.append(encoder.body[0][0].weight.detach().clone())
            return super().build(encoder)

    initial, moved = [], []
    Watched(encoder="conv", epochs=1, batch_size=64, random_state=0, progress=False).fit(images)
    assert len(moved) == 2
    assert moved[0] > 0  # the student had already stepped when the teacher followed for the first time


def test_a_second_interrupt_stops_at_once(images):
    class Impatient(Autoencoder):
        def split(self, batch):
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
            raise AssertionError("the second interrupt was not heard")

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        Impatient(**SMALL).fit(images)
    assert signal.getsignal(signal.SIGINT) is before


class OwnHead(SelfSupervised):
    """A method need only be a split and a loss."""

    def build(self, encoder):
        return Network(encoder, head=nn.Linear(encoder.dim, 1))

    def split(self, batch):
        return batch.values, batch.values.flatten(1).mean(1, keepdim=True)

    def loss(self, net, x, y):
        return F.mse_loss(net.head(net.encoder(x)), y)


def test_a_method_of_ones_own_is_a_split_a_network_and_a_loss(images, monkeypatch):
    model = OwnHead(epochs=1, progress=False).fit(images)
    assert model.transform(images).shape == (128, model.encoder_.dim)


class Banked(OwnHead):
    """A method with labels, a memory bank in the network and a count of its own beside it."""

    uses_labels = True
    stop_at = 0

    def build(self, encoder):
        self.count_ = torch.zeros(())
        self.seen_ = []
        net = super().build(encoder)
        net.register_buffer("bank", torch.zeros(128, 2))
        return net

    def loss(self, net, x, y):
        return super().loss(net, x, y) + 0.01 * net.encoder(x).square().mean() * (1 + net.bank.mean() + self.count_)

    def after_step(self, net, batch, done):
        assert 0 <= done < 1
        net.bank[batch.index] = batch.values.flatten(1)[:, 20:22] * (2 + batch.labels[:, None])
        self.count_ += 1
        self.seen_.append((batch.index, batch.labels))
        if self.count_ == self.stop_at:
            os.kill(os.getpid(), signal.SIGINT)

    def state(self, net):
        return {"count": self.count_}


def test_labels_given_to_fit_reach_the_batches_of_a_method_that_uses_them(images):
    names = np.array(["b", "a", "", "c"] * 32, dtype=object)
    model = Banked(epochs=1, batch_size=16, accumulate=2, progress=False).fit(images, names)
    assert model.classes_.tolist() == ["a", "b", "c"]
    assert len(model.seen_) == 4  # once a step of the optimiser, with the instances of both its batches
    for index, labels in model.seen_:
        assert len(index) == 32
        assert labels.tolist() == [[1, 0, -1, 2][i % 4] for i in index.tolist()]


def test_a_method_that_does_not_use_labels_never_sees_them(images):
    class Sees(Autoencoder):
        def split(self, batch):
            assert (batch.labels == -1).all()
            return super().split(batch)

    labels = np.arange(128) % 3
    settings = {**SMALL, "epochs": 1}
    without = weights(Sees(**settings).fit(images))
    assert same(without, weights(Sees(**settings).fit(images, labels)))
    vectors = images.reshape(128, -1)
    bare = weights(Sees(**settings).fit(vectors))
    assert same(bare, weights(Sees(**settings).fit(Vectors(vectors, labels=labels))))


def test_a_bank_and_a_count_of_the_method_resume_to_the_same_weights(images, tmp_path, monkeypatch):
    monkeypatch.setattr("unlabeled.estimator.name_of", lambda cls: "banked")
    settings = {"epochs": 3, "batch_size": 32, "random_state": 0, "progress": False}
    labels = np.arange(128) % 5 - 1
    whole = Banked(**settings).fit(images, labels)
    interrupted = Banked(**settings, checkpoint=tmp_path)
    interrupted.stop_at = 7
    with pytest.raises(KeyboardInterrupt):
        interrupted.fit(images, labels)
    resumed = Banked(**settings, checkpoint=str(tmp_path)).fit(images, labels, resume=True)
    assert int(resumed.count_) == 12
    assert same(weights(whole), weights(resumed))
    with pytest.raises(UnlabeledError, match="labels was"):
        Banked(**settings, checkpoint=str(tmp_path)).fit(images, np.roll(labels, 1), resume=True)


def test_a_batch_of_one_that_cannot_be_normalised_is_refused_in_words(digits):
    settings = {"epochs": 1, "batch_size": 1, "random_state": 0, "progress": False}
    with pytest.raises(UnlabeledError, match="batch_size must be at least 2"):
        Autoencoder(encoder="conv", **settings).fit(digits[0][:4])
    assert np.isfinite(Autoencoder(encoder="mlp", **settings).fit(digits[0][:4].reshape(4, -1)).history_[-1]["loss"])
