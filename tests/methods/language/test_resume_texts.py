"""Methods for texts: a run that was killed goes on to the same weights, bit for bit."""

import numpy as np
import pytest
import torch

from unlabeled.registry import method

GENERATOR = np.random.default_rng(0)
WORDS = ["dog", "cat", "rain", "sun", "runs", "barks", "falls", "shines", "the", "a"]
TEXTS = [" ".join(GENERATOR.choice(WORDS, GENERATOR.integers(3, 12))) + ". It is so." for _ in range(48)]
SMALL = {"batch_size": 8, "epochs": 2, "random_state": 0, "progress": False, "dim": 16, "layers": 1, "length": 24}
CASES = {
    "gpt": {"heads": 2},
    "bert": {"heads": 2},
    "elmo": {},
    "noisy_text_restoration": {"heads": 2},
    "simcse": {"heads": 2},
}


class KilledError(Exception):
    """What ends a run from outside: nothing is saved on the way."""


@pytest.mark.parametrize("name", CASES)
def test_a_killed_run_ends_with_the_weights_of_a_whole_one(name, tmp_path, monkeypatch):
    cls, settings = method(name), {**SMALL, **CASES[name]}
    whole = cls(**settings).fit(TEXTS)
    steps = []

    def kills_in_the_fifth(self, net, batch, done):
        steps.append(done)
        if len(steps) == 5:
            raise KilledError

    monkeypatch.setattr(cls, "after_step", kills_in_the_fifth)
    with pytest.raises(KilledError):
        cls(**settings, checkpoint=str(tmp_path), checkpoint_every=3).fit(TEXTS)
    monkeypatch.undo()
    resumed = cls(**settings, checkpoint=str(tmp_path), checkpoint_every=3).fit(TEXTS, resume=True)
    ours, theirs = resumed.network_.state_dict(), whole.network_.state_dict()
    assert ours.keys() == theirs.keys()
    assert [key for key in ours if not torch.equal(ours[key], theirs[key])] == []
    assert resumed.history_ == whole.history_
