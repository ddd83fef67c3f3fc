"""From few labels to a labelled data set: what is written, what is claimed, and what is refused."""

from __future__ import annotations

import csv
import json
import shutil
from importlib import import_module

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import unlabeled
from unlabeled.errors import UnlabeledError
from unlabeled.runs.grouping.assign import assign


def label_dataset(*arguments, **settings):
    """Label with two repeats of the cross-validation and without fine-tuning, for the sake of time."""
    return unlabeled.label_dataset(*arguments, **{"repeats": 2, "budget": 0} | settings)


NAMES = np.array([f"digit {i}" for i in range(10)])


@pytest.fixture(scope="module")
def rows(digits):
    """Vectors (500, 64) and true names; the first 60 are labelled in most tests."""
    images, truth = digits
    return images[:500].reshape(500, -1).astype(np.float32), NAMES[truth[:500]]


def read_table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def label_file(path, ids, names):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("id", "label"), *zip(ids, names, strict=True)])
    return path


@pytest.fixture(scope="module")
def labelled(rows, tmp_path_factory):
    vectors, truth = rows
    folder = tmp_path_factory.mktemp("labels")
    file = label_file(folder / "some.csv", range(60), truth[:60])
    said = []
    found = label_dataset(vectors, file, folder / "out", precision=0.9, next_count=12, say=said.append)
    return found, folder, said


def test_the_folder_holds_everything_and_opens_as_tables(labelled, rows):
    import pyarrow.parquet as pq

    found, _, _ = labelled
    names = sorted(path.name for path in found.folder.iterdir() if path.name != ".lock")
    assert names == [
        "given.csv", "label.json", "labels.csv", "labels.parquet", "model", "next-1.csv", "pictures", "report.html",
    ]  # fmt: skip
    table = pq.read_table(found.folder / "labels.parquet").to_pydict()
    assert list(table) == ["id", "label", "confidence", "source", "nearest"]
    assert table["label"] == found.labels
    assert table["source"][:60] == ["person"] * 60
    assert table["confidence"][:60] == [None] * 60
    assert {name for name in table["source"][60:] if name} == {found.about["method"]}
    read = read_table(found.folder / "labels.csv")
    assert [row["label"] or None for row in read] == found.labels
    id_, label = table["nearest"][100].split("; ")[0].split("=")
    assert label == rows[1][int(id_)]
    assert int(id_) < 60


def test_given_labels_stay_and_the_others_are_mostly_right(labelled, rows):
    found, truth = labelled[0], rows[1]
    assert found.labels[:60] == truth[:60].tolist()
    made = [(label, true) for label, true in zip(found.labels[60:], truth[60:], strict=True) if label is not None]
    assert len(made) == found.about["labelled"] > 150
    assert np.mean([label == true for label, true in made]) > 0.88
    assert all(
        label is None or c >= found.about["threshold"]
        for label, c in zip(found.labels[60:], found.confidence[60:], strict=True)
    )
    assert sum(label is None for label in found.labels) == found.about["abstained"]


def test_what_to_label_next_is_new_different_and_feeds_back(labelled, rows, tmp_path):
    found, folder, _ = labelled
    out = tmp_path / "out"
    shutil.copytree(found.folder, out)
    file = out / "next-1.csv"
    read = read_table(file)
    ids = [int(row["id"]) for row in read]
    assert len(set(ids)) == 12
    assert min(ids) >= 60
    assert all(row["label"] == "" and row["guess"] for row in read)
    assert float(read[0]["confidence"]) < 0.6

    for row in read:
        row["label"] = rows[1][int(row["id"])]
    label_file(file, ids, [row["label"] for row in read])  # a person fills it in, where it lies
    files = [folder / "some.csv", file]
    again = label_dataset(rows[0], files, out, overwrite=True, next_count=3)
    assert again.about["given"] == 72
    assert again.about["next_file"] == "next-2.csv"
    assert read_table(file)[0]["label"] == read[0]["label"]
    assert [entry["given"] for entry in again.about["rounds"]] == [60, 72]
    assert [entry["labels"] for entry in again.about["history"]] == [60, 12]
    assert len(read_table(out / "given-1.csv")) == 60
    assert len(read_table(out / "given.csv")) == 72
    assert "Rounds" in (out / "report.html").read_text()
    # Labels that are not given again are missed, and not lost.
    alone = label_dataset(rows[0], file, out, overwrite=True, next_count=0)
    assert any("60 labels of the round before are not among those given now" in w for w in alone.about["warnings"])
    assert len(read_table(out / "given-2.csv")) == 72


