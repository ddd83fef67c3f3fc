"""Fine-tuning as a candidate: its plan, its twin, what is kept of interrupted work, and new instances."""

from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import pytest

import unlabeled
from unlabeled.errors import UnlabeledError
from unlabeled.runs.grouping.assign import assign
from unlabeled.runs.labelling import label_dataset, label_tuning
from unlabeled.runs.labelling.label_candidates import Candidate
from unlabeled.runs.labelling.label_tuning import LEAST, MOST, Tuning, TuningPlan
from unlabeled.runs.run import Run


@pytest.fixture(scope="module")
def photos(digits, tmp_path_factory):
    """A folder of 60 digits as files, some labels, and a run over them."""
    from PIL import Image

    from unlabeled import SimCLR
    from unlabeled.runs.learn import learn

    images, truth = digits
    folder = tmp_path_factory.mktemp("photos")
    (folder / "photos").mkdir()
    for number in range(60):
        Image.fromarray(images[number]).save(folder / "photos" / f"{number:03d}.png")
    with (folder / "some.csv").open("w", newline="") as file:
        rows = [(f"{number:03d}.png", f"digit {truth[number] % 2}") for number in range(24)]
        csv.writer(file).writerows([("path", "label"), *rows])
    method = SimCLR(epochs=1, batch_size=30, random_state=0, progress=False)
    learn(folder / "photos", folder / "run", method, judging=False)
    return folder


def label(photos, out, **settings):
    usual = {"repeats": 2, "next_count": 3, "budget": "2 steps"}
    return unlabeled.label_dataset(photos / "run", photos / "some.csv", out, **usual | settings)


@pytest.mark.parametrize(
    ("seconds", "step", "overhead", "repeats", "plan"),
    [
        (110, 0.1, 0.0, 10, TuningPlan(100, 2)),  # 2 · 5 + 1 fits
        (110, 0.1, 1.0, 10, TuningPlan(90, 2)),
        (11 * LEAST * 0.1 - 1, 0.1, 0.0, 10, None),
        (1e5, 0.1, 0.0, 10, TuningPlan(MOST, 10)),
        (16 * MOST * 0.1 + 1, 0.1, 0.0, 10, TuningPlan(MOST, 3)),  # another repeat only after the most steps
        (1e5, 0.1, 0.0, 2, TuningPlan(MOST, 2)),
    ],
)
def test_a_budget_buys_steps_and_then_repeats(seconds, step, overhead, repeats, plan):
    assert TuningPlan.of(seconds, step, overhead, repeats) == plan


def test_fine_tuning_is_compared_with_its_twin(photos, tmp_path):
    found = label(photos, tmp_path / "out")
    entry = next(e for e in found.about["helped"] if e["ours"] == "fine-tuning with FixMatch")
    assert entry["twin"] == "fine-tuning on the labels alone"
    assert found.about["tuning"] == {"steps": 2, "repeats": 2, "said": None}
    assert {e["name"]: e["repeats"] for e in found.about["compared"]}["fine-tuning with FixMatch"] == 2
    assert not (tmp_path / "out" / "tuning").exists()
    page = (tmp_path / "out" / "report.html").read_text()
    assert "FixMatch on all instances, beside the same fine-tuning" in page
    again = label(photos, tmp_path / "again")
    assert again.about["compared"] == found.about["compared"]


def test_the_fine_tuned_network_labels_new_instances(photos, tmp_path, monkeypatch):
    """Where fine-tuning is best, the network itself is the model, and takes images as they are."""

    def nothing(codes):
        return lambda rows: np.zeros((len(rows), 2))

    worst = Candidate("worst", "supervised", nothing, nothing)
    monkeypatch.setattr(label_dataset, "candidates", lambda *_: [worst])
    found = label(photos, tmp_path / "out", budget="4 steps")
    assert found.about["method"].startswith("fine-tuning")
    new = assign(tmp_path / "out" / "model", photos / "photos", tmp_path / "new.csv")
    assert new["rows"] == 60
    with (tmp_path / "new.csv").open(newline="") as file:
        names = [row["label"] for row in csv.DictReader(file)]
    unlabelled = [row for row in range(60) if found.confidence[row] == found.confidence[row]]
    assert [names[row] for row in unlabelled] == [found.labels[row] for row in unlabelled]


