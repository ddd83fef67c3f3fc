"""Teachers, banks, queues, centres, given pairs: a run that was broken off goes on to the same weights, bit for bit."""

import json
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch

from unlabeled.registry import method

IMAGES = np.random.default_rng(0).random((64, 8, 8))
COLOURED = np.random.default_rng(0).random((64, 8, 8, 3))
LABELS = np.arange(64) % 4
SMALL = {"encoder": "conv", "batch_size": 16, "epochs": 3, "random_state": 0, "progress": False}
HEAD = {"projection_dim": 8}
MULTI = {"hidden_dim": 12, "local_views": 1}
CASES = {
    "moco": {"queue_size": 40, **HEAD},
    "byol": {"hidden_dim": 12, **HEAD},
    "instance_discrimination": {"noise": 10, **HEAD},
    "swav": {"queue_size": 40, "prototypes": 6, **MULTI, **HEAD},
    "dino": {"prototypes": 10, **MULTI, **HEAD},
    "sup_con": HEAD,
    "siamese_network": HEAD,
    "exemplar": {"negatives": 10, **HEAD},
    "gan": {"latent_dim": 4, "spectral_norm": True},
    "variational_autoencoder": {"latent_dim": 4},
    "colorization": {},
}
GIVEN = {"siamese_network": {"pairs": np.column_stack([np.arange(40), np.arange(1, 41), np.arange(40) % 2])}}
KILLED = ["moco", "byol", "instance_discrimination", "swav", "dino", "gan"]
KILL_IN_THE_EIGHTH_STEP = textwrap.dedent("""
    import json, os, signal, sys
    import numpy as np
    from unlabeled.registry import method
    name, settings = sys.argv[1], json.loads(sys.argv[2])
    cls, steps = method(name), []
    after_step = cls.after_step
    def killed(self, net, batch, done):
        steps.append(done)
        if len(steps) == 8:
            os.kill(os.getpid(), signal.SIGKILL)
        after_step(self, net, batch, done)
    cls.after_step = killed
    cls(**settings).fit(np.random.default_rng(0).random((64, 8, 8)), np.arange(64) % 4)
""")


class BrokenError(Exception):
    """What ends a run from outside, as a kill would: nothing is saved on the way."""


def images(name):
    return COLOURED if name == "colorization" else IMAGES


def check_same(resumed, whole):
    ours, theirs = resumed.network_.state_dict(), whole.network_.state_dict()
    assert ours.keys() == theirs.keys()
    assert [key for key in ours if not torch.equal(ours[key], theirs[key])] == []
    assert resumed.history_ == whole.history_


@pytest.mark.parametrize("name", CASES)
def test_a_broken_run_ends_with_the_weights_of_a_whole_one(name, tmp_path, monkeypatch):
    cls, settings, given = method(name), {**SMALL, **CASES[name]}, GIVEN.get(name, {})
    whole = cls(**settings).fit(images(name), LABELS, **given)
    steps, after_step = [], cls.after_step

    def breaks_in_the_eighth(self, net, batch, done):
        steps.append(done)
        if len(steps) == 8:
            raise BrokenError
        after_step(self, net, batch, done)

    monkeypatch.setattr(cls, "after_step", breaks_in_the_eighth)
    kept = {"checkpoint": str(tmp_path), "checkpoint_every": 5}
    with pytest.raises(BrokenError):
        cls(**settings, **kept).fit(images(name), LABELS, **given)
    monkeypatch.undo()
    check_same(cls(**settings, **kept).fit(images(name), LABELS, **given, resume=True), whole)


@pytest.mark.slow
@pytest.mark.parametrize("name", KILLED)
def test_a_killed_process_leaves_what_a_new_one_goes_on_from(name, tmp_path):
    settings = {**SMALL, **CASES[name]}
    kept = {"checkpoint": str(tmp_path), "checkpoint_every": 5}
    words = [sys.executable, "-c", KILL_IN_THE_EIGHTH_STEP, name, json.dumps({**settings, **kept})]
    assert subprocess.run(words, check=False, timeout=240).returncode == -signal.SIGKILL
    resumed = method(name)(**settings, **kept).fit(IMAGES, LABELS, resume=True)
    check_same(resumed, method(name)(**settings).fit(IMAGES, LABELS))
