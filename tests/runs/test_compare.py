"""A comparison: the same rows and budget for all, resumable, and honest about what was left out."""

import json
import time

import numpy as np
import pytest
import torch
from PIL import Image

from unlabeled import SimCLR, SupCon
from unlabeled.data import Videos
from unlabeled.encoders import make_encoder
from unlabeled.errors import UnlabeledError
from unlabeled.evaluation import stratified_split
from unlabeled.evaluation.accuracy import wilson_interval
from unlabeled.files import load_arrays
from unlabeled.methods.generative.autoencoder import Autoencoder
from unlabeled.modalities import open_instances
from unlabeled.runs.budget import Budget
from unlabeled.runs.compare import compare
from unlabeled.runs.comparing import entrant, shared_data, watch
from unlabeled.runs.comparing.entrant import Entrant
from unlabeled.runs.comparing.shared_data import SharedData
from unlabeled.runs.comparing.watch import Watch
from unlabeled.views import RandomCrop

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
        assert row["behind_best"]["mean"] == pytest.approx(means[0] - row["linear"]["mean"], abs=1e-9)
        assert all(0 <= bound <= 1 for bound in row["linear"]["interval_seeds"])
        assert 0 <= row["behind_best"]["p_corrected"] <= 1
    for told in result["label_free_predicts"].values():
        assert -1 <= told["correlation"] <= 1
        assert told["regret"] >= 0


def test_a_method_that_does_not_exist_is_named_and_left_out(found):
    out, result = found
    assert "did you mean 'simclr'" in result["left_out"]["simclrr"]
    assert "simclrr is left out" in (out / "report.html").read_text()


def test_one_method_by_its_name_and_labels_in_memory(photos, tmp_path):
    names = {f"{label}/{path.name}": label for label in "012" for path in (photos / label).iterdir()}
    results = [
        compare(photos, methods, tmp_path / str(place), labels=labels, budget="2 steps", seeds=1)
        for place, (methods, labels) in enumerate([("raw", names), (["raw"], None)])
    ]
    first, second = (result["methods"][0] for result in results)
    assert first["linear"] == second["linear"]
    for methods in ([SimCLR()], [SimCLR]):
        with pytest.raises(UnlabeledError, match=r"methods are given by name, such as 'simclr', and not as .*SimCLR"):
            compare(photos, methods, tmp_path / "none")


def test_a_comparison_goes_on_with_what_is_kept(found, photos, monkeypatch):
    out, result = found
    monkeypatch.setattr(Autoencoder, "fit", lambda *_: pytest.fail("learnt again"))
    kept = sorted((out / "cells").iterdir())
    (out / "cells" / "raw-1.safetensors").unlink()
    again = compare(photos, METHODS, out, budget="6 steps", seeds=2, settings=SETTINGS)
    assert sorted((out / "cells").iterdir()) == kept
    assert [row["linear"] for row in again["methods"]] == [row["linear"] for row in result["methods"]]
    with pytest.raises(UnlabeledError, match="comparison of other data, labels, budget"):
        compare(photos, METHODS, out, budget="7 steps", seeds=2, settings=SETTINGS)
    json.loads((out / "comparison.json").read_text())


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"bach_size": 50}, "unknown setting of these methods and data 'bach_size'; did you mean 'batch_size'"),
        ({"temperature": 0.1}, "unknown setting of these methods and data 'temperature'"),  # of none of these methods
        ({"clip_length": 8}, "unknown setting of these methods and data 'clip_length'"),  # of no images
        ({"epochs": 3}, "epochs is no setting of a comparison: the budget"),
        ({"random_state": 3}, "random_state is no setting of a comparison: the seeds"),
        ({"progress": True}, "progress is no setting of a comparison"),
    ],
)
def test_settings_that_nothing_has_or_that_a_comparison_gives_are_refused(photos, tmp_path, settings, says):
    with pytest.raises(UnlabeledError, match=says):
        compare(photos, ["autoencoder", "raw"], tmp_path / "cmp", budget="3 steps", seeds=1, settings=settings)
    assert not (tmp_path / "cmp").exists()


def test_settings_may_be_of_one_method_or_of_how_the_data_are_prepared(tmp_path):
    (tmp_path / "texts.txt").write_text("one\n\ntwo\nlines\n\nthree\n\nfour\n")
    given = {"settings": {"unit": "paragraph", "length": 8, "temperature": 0.1}, "budget": "1 steps", "seeds": 1}
    assert compare(tmp_path / "texts.txt", ["raw", "simcse"], tmp_path / "cmp", **given)["rows"] == 4


