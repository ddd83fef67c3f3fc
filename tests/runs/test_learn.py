"""The main job in Python: what a run holds, and what each kind of trouble leaves behind."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib import import_module

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from unlabeled import SimCLR, SupCon
from unlabeled.cli.main import app
from unlabeled.errors import UnlabeledError
from unlabeled.files import folder_lock
from unlabeled.methods.generative.autoencoder import Autoencoder
from unlabeled.runs import Run, evaluate_run, learn
from unlabeled.runs.report import write_report

QUICK = {"epochs": 1, "batch_size": 32, "random_state": 0, "progress": False}


def write_pictures(folder, images, labels=None):
    for number, pixels in enumerate(images):
        path = folder / ("" if labels is None else str(labels[number])) / f"{number:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    return folder


@contextmanager
def stopped_at_the_fourth_batch():
    """Press Ctrl-C there."""
    split, seen = Autoencoder.split, []

    def stops(self, batch):
        seen.append(len(batch))
        if len(seen) == 4:
            os.kill(os.getpid(), signal.SIGINT)
        return split(self, batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Autoencoder, "split", stops)
        with pytest.raises(KeyboardInterrupt):
            yield


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def photos(digits, tmp_path_factory):
    return write_pictures(tmp_path_factory.mktemp("photos"), digits[0][:80])


@pytest.fixture(scope="module")
def label_file(digits, photos, tmp_path_factory):
    path = tmp_path_factory.mktemp("labels") / "labels.csv"
    path.write_text("path,label\n" + "".join(f"{i:03d}.png,digit {digits[1][i]}\n" for i in range(60)))
    return path


@pytest.fixture(scope="module")
def run(photos, label_file, tmp_path_factory):
    return learn(photos, tmp_path_factory.mktemp("runs") / "run", SimCLR(**QUICK), labels=label_file)


def test_a_run_describes_itself(run, photos):
    held = {path.name for path in run.folder.iterdir()}
    assert held >= {
        "model",
        "embeddings.parquet",
        "index",
        "metrics.json",
        "history.json",
        "pictures",
        "report.html",
        "run.json",
    }
    assert "checkpoint" in held  # from which it can be trained further
    assert ".next" not in held
    about = json.loads((run.folder / "model" / "encoder.json").read_text())
    assert about["preprocessing"] == {
        "kind": "image", "size": 8, "channels": 1, "fit": "crop",
    }  # fmt: skip
    assert about["recipe"]["method"] == "simclr"
    assert about["data"]["rows"] == 80
    assert about["dim"] == run.embeddings.vectors.shape[1] == run.encoder.dim
    assert run.about["source"] == str(photos.resolve())
    pictures = {path.name for path in (run.folder / "pictures").iterdir()}
    assert pictures == {"map.png", "neighbours.png", "outliers.png", "history.png"}


def test_a_picture_that_is_there_twice_is_found(digits, tmp_path):
    folder = write_pictures(tmp_path / "photos", digits[0][:40])
    (folder / "copy.png").write_bytes((folder / "007.png").read_bytes())
    found = learn(folder, tmp_path / "run", SimCLR(**QUICK))
    assert found.metrics["near_duplicates"]["nearest"][0]["ids"] == ["007.png", "copy.png"]
    assert (found.folder / "pictures" / "duplicates.png").exists()
    assert "Near-duplicates" in (found.folder / "report.html").read_text()


def test_labels_judge_and_never_teach(run, photos, tmp_path):
    without = learn(photos, tmp_path / "run", SimCLR(**QUICK))
    assert np.array_equal(without.embeddings.vectors, run.embeddings.vectors)
    assert "evaluation" not in without.metrics
    representations = {score["representation"] for score in run.metrics["evaluation"]["scores"]}
    assert representations == {"learnt", "raw input", "untrained encoder"}


def test_class_folders_are_labels_for_judging(digits, tmp_path):
    folder = write_pictures(tmp_path / "photos", digits[0][:60], digits[1][:60] % 3)
    found = learn(folder, tmp_path / "run", Autoencoder(**QUICK, latent_dim=4))
    assert found.embeddings.classes == ["0", "1", "2"]
    assert found.metrics["evaluation"]["n_classes"] == 3


def test_labels_that_teach_do_not_judge(photos, label_file, tmp_path, monkeypatch):
    seen, fit = [], SupCon.fit
    monkeypatch.setattr(SupCon, "fit", lambda self, X, y=None, **k: [seen.append(y), fit(self, X, y, **k)][1])
    said = []
    found = learn(photos, tmp_path / "run", SupCon(**QUICK), labels=label_file, say=said.append)
    kept = found.about["held_out_labels"]
    names = dict(zip(found.embeddings.ids, found.embeddings.label_names, strict=True))
    assert [name for name, taught in zip(names, seen[0], strict=True) if names[name] and taught is None] == kept
    assert all(taught in (None, names[name]) for name, taught in zip(names, seen[0], strict=True))
    assert f"{60 - len(kept)} of 60 labels teach; {len(kept)} are kept to judge" in said
    assert found.metrics["evaluation"]["n_test"] == len(kept)
    assert (
        f"on {len(kept)} instances whose label was kept from the method of"
        in (found.folder / "report.html").read_text()
    )
    assert evaluate_run(found, label_file)["evaluation"]["n_test"] == len(kept)
    with pytest.raises(UnlabeledError, match="leave out train_rows"):
        evaluate_run(found, train_rows=20)
    others = tmp_path / "others.csv"  # of instances whose labels taught nothing
    others.write_text("path,label\n" + "".join(f"{i:03d}.png,{'ab'[i % 2]}\n" for i in range(60, 80)))
    assert evaluate_run(found, others, train_rows=10)["evaluation"]["n_test"] == 10


def test_labels_that_have_all_taught_judge_nothing(photos, label_file, tmp_path):
    found = learn(photos, tmp_path / "run", SupCon(**QUICK), labels=label_file, judging=False)
    assert found.about["held_out_labels"] == []
    assert "all labels have taught" in evaluate_run(found)["note"]


def test_search_finds_the_picture_itself_first(run, photos):
    found = run.search(photos / "007.png", k=5)
    assert found.ids[0][0] == "007.png"
    assert found.distances[0][0] == pytest.approx(0, abs=1e-5)
    assert run.search("007.png", k=5).ids.tolist() == found.ids.tolist()
    with Image.open(photos / "007.png") as picture:
        assert run.search(picture, k=5).ids.tolist() == found.ids.tolist()
        grey = np.asarray(picture, dtype=np.float32) / 255
    assert grey.ndim == 2
    assert run.search(grey, k=1).ids.tolist() == [["007.png"]]
    own = run.embeddings.vectors[7]
    assert run.search(own, k=1).ids.tolist() == run.search(own[None], k=1).ids.tolist() == [["007.png"]]
    assert len(run.search("007.png", k=500).ids[0]) == 80
    narrowed = run.search("007.png", k=3, where="label = 'digit 1'")
    assert {run.embeddings.label_names[run.embeddings.position[name]] for name in narrowed.ids[0]} == {"digit 1"}


def test_a_query_that_is_nothing_is_refused(run):
    with pytest.raises(UnlabeledError, match=r"neither a file nor the id of .* knows images, not words"):
        run.search("no-such.png")
    with pytest.raises(UnlabeledError, match=r"columns|dim"):
        run.search(np.zeros(5, np.float32))


def test_search_by_another_metric_compares_all_vectors(run):
    vectors = run.embeddings.vectors
    found = run.search(vectors[:2], k=4, metric="inner_product")
    products = vectors[:2].astype(np.float64) @ vectors.T
    assert found.indices.tolist() == np.argsort(-products, axis=1, kind="stable")[:, :4].tolist()
    assert run.search("007.png", k=2, where="label = 'digit 1'", metric="euclidean").ids.shape == (1, 2)
    with pytest.raises(UnlabeledError, match="metric"):
        run.search("007.png", metric="nearness")


def test_embedding_the_same_files_gives_the_same_vectors(run, photos):
    again = run.embed(photos)
    assert again.ids == run.embeddings.ids
    assert np.array_equal(again.vectors, run.embeddings.vectors)


def test_judging_again_with_few_labels_states_how_many(run, label_file):
    found = evaluate_run(run, label_file, seeds=(0,), train_rows=20)["evaluation"]
    assert found["n_train"] + found["n_test"] == 60
    assert abs(found["n_train"] - 20) <= 1
    with pytest.raises(UnlabeledError, match="leave none of 60 to test on"):
        evaluate_run(run, label_file, train_rows=60)


def test_labels_that_match_no_file_are_refused(run, tmp_path):
    (tmp_path / "labels.csv").write_text("path,label\nelsewhere.png,cat\n")
    with pytest.raises(UnlabeledError, match=r"elsewhere\.png"):
        evaluate_run(run, tmp_path / "labels.csv")


def test_one_class_is_nothing_to_tell_apart(run, tmp_path):
    (tmp_path / "labels.csv").write_text("path,label\n000.png,cat\n001.png,cat\n")
    assert "fewer than two classes" in evaluate_run(run, tmp_path / "labels.csv")["note"]


def test_a_corrupt_picture_is_skipped_by_name_or_stops_the_run(digits, tmp_path):
    folder = write_pictures(tmp_path / "photos", digits[0][:40])
    whole = (folder / "003.png").read_bytes()
    (folder / "bad.jpg").write_bytes(b"this is no picture")
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    said = []
    found = learn(folder, tmp_path / "run", Autoencoder(**QUICK), say=said.append)
    assert {item["id"] for item in found.about["skipped"]} == {"bad.jpg", "cut.png"}
    assert len(found.embeddings) == 40
    assert any("Skipped 2 of 42" in sentence for sentence in said)
    with pytest.raises(UnlabeledError, match=r"bad\.jpg|cut\.png"):
        learn(folder, tmp_path / "other", Autoencoder(**QUICK), on_error="raise")


def test_a_run_that_could_not_begin_leaves_nothing_in_the_way(photos, tmp_path):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.jpg").write_text("no picture")
    with pytest.raises(UnlabeledError, match="can be read"):
        learn(tmp_path / "bad", tmp_path / "run", SimCLR(**QUICK))
    assert not (tmp_path / "run").exists()
    with pytest.raises(UnlabeledError, match="did you mean 'conv'"):
        learn(photos, tmp_path / "run", Autoencoder(**QUICK, encoder="cnov"))
    assert len(learn(photos, tmp_path / "run", Autoencoder(**QUICK)).embeddings) == 80


def test_a_folder_with_another_run_or_other_files_is_left_alone(run, photos, tmp_path):
    before = (run.folder / "run.json").read_text()
    with pytest.raises(UnlabeledError, match=r"holds a finished run.*--overwrite"):
        learn(photos, run.folder, SimCLR(**QUICK))
    assert (run.folder / "run.json").read_text() == before
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UnlabeledError, match="is not a run"):
        learn(photos, tmp_path, SimCLR(**QUICK), overwrite=True)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_overwriting_replaces_a_run(digits, photos, tmp_path):
    learn(photos, tmp_path / "run", Autoencoder(**QUICK, latent_dim=3))
    again = learn(photos, tmp_path / "run", Autoencoder(**QUICK, latent_dim=5), overwrite=True)
    assert again.embeddings.vectors.shape[1] == 5


def test_a_replacement_that_fails_leaves_the_old_run_as_it_was(photos, tmp_path):
    first = learn(photos, tmp_path / "run", Autoencoder(**QUICK, latent_dim=3))
    before = contents(first.folder)
    for settings, says in [({"epochs": 0}, "epochs"), ({"encoder": "cnov"}, "did you mean"), ({"size": 2}, "pixels")]:
        method = Autoencoder(**{**QUICK, "encoder": "conv", **settings})
        with pytest.raises(UnlabeledError, match=says):
            learn(photos, tmp_path / "run", method, overwrite=True)
    with pytest.raises(UnlabeledError, match="does not exist"):
        learn(tmp_path / "nowhere", tmp_path / "run", Autoencoder(**QUICK), overwrite=True)
    assert contents(first.folder) == before


def test_a_move_that_was_cut_short_is_finished_when_the_run_is_opened(photos, tmp_path):
    run = learn(photos, tmp_path / "run", Autoencoder(**QUICK, latent_dim=3))
    (run.folder / ".next").mkdir()
    for name in ("embeddings.parquet", "run.json"):
        (run.folder / name).rename(run.folder / ".next" / name)
    assert len(Run(run.folder).embeddings) == 80
    assert not (run.folder / ".next").exists()


def test_a_move_is_left_to_the_process_that_holds_the_folder(photos, tmp_path):
    run = learn(photos, tmp_path / "run", Autoencoder(**QUICK))
    (run.folder / ".next").mkdir()
    (run.folder / ".next" / "run.json").write_bytes((run.folder / "run.json").read_bytes())
    with folder_lock(run.folder):
        assert len(Run(run.folder).embeddings) == 80
        assert (run.folder / ".next" / "run.json").exists()
    Run(run.folder)
    assert not (run.folder / ".next").exists()


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_run_is_not_whole_before_its_report(overwrite, photos, tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    out = tmp_path / "run"
    if overwrite:
        before = learn(photos, out, Autoencoder(**QUICK)).about
    monkeypatch.setattr(import_module("unlabeled.runs.learn"), "write_report", killed)
    with pytest.raises(KeyboardInterrupt):
        learn(photos, out, Autoencoder(**QUICK, latent_dim=3), overwrite=overwrite)
    monkeypatch.undo()
    if overwrite:
        assert Run(out).about == before
    else:
        with pytest.raises(UnlabeledError, match="was not finished"):
            Run(out)
    done = learn(photos, out, Autoencoder(**QUICK, latent_dim=3), resume=True)
    assert done.about["recipe"]["latent_dim"] == 3
    report = (out / "report.html").read_text()
    assert report == write_report(out).read_text()  # of the description that the folder has


def test_a_replacement_that_was_interrupted_is_resumed_while_the_old_run_stays(photos, tmp_path):
    out = tmp_path / "run"
    first = learn(photos, out, Autoencoder(**QUICK, latent_dim=3))
    old = (out / "embeddings.parquet").read_bytes()
    longer = Autoencoder(**QUICK | {"epochs": 4}, latent_dim=5)
    with stopped_at_the_fourth_batch():
        learn(photos, out, longer, overwrite=True)
    assert (out / "embeddings.parquet").read_bytes() == old
    assert Run(out).about["recipe"] == first.about["recipe"]
    done = CliRunner().invoke(app, ["learn", "--out", str(out), "--resume", "--quiet"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    whole = learn(photos, tmp_path / "whole", longer)
    assert np.array_equal(Run(out).embeddings.vectors, whole.embeddings.vectors)
    assert not (out / ".next").exists()


def test_a_finished_run_is_trained_further_with_more_epochs(photos, tmp_path):
    learn(photos, tmp_path / "run", Autoencoder(**QUICK))
    with pytest.raises(UnlabeledError, match=r"finished; there is nothing to resume.*more epochs than 1"):
        learn(photos, tmp_path / "run", Autoencoder(**QUICK), resume=True)
    with pytest.raises(UnlabeledError, match="learning_rate was"):
        learn(photos, tmp_path / "run", Autoencoder(**QUICK | {"epochs": 3}, learning_rate=0.1), resume=True)
    longer = learn(photos, tmp_path / "run", Autoencoder(**QUICK | {"epochs": 3}), resume=True)
    assert longer.about["training"]["steps"] == 6
    assert [look["step"] for look in json.loads((longer.folder / "history.json").read_text())][-1] == 6


def test_a_refused_resume_leaves_the_run_as_it_was(digits, photos, tmp_path):
    out, settings = tmp_path / "run", QUICK | {"epochs": 4}
    with stopped_at_the_fourth_batch():
        learn(photos, out, Autoencoder(**settings))
    before = contents(out)
    others = write_pictures(tmp_path / "others", digits[0][80:120])
    for source, changed, says in [
        (photos, {"learning_rate": 0.1}, "learning_rate was"),
        (photos, {"epochs": 2}, "epochs was 4 and is now 2"),
        (photos, {"encoder": "cnov"}, "did you mean"),
        (photos, {"latent_dim": -1}, "latent_dim"),
        (others, {}, "data was"),
        (tmp_path / "nowhere", {}, "does not exist"),
    ]:
        with pytest.raises(UnlabeledError, match=says):
            learn(source, out, Autoencoder(**settings | changed), resume=True)
        assert contents(out) == before
    resumed = learn(photos, out, Autoencoder(**settings), resume=True)
    assert resumed.about["training"]["steps"] == 8


def test_other_content_under_the_same_names_is_not_judged_with_the_old_vectors(digits, tmp_path):
    folder = write_pictures(tmp_path / "photos", digits[0][:40], digits[1][:40] % 2)
    run = learn(folder, tmp_path / "run", Autoencoder(**QUICK))
    moved = folder.rename(tmp_path / "moved")
    for path in moved.rglob("*.png"):
        os.utime(path)  # a copy has other times
    assert evaluate_run(Run(run.folder), seeds=(0,), data=moved)["evaluation"]["n_classes"] == 2
    one, other = sorted(moved.rglob("*.png"))[:2]
    one_bytes, other_bytes = one.read_bytes(), other.read_bytes()
    one.write_bytes(other_bytes), other.write_bytes(one_bytes)
    with pytest.raises(UnlabeledError, match="names or contents have changed"):
        evaluate_run(Run(run.folder), seeds=(0,), data=moved)


def test_a_run_inside_the_data_does_not_learn_from_its_own_pictures(digits, tmp_path):
    folder = write_pictures(tmp_path / "photos", digits[0][:40])
    first = learn(folder, folder / "run", Autoencoder(**QUICK))
    again = learn(folder, folder / "run", Autoencoder(**QUICK), overwrite=True)
    assert again.embeddings.ids == first.embeddings.ids == sorted(path.name for path in folder.glob("*.png"))


def test_one_file_listed_twice_is_refused_before_training(photos, tmp_path):
    (photos.parent / "list.txt").write_text(f"{photos.name}/000.png\n{photos.name}/001.png\n{photos.name}/000.png\n")
    with pytest.raises(UnlabeledError, match="is there twice"):
        learn(photos.parent / "list.txt", tmp_path / "run", Autoencoder(**QUICK))
    assert not (tmp_path / "run").exists()


def test_labels_that_cannot_be_judged_by_leave_a_usable_run(digits, tmp_path):
    folder = write_pictures(tmp_path / "photos", digits[0][:12], range(12))  # one picture a class
    run = learn(folder, tmp_path / "run", Autoencoder(**QUICK))
    assert "unlabeled evaluate" in run.about["warnings"][-1]
    assert len(run.embed(folder)) == 12


def test_judging_again_renews_the_figures_and_the_report(digits, photos, label_file, tmp_path):
    run = learn(photos, tmp_path / "run", Autoencoder(**QUICK))
    assert "linear accuracy" not in (run.folder / "report.html").read_text()
    evaluate_run(run, label_file, seeds=(0,), renew=True)
    assert run.metrics["evaluation"]["n_classes"] == 10
    assert run.metrics["outliers"]
    assert "linear accuracy" in (run.folder / "report.html").read_text()


def test_a_file_beats_an_instance_of_that_name(run, photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "007.png").write_bytes((photos / "011.png").read_bytes())
    assert run.search("007.png", k=1).ids[0][0] == "011.png"


def test_vectors_make_a_run_as_well(digits, tmp_path):
    np.save(tmp_path / "table.npy", digits[0][:60].reshape(60, 64).astype(np.float32))
    found = learn(tmp_path / "table.npy", tmp_path / "run", SimCLR(**QUICK))
    assert found.search("5", k=3).ids[0][0] == "5"
    with pytest.raises(UnlabeledError, match="is for vectors"):
        found.embed(digits[0][:3])


@pytest.mark.parametrize("folder", ["nowhere", "."])
def test_a_folder_without_a_run_says_how_one_is_made(folder, tmp_path):
    with pytest.raises(UnlabeledError, match="unlabeled learn"):
        Run(tmp_path / folder)


LEARN = "from unlabeled.cli.main import main; main()"


def start(*words):
    return subprocess.Popen(
        [sys.executable, "-c", LEARN, *map(str, words)], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def wait_for(path, process, seconds=240):
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_killed_interrupted_and_doubled_it_loses_nothing(photos, tmp_path):
    out = tmp_path / "run"
    words = ["learn", photos, "--out", out, "--method", "autoencoder", "--epochs", 60, "--batch-size", 16, "--quiet"]
    process = start(*words)
    wait_for(out / "checkpoint" / "checkpoint.safetensors", process)
    process.send_signal(signal.SIGSTOP)  # so that it is not done before the second comes
    second = start(*words)
    refused = second.communicate(timeout=240)[1]
    assert second.returncode == 2
    assert "unfinished run" in refused or "another process is writing" in refused
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.communicate()
    with pytest.raises(UnlabeledError, match=r"was not finished; go on with: unlabeled learn .* --resume"):
        Run(out)
    process = start("learn", "--out", out, "--resume", "--quiet")
    time.sleep(0.1)
    _, said = process.communicate(timeout=240)
    assert process.returncode == 0, said
    whole = learn(photos, tmp_path / "whole", Autoencoder(epochs=60, batch_size=16, random_state=0, progress=False))
    assert np.array_equal(Run(out).embeddings.vectors, whole.embeddings.vectors)


def test_ctrl_c_saves_and_says_how_to_resume(photos, tmp_path):
    out = tmp_path / "run"
    process = start("learn", photos, "--out", out, "--method", "autoencoder", "--epochs", 5000, "--quiet")
    wait_for(out / "checkpoint" / "checkpoint.safetensors", process)
    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "stopped after step" in said
    assert "resume" in said.lower()
    assert "Traceback" not in said


def test_a_full_disk_leaves_a_clear_message_and_no_half_written_file(photos, tmp_path):
    script = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000));" + LEARN
    )
    out = tmp_path / "run"
    command = [sys.executable, "-c", script, "learn", str(photos), "--out", str(out), "--epochs", "1", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 2, done.stderr
    assert "cannot write" in done.stderr
    assert "Traceback" not in done.stderr
    assert not [path for path in out.rglob("*") if path.suffix == ".safetensors"]