def test_the_report_says_whether_unlabelled_instances_helped(labelled):
    found, _, said = labelled
    (helped,) = found.about["helped"]
    assert helped["verdict"] in ("helped", "hurt", "no evidence of help")
    assert (helped["verdict"] == "helped") == (helped["interval"][0] > 0)
    best = max(found.about["compared"], key=lambda entry: entry["accuracy"])
    assert found.about["method"] == best["name"]
    page = (found.folder / "report.html").read_text()
    for words in ("Did the unlabelled instances help?", "What to label next", "guess", helped["verdict"]):
        assert words in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert any("60 labels of 10 classes for 500 instances" in sentence for sentence in said)


def test_the_model_labels_new_rows_as_it_did(labelled, rows, tmp_path):
    found, folder, _ = labelled
    fresh = label_dataset(rows[0], folder / "some.csv", tmp_path / "out", next_count=0)
    told = assign(tmp_path / "out" / "model", rows[0][100:200], tmp_path / "new.csv")
    read = [row["label"] for row in read_table(tmp_path / "new.csv")]
    assert told["task"] == "labels"
    # A row of `fit` is its own nearest neighbour in `predict`, which is no more than a vote among others.
    assert np.mean([a == b for a, b in zip(read, fresh.labels[100:200], strict=True)]) > 0.95
    assert found.about["classes"] == sorted(NAMES.tolist())


