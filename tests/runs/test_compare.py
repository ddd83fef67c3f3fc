"""A comparison: the same rows and budget for all, resumable, and honest about what was left out."""

import json

import numpy as np
import pytest
from PIL import Image

from unlabeled.errors import UnlabeledError
from unlabeled.methods.generative.autoencoder import Autoencoder
from unlabeled.runs.budget import Budget
from unlabeled.runs.compare import compare

METHODS = ["autoencoder", "simclr", "raw", "pca", "untrained"]
SETTINGS = {"batch_size": 50, "encoder": "conv"}


@pytest.fixture(scope="module")
def photos(digits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for number, (pixels, label) in enumerate(zip(digits[0][:150], digits[1][:150] % 3, strict=True)):
        (folder / str(label)).mkdir(exist_ok=True)
        Image.fromarray(pixels).save(folder / str(label) / f"{number:03d}.png")
    return folder


@pytest.fixture(scope="module")
def found(photos, tmp_path_factory):
    out = tmp_path_factory.mktemp("comparisons") / "cmp"
    result = compare(photos, [*METHODS, "simclrr"], out, budget="6 steps", seeds=2, settings=SETTINGS)
    return out, result


def test_every_method_gets_the_same_budget_and_rows(found):
    _, result = found
    by_name = {row["name"]: row for row in result["methods"]}
    assert by_name.keys() == set(METHODS)
    assert by_name["autoencoder"]["steps"] == by_name["simclr"]["steps"] == 6
    assert by_name["raw"]["steps"] == 0
    assert all(len(row["linear"]["values"]) == 2 for row in result["methods"])
    assert all(0 <= row["knn"]["mean"] <= 1 for row in result["methods"])


def test_the_best_comes_first_and_the_others_say_how_far_behind(found):
    _, result = found
    means = [row["linear"]["mean"] for row in result["methods"]]
    assert means == sorted(means, reverse=True)
    assert result["methods"][0]["name"] == result["best"]
    for row in result["methods"][1:]:
        assert row["behind_best"]["mean"] == pytest.approx(means[0] - row["linear"]["mean"], abs=0.15)
        assert 0 <= row["behind_best"]["p_corrected"] <= 1
    assert -1 <= result["label_free_predicts"] <= 1


def test_a_method_that_does_not_exist_is_named_and_left_out(found):
    out, result = found
    assert "did you mean 'simclr'" in result["left_out"]["simclrr"]
    assert "simclrr is left out" in (out / "report.html").read_text()


def test_a_comparison_goes_on_with_what_is_kept(found, photos, monkeypatch):
    out, result = found
    monkeypatch.setattr(Autoencoder, "fit", lambda *_: pytest.fail("learnt again"))
    kept = sorted((out / "cells").iterdir())
    (out / "cells" / "raw-1.safetensors").unlink()
    again = compare(photos, METHODS, out, budget="6 steps", seeds=2, settings=SETTINGS)
    assert sorted((out / "cells").iterdir()) == kept
    assert [row["linear"] for row in again["methods"]] == [row["linear"] for row in result["methods"]]
    with pytest.raises(UnlabeledError, match="comparison of other data, budget or settings"):
        compare(photos, METHODS, out, budget="7 steps", seeds=2, settings=SETTINGS)
    json.loads((out / "comparison.json").read_text())


def test_without_labels_label_free_figures_rank(digits, tmp_path):
    vectors = digits[0][:60].reshape(60, -1).astype(np.float32)
    result = compare(vectors, ["raw", "pca"], tmp_path / "cmp", seeds=1)
    assert "without labels" in result["judged_by"]
    assert "linear" not in result["methods"][0]


def test_a_budget_too_small_for_one_epoch_says_so_and_runs_the_others(photos, tmp_path):
    result = compare(photos, ["autoencoder", "raw"], tmp_path / "cmp", budget="2 steps", seeds=1, settings=SETTINGS)
    assert "one epoch has 3" in result["left_out"]["autoencoder"]
    assert [row["name"] for row in result["methods"]] == ["raw"]


def test_a_folder_of_other_files_is_left_alone(photos, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UnlabeledError, match="holds no comparison"):
        compare(photos, ["raw"], tmp_path, overwrite=True)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize(("text", "seconds"), [("10m", 600), ("1.5h", 5400), ("90 s", 90)])
def test_budgets_of_time(text, seconds):
    assert Budget.read(text) == Budget(seconds, "seconds")


@pytest.mark.parametrize("text", ["", "ten", "0", "-3s", "5 days"])
def test_budgets_that_are_none(text):
    with pytest.raises(UnlabeledError, match="write 10m"):
        Budget.read(text)