@pytest.mark.parametrize("kind", ["tuple", "view", "encoder"])
def test_a_comparison_goes_on_with_the_same_settings_whatever_they_are(photos, tmp_path, monkeypatch, kind):
    def encoder(seed):
        torch.manual_seed(seed)
        return make_encoder("conv", open_instances(photos)[1])

    name, one, other = {
        "tuple": ("sigma", (0.5, 1.0), (0.5, 2.0)),
        "view": ("views", RandomCrop(scale=(0.5, 1.0)), RandomCrop(scale=(0.4, 1.0))),
        "encoder": ("encoder", encoder(0), encoder(1)),  # alike but for their weights
    }[kind]
    methods = ["deblurring" if kind == "tuple" else "simclr", "untrained"]
    given = {"out": tmp_path / "cmp", "budget": "3 steps", "seeds": 1}
    plain = {"batch_size": 50}
    result = compare(photos, methods, settings=plain | {name: one}, **given)
    assert not result["left_out"]
    monkeypatch.setattr(Entrant, "_learn", lambda *_: pytest.fail("learnt again"))
    assert compare(photos, methods, settings=plain | {name: one}, **given)["best"] == result["best"]
    with pytest.raises(UnlabeledError, match="comparison of other data, labels, budget or settings"):
        compare(photos, methods, settings=plain | {name: other}, **given)


@pytest.mark.parametrize("counts", [(60, 120), (120, 60)])
def test_with_other_labels_a_curve_of_other_instances_is_left_out(photos, tmp_path, counts):
    ids = sorted(path.relative_to(photos).as_posix() for path in photos.rglob("*.png"))
    order = np.random.default_rng(0).permutation(len(ids))
    found, said = [], []
    for count in counts:
        lines = "".join(f"{ids[row]},{ids[row].partition('/')[0]}\n" for row in order[:count])
        (tmp_path / "labels.csv").write_text("path,label\n" + lines)
        given = {"labels": tmp_path / "labels.csv", "budget": "3 steps", "seeds": 1, "settings": SETTINGS}
        found += compare(photos, ["autoencoder"], tmp_path / "cmp", say=said.append, **given)["methods"]
    assert [point["steps"] for point in found[0]["curve"]] == [1, 2, 3]
    assert found[1]["curve"] == []
    assert [line for line in said if "autoencoder has no curve over the budget" in line]


def test_seeds_that_are_learnt_later_have_the_steps_of_the_first(photos, tmp_path, monkeypatch):
    for pace, seeds in ((0.5, [1]), (0.1, [0, 2])):
        monkeypatch.setattr(Entrant, "_seconds_a_step", lambda *_, pace=pace: pace)
        given = {"budget": "3 s", "seeds": seeds, "settings": SETTINGS}
        compare(photos, ["autoencoder", "raw"], tmp_path / "cmp", **given)
    cells = (tmp_path / "cmp" / "cells").glob("autoencoder-*")
    assert [load_arrays(path)["steps"].item() for path in cells] == [6, 6, 6]


@pytest.mark.parametrize(
    ("forgets", "peak", "says"),
    [
        (True, 123.0, "while it learnt with the method"),
        (False, 123.0, "cannot measure memory for each method"),
        (False, float("nan"), "does not tell how much memory"),
    ],
)
def test_the_report_says_what_the_peak_is_of_also_without_labels(tmp_path, monkeypatch, forgets, peak, says):
    monkeypatch.setattr(entrant, "forget_peak", lambda: forgets)
    monkeypatch.setattr(entrant, "peak_mib", lambda: peak)
    rows = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)
    result = compare(rows, ["raw", "pca"], tmp_path / "cmp", budget="2 steps", seeds=1)
    assert [row["peak_mib"] for row in result["methods"]] == [None if np.isnan(peak) else peak] * 2
    assert all(row["own_peak"] == forgets for row in result["methods"])
    assert says in (tmp_path / "cmp" / "report.html").read_text()


def test_steps_and_looks_are_timed_once_the_device_is_done(photos, monkeypatch, tmp_path):
    asked = []
    for module in (entrant, watch):
        monkeypatch.setattr(module, "clock", lambda device: asked.append(device.type) or time.monotonic())
    compare(photos, ["autoencoder"], tmp_path / "cmp", budget="2 s", seeds=1, settings=SETTINGS)
    assert len(asked) >= 3 + 2 * watch.POINTS + 1  # steps that are timed, both ends of each look, and the end
    assert set(asked) == {"cpu"}


