"""Teachers, banks, queues, centres, given pairs: a run that was broken off goes on to the same weights, bit for bit."""

import numpy as np
import pytest
import torch

from unlabeled.registry import method

IMAGES = np.random.default_rng(0).random((64, 8, 8))
LABELS = np.arange(64) % 4
SMALL = {"encoder": "conv", "batch_size": 16, "epochs": 3, "random_state": 0, "progress": False, "projection_dim": 8}
MULTI = {"hidden_dim": 12, "local_views": 1}
CASES = {
    "moco": {"queue_size": 40},
    "instance_discrimination": {"noise": 10},
    "swav": {"queue_size": 40, "prototypes": 6, **MULTI},
    "dino": {"prototypes": 10, **MULTI},
    "sup_con": {},
    "siamese_network": {},
}
GIVEN = {"siamese_network": {"pairs": np.column_stack([np.arange(40), np.arange(1, 41), np.arange(40) % 2])}}


class BrokenError(Exception):
    """What ends a run from outside, as a kill would: nothing is saved on the way."""


@pytest.mark.parametrize("name", CASES)
def test_a_broken_run_ends_with_the_weights_of_a_whole_one(name, tmp_path, monkeypatch):
    cls, settings, given = method(name), {**SMALL, **CASES[name]}, GIVEN.get(name, {})
    whole = cls(**settings).fit(IMAGES, LABELS, **given)
    steps, after_step = [], cls.after_step

    def breaks_in_the_eighth(self, net, batch, done):
        steps.append(done)
        if len(steps) == 8:
            raise BrokenError
        after_step(self, net, batch, done)

    monkeypatch.setattr(cls, "after_step", breaks_in_the_eighth)
    with pytest.raises(BrokenError):
        cls(**settings, checkpoint=str(tmp_path), checkpoint_every=5).fit(IMAGES, LABELS, **given)
    monkeypatch.undo()
    resumed = cls(**settings, checkpoint=str(tmp_path), checkpoint_every=5).fit(IMAGES, LABELS, **given, resume=True)
    ours, theirs = resumed.network_.state_dict(), whole.network_.state_dict()
    assert ours.keys() == theirs.keys()
    assert [key for key in ours if not torch.equal(ours[key], theirs[key])] == []
    assert resumed.history_ == whole.history_
