"""The loss on instances held out of training: it tells what was learnt by heart from what generalises."""

import json

import numpy as np
import pytest

from unlabeled import Rotation
from unlabeled.errors import UnlabeledError
from unlabeled.methods.generative.autoencoder import Autoencoder
from unlabeled.modalities import open_instances
from unlabeled.runs import learn

QUICK = {"encoder": "conv", "batch_size": 32, "random_state": 0, "progress": False}


def noise(n, size=8, seed=0):
    """Images in which there is nothing to see: which way is up can only be learnt by heart."""
    return np.random.default_rng(seed).integers(0, 256, (n, size, size), dtype=np.uint8)


def instances_of(images):
    return open_instances(images, Rotation(**QUICK))[0]


@pytest.mark.parametrize(("rows", "held"), [(160, 16), (40, 4), (30, 0), (6000, 512)])
def test_a_tenth_but_no_more_than_enough_is_held_out(rows, held):
    learnt, held_out = Rotation(**QUICK).hold_out(instances_of(noise(rows)), None)
    assert len(learnt) == rows - held
    assert (0 if held_out is None else len(held_out)) == held
    if held:
        assert set(learnt.ids).isdisjoint(held_out.ids)


def test_clips_of_one_video_stay_together():
    groups = np.repeat(np.arange(20), 5)
    learnt, held_out = Rotation(**QUICK).hold_out(instances_of(noise(100)), groups)
    assert len(held_out) == 10
    assert set(groups[learnt.rows.numpy()]).isdisjoint(groups[held_out.rows.numpy()])


def test_learning_by_heart_shows(tmp_path):
    run = learn(noise(40), tmp_path / "run", Rotation(**QUICK, epochs=25))
    found = run.metrics["generalisation"]
    assert found["training"] < 0.7  # ln 4 = 1.39 is guessing
    assert found["before"] - found["after"] < 0.1 * (found["before"] - found["training"])
    assert found["held_out"] == 4
    assert "does not generalise" in (run.folder / "report.html").read_text()
    history = json.loads((run.folder / "history.json").read_text())
    assert next(look["step"] for look in history if "validation_loss" in look) == 0


def test_what_generalises_is_not_accused(digits, tmp_path):
    run = learn(digits[0][:300], tmp_path / "run", Rotation(**QUICK, epochs=4))
    found = run.metrics["generalisation"]
    assert found["after"] < found["before"]
    assert "does not generalise" not in (run.folder / "report.html").read_text()


def test_looking_at_the_held_out_changes_nothing_that_is_learnt(digits):
    method = Rotation(**QUICK, epochs=2)
    method.fit(digits[0][:100])
    learnt, _ = method.hold_out(instances_of(digits[0][:100]), None)
    whole = Rotation(**QUICK, epochs=2, validation_fraction=0).fit(digits[0][:100][learnt.rows.numpy()])
    assert np.array_equal(method.transform(digits[0][:9]), whole.transform(digits[0][:9]))


def test_methods_without_a_task_hold_nothing_out(digits):
    model = Autoencoder(**QUICK, epochs=1).fit(digits[0][:60])
    assert model.n_learnt_ == 60
    assert not any("validation_loss" in look for look in model.history_)


@pytest.mark.parametrize("fraction", [-0.1, 1.0, float("nan")])
def test_a_fraction_that_is_none_is_refused(digits, fraction):
    with pytest.raises(UnlabeledError, match=r"validation_fraction (is a share|must be a number, not nan)"):
        Rotation(**QUICK, validation_fraction=fraction).fit(digits[0][:60])