def test_a_repeated_comparison_with_the_same_seeds_has_the_same_figures(found, photos, tmp_path):
    _, first = found
    again = compare(photos, METHODS, tmp_path / "again", budget="6 steps", seeds=2, settings=SETTINGS)
    costs = {"seconds", "ms_a_step", "peak_mib"}
    for one, other in zip(first["methods"], again["methods"], strict=True):
        assert {k: v for k, v in one.items() if k not in costs} == {k: v for k, v in other.items() if k not in costs}


def test_all_encode_in_the_precision_in_which_methods_learn(photos, tmp_path):
    vectors = {}
    for precision in ("float32", "bf16"):
        out, settings = tmp_path / precision, SETTINGS | {"precision": precision}
        compare(photos, ["untrained", "autoencoder"], out, budget="3 steps", seeds=1, settings=settings)
        vectors[precision] = load_arrays(out / "cells" / "untrained-0.safetensors")["vectors"]
        model = Autoencoder(**settings, epochs=1, random_state=0, progress=False)
        learnt = load_arrays(out / "cells" / "autoencoder-0.safetensors")["vectors"]
        exact = model.fit(photos).transform(photos)
        assert np.array_equal(learnt, exact) == (precision == "float32")
        np.testing.assert_allclose(learnt, exact, rtol=0.05, atol=0.05 * np.abs(exact).max())
    assert not np.array_equal(vectors["float32"], vectors["bf16"])
    np.testing.assert_allclose(*vectors.values(), rtol=0.05, atol=0.05 * np.abs(vectors["float32"]).max())


def test_curves_over_the_budget(found):
    out, result = found
    by_name = {row["name"]: row for row in result["methods"]}
    assert by_name["raw"]["curve"] == []
    for name in ("autoencoder", "simclr"):
        curve = by_name[name]["curve"]
        assert [point["steps"] for point in curve] == [1, 2, 4, 5, 6]
        assert all(0 <= point["knn"] <= 1 and point["effective_rank"] >= 1 for point in curve)
        assert curve[0]["effective_rank"] != curve[-1]["effective_rank"]
    page = (out / "report.html").read_text()
    assert "Over the budget" in page
    assert "How well figures without labels predict" in page
    spent = result["spent"]
    assert spent["besides"] == pytest.approx(spent["opening"] + spent["encoding"] + spent["judging"])
    assert spent["overhead"] == pytest.approx(spent["besides"] / spent["learning"])
    assert min(spent.values()) > 0


def test_no_more_is_judged_than_a_bound_and_of_labelled_rows(digits, monkeypatch):
    monkeypatch.setattr(shared_data, "MAX_JUDGED", 40)
    instances, preprocessing = open_instances(digits[0][:120])
    labels = np.where(np.arange(120) % 2, digits[1][:120], -1)
    shared = SharedData(None, instances, preprocessing, labels)
    assert len(shared.rows) == 40
    assert (shared.rows % 2 == 1).all()
    assert (np.diff(shared.rows) > 0).all()
    assert shared.judged_labels.tolist() == digits[1][:120][shared.rows].tolist()
    assert len(shared.raw) == len(shared.judged) == 40
    first = shared.judged.gather(torch.tensor([3])).values
    assert torch.equal(first, instances.gather(torch.tensor([int(shared.rows[3])])).values)
    few = SharedData(None, instances, preprocessing, np.where(np.arange(120) < 30, 1, -1))
    assert few.rows.tolist() == list(range(30))
    assert len(SharedData(None, instances, preprocessing, None).rows) == 40


@pytest.fixture(scope="module")
def clips():
    """Ten videos of two classes, six clips each, and what prepares them."""
    videos = np.random.default_rng(0).integers(0, 256, (10, 24, 16, 16, 1), dtype=np.uint8)
    return open_instances(Videos(videos).clips(4))


def test_all_clips_of_a_video_are_in_one_part_and_both_parts_have_all_classes(clips):
    instances, preprocessing = clips
    videos, labels = instances.groups, instances.groups % 2
    shared = SharedData(None, instances, preprocessing, labels)
    for seed in range(3):
        for places in (None, np.arange(60)[::2]):
            train, test = shared.split(seed, places)
            assert not set(videos[train]) & set(videos[test])
            assert sorted([*train, *test]) == list(range(60) if places is None else places)
            assert set(labels[train]) == set(labels[test]) == {0, 1}
            assert len(set(videos[test])) == 2  # a fifth
        taught = shared.taught(seed)
        assert (taught[shared.split(seed).test] == -1).all()
        assert (taught >= 0).sum() == 48