def test_nothing_is_learnt_from_labels_that_were_not_given(rows, tmp_path):
    """A label column of the source is not the person's: other values in it change nothing."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    vectors, truth = rows
    found = []
    for number, column in enumerate((truth[:200], np.random.default_rng(0).permutation(truth[:200]))):
        flat = pa.array(vectors[:200].ravel())
        table = {"id": [str(i) for i in range(200)], "vector": pa.FixedSizeListArray.from_arrays(flat, 64)}
        pq.write_table(pa.table({**table, "label": column.tolist()}), tmp_path / f"{number}.parquet")
        labels = label_file(tmp_path / "some.csv", range(40), truth[:40])
        found.append(label_dataset(tmp_path / f"{number}.parquet", labels, tmp_path / f"out{number}", next_count=5))
    assert found[0].labels == found[1].labels
    assert found[0].about == found[1].about | {"history": found[0].about["history"]}


def test_where_there_is_nothing_to_learn_nothing_is_claimed(tmp_path):
    rng = np.random.default_rng(0)
    found = label_dataset(
        rng.normal(size=(200, 5)),
        [f"c{i % 2}" if i < 60 else None for i in range(200)],
        tmp_path / "out",
        precision=0.9,
    )
    best = max(entry["accuracy"] for entry in found.about["compared"])
    assert best < 0.72  # the best of seven coins, each thrown at 60 labels
    assert all(item["verdict"] != "helped" for item in found.about["helped"])
    assert found.about["threshold"] is None or found.about["labelled"] < 20
    assert found.labels[:4] == ["c0", "c1", "c0", "c1"]


def test_a_wrong_label_and_contradicting_copies_are_pointed_out(rows, tmp_path):
    vectors, truth = rows
    vectors = np.concatenate([vectors, vectors[:1]])
    names = [*truth[:80].tolist(), *[None] * 420, "digit 9"]  # the copy of row 0, a zero
    names[5] = "digit 0" if truth[5] != "digit 0" else "digit 1"
    found = label_dataset(vectors, names, tmp_path / "out", next_count=0)
    odd = next(item for item in found.about["suspicious"] if item["id"] == "5")
    # Its nearest labelled rows stand beside it, and speak for the other class.
    distances = np.linalg.norm(vectors[:80] - vectors[5], axis=1)
    nearest = [str(row) for row in np.argsort(distances) if row != 5][:3]
    assert [near["id"] for near in odd["neighbours"]] == nearest
    assert [near["label"] for near in odd["neighbours"]].count(odd["looks_like"]) >= 2
    assert f"{nearest[0]}: {odd['neighbours'][0]['label']}" in (tmp_path / "out" / "report.html").read_text()
    assert any("'0' and '500' are copies" in warning for warning in found.about["warnings"])


def test_classes_with_one_label_each_are_labelled_without_a_claim(rows, tmp_path):
    vectors, truth = rows
    names = [None] * 500
    for name in NAMES:
        names[int(np.flatnonzero(truth == name)[0])] = str(name)
    found = label_dataset(vectors, names, tmp_path / "out")
    assert found.about["precision"] == []
    assert found.about["method"] == "Poisson learning"
    assert "nothing is known of how good" in (found.folder / "report.html").read_text()


def test_all_labelled_leaves_nothing_to_do(rows, tmp_path):
    vectors, truth = rows
    found = label_dataset(vectors[:80], truth[:80], tmp_path / "out")
    assert found.about["labelled"] == 0
    assert found.labels == truth[:80].tolist()
    assert found.about["next"] == []


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ([None] * 500, "no instance has a label"),
        (["a"] * 3 + [""] * 497, "all 3 labels are 'a'; give a second class"),
        (["a", "b"], "2 labels for 500 instances"),
        ({"nowhere": "a", "neither": "b"}, "names none of the 500 instances"),
    ],
)
def test_labels_that_cannot_be_used_are_refused_and_nothing_is_written(labels, says, rows, tmp_path):
    with pytest.raises(UnlabeledError, match=says):
        label_dataset(rows[0], labels, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_folders_are_not_replaced_unasked(labelled, rows, tmp_path):
    found, folder, _ = labelled
    with pytest.raises(UnlabeledError, match="--overwrite"):
        label_dataset(rows[0], folder / "some.csv", found.folder)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    with pytest.raises(UnlabeledError, match="choose another folder"):
        label_dataset(rows[0], folder / "some.csv", tmp_path / "mine", overwrite=True)
    with pytest.raises(UnlabeledError, match="precision is a share"):
        label_dataset(rows[0], folder / "some.csv", tmp_path / "out", precision=95)


def test_the_labels_of_other_data_are_not_replaced_and_that_is_said_before_the_work(labelled, tmp_path, monkeypatch):
    folder = tmp_path / "out"
    shutil.copytree(labelled[0].folder, folder)
    before = (folder / "label.json").read_bytes()
    monkeypatch.setattr(import_module("unlabeled.runs.labelling.label_dataset"), "_compared", None)  # the work
    ids = [f"other-{row}" for row in range(40)]
    table = pa.table({"id": ids, "vector": np.random.default_rng(0).standard_normal((40, 3)).tolist()})
    pq.write_table(table, tmp_path / "other.parquet")
    file = label_file(tmp_path / "some.csv", ids[:4], ["a", "b", "a", "b"])
    with pytest.raises(UnlabeledError, match="labels of another data set"):
        label_dataset(tmp_path / "other.parquet", file, folder, overwrite=True)
    assert (folder / "label.json").read_bytes() == before


def test_texts_are_labelled_too(tmp_path):
    rng = np.random.default_rng(0)
    words = {"sport": ["goal", "team", "ball", "coach"], "food": ["bread", "soup", "taste", "cook"]}
    truth = ["sport", "food"] * 40
    texts = [" ".join(rng.choice([*words[name], "the", "and"], 12)) for name in truth]
    with (tmp_path / "texts.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("id", "body"), *((f"t{i}", text) for i, text in enumerate(texts))])
    labels = label_file(tmp_path / "some.csv", [f"t{i}" for i in range(10)], truth[:10])
    found = label_dataset(tmp_path / "texts.csv", labels, tmp_path / "out", column="body", next_count=3)
    assert np.mean([a == b for a, b in zip(found.labels, truth, strict=True)]) > 0.95


@pytest.mark.parametrize(
    ("name", "column", "says"),
    [
        ("texts.csv", "bodi", "no column 'bodi' in .*did you mean 'body'.*Its columns of text: id, body"),
        ("texts.csv", "n", "column 'n' of .* holds 1 in row 0, where a text belongs"),
        ("x.npy", "body", "column='body' is for tables"),
        ("photos", "body", "column='body' is for tables"),
    ],
)
def test_a_column_that_is_not_there_or_holds_no_text_is_refused(name, column, says, tmp_path):
    (tmp_path / "texts.csv").write_text("id,body,n\na,cats purr,1\nb,dogs bark,2\n")
    np.save(tmp_path / "x.npy", np.eye(3))
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").write_bytes(b"")
    labels = label_file(tmp_path / "some.csv", ["a", "b"], ["x", "y"])
    with pytest.raises(UnlabeledError, match=says):
        label_dataset(tmp_path / name, labels, tmp_path / "out", column=column)
    with pytest.raises(UnlabeledError, match="is for tables in files, and this is a ndarray"):
        label_dataset(np.eye(3), [0, 1, -1], tmp_path / "out", column=column)
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def first_round(digits, tmp_path_factory):
    """A folder of 24 images, some labels, and what a first round made of them, with the method that has learnt."""
    from PIL import Image

    from unlabeled import SimCLR

    folder = tmp_path_factory.mktemp("round")
    (folder / "photos").mkdir()
    for number in range(24):
        Image.fromarray(digits[0][number]).save(folder / "photos" / f"{number:03d}.png")
    label_file(folder / "some.csv", [f"{row:03d}.png" for row in range(10)], [f"c{row % 2}" for row in range(10)])
    method = SimCLR(epochs=1, batch_size=12, random_state=0, progress=False)
    label_dataset(folder / "photos", folder / "some.csv", folder / "out", method=method, repeats=1, next_count=0)
    return folder, method


class WorkError(Exception):
    """Raised where a second round would begin to work."""


@pytest.fixture
def second_round(first_round, tmp_path, monkeypatch):
    """A copy of that folder, and what labels there again, up to the work."""

    def work(*_):
        raise WorkError

    shutil.copytree(first_round[0], tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(import_module("unlabeled.runs.labelling.label_dataset"), "_compared", work)

    def again(**settings):
        label_dataset(tmp_path / "photos", tmp_path / "some.csv", tmp_path / "out", overwrite=True, **settings)

    return tmp_path, again


def test_a_representation_of_other_contents_under_the_same_names_is_refused(second_round):
    folder, again = second_round
    with pytest.raises(WorkError):
        again()
    card = folder / "out" / "label.json"
    card.write_text(card.read_text().replace('"complete": false', '"complete": true'))
    before = card.read_bytes()
    shutil.copy(folder / "photos" / "001.png", folder / "photos" / "000.png")
    with pytest.raises(UnlabeledError, match="a representation of other data: names or contents have changed"):
        again()
    assert card.read_bytes() == before


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({}, None),
        ({"progress": None, "workers": 1, "device": "cpu"}, None),  # which do not change what is learnt
        ({"epochs": 2}, "was learnt with epochs 1, not 2"),
        ({"temperature": 0.3}, "was learnt with temperature 0.5, not 0.3"),
    ],
)
def test_a_method_that_has_not_learnt_the_representation_is_refused(first_round, second_round, changed, says):
    from sklearn.base import clone

    method = clone(first_round[1]).set_params(**changed)
    with pytest.raises(WorkError) if says is None else pytest.raises(UnlabeledError, match=says):
        second_round[1](method=method)


def test_another_method_is_refused_and_named_on_the_command_line(second_round):
    from typer.testing import CliRunner

    from unlabeled.cli.main import app

    folder = second_round[0]
    words = ["label", folder / "photos", "--labels", folder / "some.csv", "--out", folder / "out", "--overwrite"]
    done = CliRunner().invoke(app, [str(word) for word in (*words, "--method", "byol", "--budget", 0)])
    assert "was learnt with method 'simclr', not 'byol'; to use it again, leave the method" in str(done.exception)


def test_the_graph_of_neighbours_is_made_once(rows, tmp_path, monkeypatch):
    from unlabeled.search import NeighbourGraph

    made, make = [], NeighbourGraph.from_vectors
    monkeypatch.setattr(NeighbourGraph, "from_vectors", lambda *a, **k: made.append(a) or make(*a, **k))
    label_dataset(rows[0][:60], [*rows[1][:30].tolist(), *[None] * 30], tmp_path / "out", repeats=1)
    assert len(made) == 1


@pytest.mark.slow
def test_images_are_learnt_from_and_the_representation_is_used_again(digits, tmp_path):
    from PIL import Image

    from unlabeled import SimCLR

    images, truth = digits
    (tmp_path / "photos").mkdir()
    for number in range(80):
        Image.fromarray(images[number]).save(tmp_path / "photos" / f"{number:03d}.png")
    names = [f"{number:03d}.png" for number in range(40)]
    labels = label_file(tmp_path / "some.csv", names, truth[:40])
    method = SimCLR(epochs=1, batch_size=32, random_state=0, progress=False)
    first = label_dataset(tmp_path / "photos", labels, tmp_path / "out", method=method, next_count=4)
    assert {entry["question"].split(",")[0] for entry in first.about["helped"]} >= {
        "the representation",
        "the graph of all instances",
    }
    assert (tmp_path / "out" / "pictures" / "next.png").exists()
    stamp = (tmp_path / "out" / "run" / "run.json").stat().st_mtime_ns
    said = []
    again = label_dataset(tmp_path / "photos", labels, tmp_path / "out", overwrite=True, next_count=4, say=said.append)
    assert (tmp_path / "out" / "run" / "run.json").stat().st_mtime_ns == stamp
    assert again.labels == first.labels
    assert any("again" in sentence for sentence in said)
    # The folder of a run serves as a source of its own.
    other = label_dataset(tmp_path / "out" / "run", labels, tmp_path / "other", next_count=0)
    assert len(other.labels) == 80


@pytest.mark.slow
def test_the_precision_that_is_claimed_holds_over_five_draws_of_the_labels(digits, tmp_path):
    images, truth = digits
    vectors = images.reshape(len(images), -1).astype(np.float32)
    claims, truths, kept = [], [], 0
    for draw in range(5):
        rng = np.random.default_rng(draw)
        chosen = rng.choice(len(vectors), 120, replace=False)
        names = [None] * len(vectors)
        for row in chosen:
            names[row] = str(NAMES[truth[row]])
        found = label_dataset(vectors, names, tmp_path / f"{draw}", precision=0.9, next_count=0, random_state=draw)
        made = [row for row in range(len(vectors)) if names[row] is None and found.labels[row] is not None]
        expected = found.about["expected"]
        claims.append(expected["precision"])
        truths.append(np.mean([found.labels[row] == NAMES[truth[row]] for row in made]))
        kept += truths[-1] >= expected["interval"][0]
    assert kept >= 4  # of five 95 % intervals, two or more are too high with a chance of 2 % at most
    # Hidden labels are predicted from four fifths of the others, so claims err on the low side, but not by much.
    assert -0.03 < np.mean(claims) - np.mean(truths) < 0.01


BAD = {
    "no label at all": ([(row, "") for row in range(9)], "no instance has a label"),
    "one class only": ([(row, "cat") for row in range(9)], "all 9 labels are 'cat'; give a second class"),
    "unknown ids": ([(f"img{row}", "cat") for row in range(9)], "names none of the 60 instances"),
    "one id, two classes": ([(0, "cat"), (1, "dog"), (0, "dog")], "labels '0' twice: 'cat' on line 2, 'dog' on line 4"),
}
TWELVE = [(row, ["cat", "dog"][row % 2]) for row in range(12)]
ODD = {
    "a class with one label": (
        [*TWELVE, (12, "fox")],
        "",
        ["cat", "dog", "fox"],
    ),
    "some unknown ids": (
        [*TWELVE, ("600", "dog")],
        "1 label of unknown instances, such as '600'",
        ["cat", "dog"],
    ),
    "a slip of the pen": (
        [*TWELVE, (12, "catt")],
        "the class 'catt' has one label; is it a slip of the pen for 'cat'?",
        ["cat", "catt", "dog"],
    ),
    "nothing in many words": (
        [*TWELVE, (12, ""), (13, "nan"), (14, "None"), (15, -1)],
        "4 rows without a label",
        ["cat", "dog"],
    ),
    "floats": ([(row, float(row % 2)) for row in range(12)], "", ["0", "1"]),
    "extreme imbalance": ([(row, "rare" if row < 2 else "common") for row in range(50)], "", ["common", "rare"]),
    "all labelled": ([(row, ["cat", "dog"][row % 2]) for row in range(60)], "", ["cat", "dog"]),
}


@pytest.mark.parametrize("case", BAD)
def test_labels_that_cannot_be_used_are_refused_from_the_command_line_and_from_python(case, rows, tmp_path):
    from typer.testing import CliRunner

    from unlabeled.cli.main import app

    given, says = BAD[case]
    np.save(tmp_path / "vectors.npy", rows[0][:60])
    file = label_file(tmp_path / "some.csv", *zip(*given, strict=True))
    command = ["label", tmp_path / "vectors.npy", "--labels", file, "--out", tmp_path / "out"]
    result = CliRunner().invoke(app, [str(word) for word in command])
    assert isinstance(result.exception, UnlabeledError)
    assert says in str(result.exception)
    with pytest.raises(UnlabeledError) as error:
        label_dataset(rows[0][:60], file, tmp_path / "out")
    assert says in str(error.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("case", ODD)
def test_odd_labels_are_used_and_pointed_out(case, rows, tmp_path):
    given, says, classes = ODD[case]
    file = label_file(tmp_path / "some.csv", *zip(*given, strict=True))
    found = label_dataset(rows[0][:60], file, tmp_path / "out", next_count=0, repeats=1)
    assert found.about["classes"] == classes
    assert any(says in warning for warning in found.about["warnings"]) or not says
    assert found.about["given"] + found.about["labelled"] + found.about["abstained"] == 60
    few = [entry["class"] for entry in found.about["per_class"] if entry["few"]]
    assert few == [name for name in classes if [str(c) for _, c in given].count(name) < 5 and name not in ("0", "1")]


def test_the_command_line(rows, tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from unlabeled.cli.main import app

    monkeypatch.chdir(tmp_path)
    np.save("vectors.npy", rows[0][:120])
    label_file(tmp_path / "some.csv", range(40), rows[1][:40])
    result = CliRunner().invoke(
        app, ["label", "vectors.npy", "--labels", "some.csv", "--out", "out", "--next", "5", "--json"]
    )
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["instances"] == 120
    refused = CliRunner().invoke(app, ["label", "vectors.npy", "--labels", "some.csv", "--out", "out"])
    assert isinstance(refused.exception, UnlabeledError)


@pytest.mark.parametrize("content", ['{"0": "cat", "1": "dog"}', "[1]", '{"complete": "yes"}'])
def test_a_folder_with_a_label_json_of_the_users_is_left_alone(content, rows, tmp_path):
    mine = {"label.json": content, "labels.csv": "id,label\n0,cat\n"}
    for name, text in mine.items():
        (tmp_path / name).write_text(text)
    some = {str(row): str(rows[1][row]) for row in range(40)}
    for settings in ({}, {"overwrite": True}, {"resume": True}):
        with pytest.raises(UnlabeledError, match="was not written here"):
            label_dataset(rows[0], some, tmp_path, **settings)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == mine


def test_labels_may_be_kept_beside_the_texts_that_they_are_of(tmp_path):
    for number in range(20):
        for kind, words in (("sport", "goal team ball"), ("food", "bread soup taste")):
            (tmp_path / f"{kind}-{number}.txt").write_text(f"{words} {number}")
    some = {f"{kind}-{number}.txt": kind for kind in ("sport", "food") for number in range(5)}
    for settings in ({}, {"overwrite": True}):
        found = label_dataset(tmp_path, some, tmp_path / "labelled", **settings)
        assert len(found.ids) == 40  # and none of the files that the first round wrote


def test_data_without_an_encoder_say_that_a_budget_changes_nothing_and_what_would(rows, tmp_path):
    some = {str(row): str(rows[1][row]) for row in range(40)}
    found = label_dataset(rows[0][:80], some, tmp_path / "out", repeats=1, budget="10m")
    assert "no encoder to fine-tune. To have one, learn it with unlabeled learn" in found.about["tuning"]["said"]
    assert "no encoder to fine-tune" in (tmp_path / "out" / "report.html").read_text()
    assert label_dataset(rows[0][:80], some, tmp_path / "none", repeats=1).about["tuning"] == {}
