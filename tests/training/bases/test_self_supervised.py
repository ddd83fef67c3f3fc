"""What `fit` takes from the data is the same in a loaded model, and settings without use for the data are refused."""

from __future__ import annotations

import numpy as np
import pytest

import unlabeled
from unlabeled import GPT, SimCLR, SupCon
from unlabeled.errors import UnlabeledError
from unlabeled.methods.fewlabels.consistency.supervised import Supervised
from unlabeled.methods.pretext.rotation import Rotation

IMAGES = np.random.default_rng(0).integers(0, 256, (60, 8, 8), dtype=np.uint8)
TEXTS = ["the dog barks at the cat", "the cat runs away from it"] * 8
QUICK = {"epochs": 1, "batch_size": 16, "random_state": 0, "progress": False}
TINY = {"dim": 16, "layers": 1, "heads": 2, "length": 12}


@pytest.mark.parametrize(
    ("model", "X", "y", "counts"),
    [
        (SupCon(encoder="conv", **QUICK), IMAGES, np.array(["b", "a", ""])[np.arange(60) % 3], (60, 60)),
        (SupCon(encoder="conv", **QUICK), IMAGES, np.arange(60) % 3 - 1, (60, 60)),
        (SupCon(encoder="conv", **QUICK), IMAGES, None, (60, 60)),
        (Supervised(encoder="conv", **QUICK), IMAGES, np.array([True, False])[np.arange(60) % 2], (60, 60)),
        (Rotation(encoder="conv", **QUICK), IMAGES, None, (60, 54)),
        (GPT(**TINY, **QUICK), TEXTS, None, (11, 11)),  # windows over the stream of all texts
    ],
    ids=["names", "numbers", "without labels", "truth values", "held out", "windows"],
)
def test_a_loaded_model_has_the_fitted_attributes(model, X, y, counts, tmp_path):
    model.fit(X, y).save(tmp_path / "model")
    loaded = unlabeled.load(tmp_path / "model")
    assert (loaded.n_instances_, loaded.n_learnt_) == (model.n_instances_, model.n_learnt_) == counts
    assert hasattr(loaded, "classes_") == hasattr(model, "classes_") == (y is not None)
    if y is not None:
        assert loaded.classes_.dtype == model.classes_.dtype
        assert loaded.classes_.tolist() == model.classes_.tolist()
    names = {name for name in vars(model) if name.endswith("_") and not name.startswith("_")}
    assert names == {name for name in vars(loaded) if name.endswith("_") and not name.startswith("_")}


@pytest.mark.parametrize("setting", [{"size": 33}, {"channels": 3}, {"resize": "pad"}])
def test_settings_of_pictures_are_refused_for_rows_of_numbers(setting):
    name = next(iter(setting))
    with pytest.raises(UnlabeledError, match=f"^{name}=.* is for pictures, and the data are vectors; leave it out"):
        SimCLR(**QUICK, **setting).fit(np.random.default_rng(0).normal(size=(40, 6)))
    SimCLR(encoder="conv", **QUICK, **setting).fit(IMAGES)