def test_interrupted_work_goes_on_where_it_was(photos, tmp_path, monkeypatch):
    whole = label(photos, tmp_path / "whole")
    fit, fits = Tuning._fit, []

    def counting(self, *arguments):
        fits.append(arguments[0].__name__)
        if len(fits) == 14:
            raise KeyboardInterrupt
        return fit(self, *arguments)

    monkeypatch.setattr(Tuning, "_fit", counting)
    with pytest.raises(KeyboardInterrupt):
        label(photos, tmp_path / "out")
    assert len(list((tmp_path / "out" / "tuning").glob("*.safetensors"))) == 13
    with pytest.raises(UnlabeledError, match="unfinished labels"):
        label(photos, tmp_path / "out")
    resumed = label(photos, tmp_path / "out", resume=True)
    assert len(fits) == 14 + 7  # 2 methods · 5 parts · 2 repeats, of which 13 were done
    assert resumed.about["compared"] == whole.about["compared"]


def test_a_fit_whose_figures_are_half_written_is_not_kept(photos, tmp_path, monkeypatch):
    def half(arrays, path):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(label_tuning, "save_arrays", half)
    with pytest.raises(KeyboardInterrupt):
        label(photos, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out" / "tuning").iterdir()] == ["plan.json"]


def test_a_budget_that_is_too_small_is_said_with_one_that_is_not(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(Tuning, "seconds_per_step", lambda self: (1.0, 0.0))
    found = label(photos, tmp_path / "out", budget="30s")
    assert "Fine-tuning was not compared: the budget is too small" in found.about["tuning"]["said"]
    assert "--budget 11m or more" in found.about["tuning"]["said"]
    assert "--budget 11m or more" in (tmp_path / "out" / "report.html").read_text()
    assert label(photos, tmp_path / "none", budget=0).about["tuning"] == {}
    with pytest.raises(UnlabeledError, match="the budget 'soon' is not understood"):
        label(photos, tmp_path / "soon", budget="soon")


def test_many_instances_are_seen_once_at_most(photos):
    run = Run(photos / "run")
    codes = np.full(60, -1)
    codes[:4] = [0, 1, 0, 1]
    tuning = Tuning.open(photos / "run", run.embeddings.ids, codes, 0)
    assert isinstance(tuning, Tuning)
    assert len(tuning._rows(codes, 5)) == 60
    few = Tuning(tuning.encoder, tuning.instances, codes, 0)._rows(codes, 0)
    assert set(few) >= {0, 1, 2, 3}
    assert tuning.seconds_per_step()[0] > 0


def test_data_that_have_moved_leave_fine_tuning_out(photos):
    found = Tuning.open(photos / "run", ["other.png"], np.array([0]), 0)
    assert isinstance(found, str)
    assert "no longer those" in found
    assert label_tuning.REPEATS == 2


def test_data_of_the_same_names_and_other_contents_leave_fine_tuning_out(photos, tmp_path):
    shutil.copytree(photos, tmp_path, dirs_exist_ok=True)
    about = json.loads((tmp_path / "run" / "run.json").read_text())
    (tmp_path / "run" / "run.json").write_text(json.dumps(about | {"source": str(tmp_path / "photos")}))
    ids, codes = Run(tmp_path / "run").embeddings.ids, np.arange(60) % 2
    assert isinstance(Tuning.open(tmp_path / "run", ids, codes, 0), Tuning)
    shutil.copy(tmp_path / "photos" / "001.png", tmp_path / "photos" / "000.png")
    found = Tuning.open(tmp_path / "run", ids, codes, 0)
    assert isinstance(found, str)
    assert "no longer those" in found