def test_an_interval_counts_videos_and_not_their_clips(clips, tmp_path):
    rng = np.random.default_rng(0)
    videos = (rng.integers(0, 50, (20, 24, 16, 16, 1)) + 100 * (np.arange(20) % 2)[:, None, None, None, None]).astype(
        "u1"
    )
    (tmp_path / "labels.csv").write_text("id,label\n" + "".join(f"{i},{'ab'[i % 2]}\n" for i in range(20)))
    result = compare(videos, ["raw", "pca"], tmp_path / "cmp", labels=tmp_path / "labels.csv", seeds=1)
    assert result["rows"] == 60
    row = result["methods"][0]["linear"]
    assert row["mean"] == 1
    assert row["interval_rows"] == pytest.approx(wilson_interval(1.0, 4))


def test_classes_of_one_video_each_judge_nothing(clips, tmp_path):
    instances, preprocessing = clips
    shared = SharedData(None, instances, preprocessing, np.where(instances.groups < 2, instances.groups, -1))
    assert "rows of one group only, 2 in all" in shared.why_not_judged
    assert (shared.taught(0) == shared.labels).all()
    (tmp_path / "labels.csv").write_text("id,label\n0,a\n1,b\n")
    videos, said = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 16, 1), dtype=np.uint8), []
    given = {"labels": tmp_path / "labels.csv", "budget": "1 steps", "seeds": 1, "say": said.append}
    result = compare(videos, ["simclr", "raw"], tmp_path / "cmp", **given)
    assert "without labels" in result["judged_by"]
    assert any("The labels judge nothing" in line and "one group only" in line for line in said)


def test_the_time_of_a_step_is_measured_on_few_steps(digits, monkeypatch):
    instances, preprocessing = open_instances(digits[0][:150])
    entry = Entrant.of("autoencoder", SharedData(None, instances, preprocessing, None), SETTINGS)
    steps, after_step = [], Autoencoder.after_step
    monkeypatch.setattr(
        Autoencoder,
        "after_step",
        lambda self, net, batch, done: (steps.append(done), after_step(self, net, batch, done)),
    )
    assert 0 < entry._seconds_a_step(entry.method, 0, 1e6) < 10
    assert len(steps) == 11  # 3 steps an epoch: it took several
    steps.clear()
    assert 0 < entry._seconds_a_step(entry.method, 0, 1e-6) < 10
    assert len(steps) == 4  # one of them counts
    assert "after_step" not in vars(entry.method)


def test_a_moment_in_which_the_machine_is_busy_does_not_lengthen_a_step(digits, monkeypatch):
    instances, preprocessing = open_instances(digits[0][:150])
    entry = Entrant.of("autoencoder", SharedData(None, instances, preprocessing, None), SETTINGS)
    took = iter([5.0, 3.0, 1.0, 0.25, 0.25, 9.0, 0.25, 0.25, 0.25, 7.0, 0.25])
    now = 0.0

    def clock(_):
        nonlocal now
        now += next(took)
        return now

    monkeypatch.setattr("unlabeled.runs.comparing.entrant.clock", clock)
    assert entry._seconds_a_step(entry.method, 0, 1e6) == 0.25


def test_a_budget_that_was_missed_is_told(digits, tmp_path, monkeypatch):
    monkeypatch.setattr(Entrant, "_seconds_a_step", lambda *_: 1.0)  # far longer than they take
    said = []
    compare(digits[0][:150], ["autoencoder"], tmp_path, budget="30s", seeds=1, settings=SETTINGS, say=said.append)
    assert any("it learnt for" in line and "not 30 s" in line for line in said)


def test_who_is_watched_learns_as_if_nobody_looked(digits):
    images = digits[0][:100]
    settings = {"encoder": "conv", "epochs": 4, "batch_size": 50, "random_state": 0, "progress": False}
    alone, watched = SimCLR(**settings), SimCLR(**settings)
    instances, _ = open_instances(images)
    watch = Watch(instances, np.arange(30))
    watch.attach(watched, 8)
    alone.fit(instances)
    watched.fit(instances)
    assert watch.steps == [2, 3, 5, 6]
    assert watch.arrays()["curve_vectors"].shape == (4, 30, alone.encoder_.dim)
    assert (alone.transform(instances) == watched.transform(instances)).all()
    assert type(watched).after_step is SimCLR.after_step  # only this object was changed


