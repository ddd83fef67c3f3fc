"""Estimators of arrays, saved and loaded, by the smallest of the mixtures."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.exceptions import NotFittedError

import unlabeled
from unlabeled import KMeans
from unlabeled.array_model import divided, joined
from unlabeled.errors import UnlabeledError

ROWS = np.random.default_rng(0).standard_normal((40, 3))


def test_everything_fitted_comes_back(tmp_path):
    frame = pd.DataFrame(ROWS, columns=["a", "b", "c"])
    fitted = KMeans(4, init=ROWS[:4], max_iter=7).fit(frame)
    fitted.save(tmp_path / "model")
    loaded = KMeans.load(tmp_path / "model")
    for name, value in vars(fitted).items():
        assert np.array_equal(getattr(loaded, name), value), name
        assert type(getattr(loaded, name)) is type(value), name
    assert loaded.feature_names_in_.tolist() == ["a", "b", "c"]
    assert np.array_equal(loaded.fit(frame).labels_, fitted.labels_)  # the array that was a parameter is one again
    assert sorted(path.name for path in (tmp_path / "model").glob("[!.]*")) == ["arrays.safetensors", "model.json"]


def test_the_recipe_is_plain_json():
    recipe = KMeans(4, init=ROWS[:4], random_state=np.int64(3)).recipe()
    assert json.loads(json.dumps(recipe)) == recipe
    assert recipe["method"] == "k_means"
    assert recipe["random_state"] == 3
    assert recipe["init"] == "an array of shape (4, 3)"


def test_what_is_not_fitted_cannot_be_saved(tmp_path):
    with pytest.raises(NotFittedError):
        KMeans(4).save(tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_damage_is_reported_by_the_file(tmp_path):
    folder = tmp_path / "model"
    KMeans(4).fit(ROWS).save(folder)
    (folder / "arrays.safetensors").write_bytes(b"nothing")
    with pytest.raises(UnlabeledError, match=r"arrays\.safetensors cannot be read"):
        KMeans.load(folder)
    (folder / "arrays.safetensors").unlink()
    with pytest.raises(UnlabeledError, match=r"arrays\.safetensors is missing"):
        KMeans.load(folder)
    with pytest.raises(UnlabeledError, match=r"model\.json"):
        KMeans.load(tmp_path / "elsewhere")


def test_what_cannot_be_written_is_refused_by_its_name():
    with pytest.raises(TypeError, match="tool_ of type object cannot be saved"):
        divided({"tool_": object()})


def test_a_model_that_drew_from_a_generator_is_loaded(tmp_path):
    fitted = KMeans(2, random_state=np.random.RandomState(0)).fit(ROWS)
    fitted.save(tmp_path / "model")
    loaded = unlabeled.load(tmp_path / "model")
    assert loaded.random_state is None
    assert np.array_equal(loaded.predict(ROWS), fitted.labels_)


def test_sparse_matrices_come_back():
    matrix = sp.csr_array(np.array([[0.0, 1.5], [0.0, 0.0], [2.0, 0.0]]))
    arrays, figures = divided({"X_": matrix, "n_": 3})
    assert figures == {"n_": 3}
    assert np.array_equal(joined(arrays)["X_"].toarray(), matrix.toarray())


def test_a_setting_given_as_a_frame_comes_back_as_its_numbers(tmp_path):
    rows = np.random.default_rng(0).standard_normal((40, 3))
    model = KMeans(2, init=pd.DataFrame(rows[:2])).fit(rows)
    model.save(tmp_path / "model")
    assert np.array_equal(KMeans.load(tmp_path / "model").init, rows[:2])
    assert model.recipe()["init"] == "an array of shape (2, 3)"