def test_word_methods_take_part_where_there_are_texts(tmp_path, photos, monkeypatch):
    texts = [
        f"the {a} {b} in the {c}" for a in ("dog", "cat") for b in ("runs", "sleeps") for c in ("yard", "house")
    ] * 12
    rows = "".join(f"{i},{text},{text.split()[1]}\n" for i, text in enumerate(texts))
    (tmp_path / "texts.csv").write_text("id,text,label\n" + rows)
    given = {"seeds": 1, "settings": {"min_count": 1}}
    result = compare(tmp_path / "texts.csv", ["skip_gram", "raw"], tmp_path / "a", budget="0.3s", **given)
    by_name = {row["name"]: row for row in result["methods"]}
    assert by_name.keys() == {"skip_gram", "raw"}
    assert by_name["skip_gram"]["steps"] >= 1
    counted = compare(tmp_path / "texts.csv", ["skip_gram", "raw"], tmp_path / "b", budget="9 steps", **given)
    assert "give the budget as a time" in counted["left_out"]["skip_gram"]
    images = compare(photos, ["glove", "raw"], tmp_path / "c", budget="2s", **given)
    assert "learns words from texts, and these are images" in images["left_out"]["glove"]
    monkeypatch.setattr(entrant, "_epochs_in", lambda *_: pytest.fail("measured again"))
    compare(tmp_path / "texts.csv", ["skip_gram"], tmp_path / "a", budget="0.3s", **given | {"seeds": 2})
    steps = {load_arrays(path)["steps"].item() for path in (tmp_path / "a" / "cells").glob("skip_gram-*")}
    assert steps == {by_name["skip_gram"]["steps"]}


def test_a_method_that_learns_from_labels_sees_none_of_those_that_test_it(photos, tmp_path, monkeypatch):
    seen, fit = [], SupCon.fit

    def watched(self, X, y=None, **settings):
        seen.append(np.asarray(y))
        return fit(self, X, y, **settings)

    monkeypatch.setattr(SupCon, "fit", watched)
    result = compare(photos, ["sup_con", "simclr"], tmp_path / "cmp", budget="3 steps", seeds=2, settings=SETTINGS)
    labels = open_instances(photos)[0].labels
    for taught, seed in zip(seen, (0, 1), strict=True):
        train, test = stratified_split(labels, 0.2, seed)
        assert (taught[test] == -1).all()
        assert (taught[train] == labels[train]).all()
    curves = {row["name"]: row["curve"][-1] for row in result["methods"]}
    assert "knn" in curves["simclr"]
    assert "knn" not in curves["sup_con"]
    compare(photos, ["sup_con"], tmp_path / "time", budget="3s", seeds=1, settings=SETTINGS)
    assert all((taught == -1).any() and len(np.unique(taught)) == 4 for taught in seen)


def test_without_labels_label_free_figures_rank(digits, tmp_path):
    vectors = digits[0][:60].reshape(60, -1).astype(np.float32)
    result = compare(vectors, ["raw", "pca"], tmp_path / "cmp", seeds=1)
    assert "without labels" in result["judged_by"]
    assert "linear" not in result["methods"][0]


def test_settings_of_how_data_are_prepared_hold_for_all(photos, tmp_path):
    given = {"budget": "3 steps", "seeds": 1}
    plain = compare(photos, ["raw"], tmp_path / "plain", **given)
    small = compare(photos, ["raw"], tmp_path / "small", settings={"size": 4}, **given)
    assert [each["methods"][0]["dim"] for each in (plain, small)] == [8 * 8, 4 * 4]


def test_a_budget_too_small_for_one_epoch_says_so_and_runs_the_others(photos, tmp_path):
    said, given = [], {"budget": "2 steps", "seeds": 1, "settings": SETTINGS}
    result = compare(photos, ["autoencoder", "raw", "rwa"], tmp_path / "cmp", say=said.append, **given)
    assert said[0].startswith("rwa is left out")  # a slip is told before anything is learnt
    assert "one epoch has 3" in result["left_out"]["autoencoder"]
    assert [row["name"] for row in result["methods"]] == ["raw"]


def test_what_cannot_be_read_is_told_and_left_out(digits, tmp_path):
    (tmp_path / "photos").mkdir()
    for number, pixels in enumerate(digits[0][:12]):
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{number:02d}.png")
    (tmp_path / "photos" / "broken.png").write_bytes(b"no picture")
    said = []
    result = compare(tmp_path / "photos", ["raw"], tmp_path / "cmp", seeds=1, say=said.append)
    assert said[0] == "Skipped 1 of 13 images that cannot be read: broken.png"
    assert [each["id"] for each in result["skipped"]] == ["broken.png"]
    assert "such as broken.png" in (tmp_path / "cmp" / "report.html").read_text()


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
