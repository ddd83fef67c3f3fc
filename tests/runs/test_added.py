"""Adding to the index of a run: by content, nothing replaced unasked, and whole after a kill."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image
from typer.testing import CliRunner

from unlabeled import GPT, SimCLR
from unlabeled.cli.main import app
from unlabeled.errors import UnlabeledError
from unlabeled.runs import Run, add_to_index, learn
from unlabeled.runs.added import CHANGING, _names, sources_of
from unlabeled.runs.showing.descriptions import descriptions
from unlabeled.search import LanceStore

SETTINGS = {"encoder": "conv", "epochs": 1, "batch_size": 20, "random_state": 0, "progress": False}


def write(folder, pictures):
    for name, pixels in pictures.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / name)
    return folder


@pytest.fixture(scope="module")
def learnt(digits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("added")
    photos = write(folder / "photos", {f"{'ab'[i % 2]}/{i:02d}.png": digits[0][i] for i in range(40)})
    return learn(photos, folder / "run", SimCLR(**SETTINGS)).folder


@pytest.fixture
def run(learnt, tmp_path):
    """A copy of the run, to be changed."""
    return Run(shutil.copytree(learnt, tmp_path / "run"))


@pytest.fixture
def new(digits, tmp_path):
    """Three new digits, a copy of a known one, and two that are the same."""
    pictures = {"c/50.png": digits[0][50], "c/51.png": digits[0][51], "c/copy.png": digits[0][7]}
    return write(tmp_path / "new", pictures | {"d/52.png": digits[0][52], "d/52-again.png": digits[0][52]})


def test_what_is_added_is_found_and_copies_are_not_added(run, new):
    before = run.embeddings.vectors.copy()
    found = add_to_index(run, new)
    assert found.added == ["c/50.png", "c/51.png", "d/52-again.png"]
    assert found.known == {"c/copy.png": "b/07.png", "d/52.png": "d/52-again.png"}
    assert found.replaced == []
    again = Run(run.folder)
    assert len(again.store) == len(again.indexed) == 43
    for metric in ("cosine", "euclidean"):
        nearest = again.search(new / "c" / "51.png", k=1, metric=metric)
        assert nearest.ids.tolist() == [["c/51.png"]]
        assert nearest.distances[0, 0] < 1e-3
    assert again.search("c/50.png", k=2, where="label = 'c'").ids.tolist() == [["c/50.png", "c/51.png"]]
    assert sources_of(again, ["c/50.png", "a/00.png"])["c/50.png"].source == str(new)
    assert (again.embeddings.vectors == before).all()  # what the run learnt from is as it was


def test_adding_again_adds_nothing(run, new):
    add_to_index(run, new)
    index = {path: path.stat().st_mtime_ns for path in (run.folder / "index").rglob("*")}
    again = add_to_index(Run(run.folder), new)
    assert again.added == []
    assert again.known["c/50.png"] == "c/50.png"
    assert index == {path: path.stat().st_mtime_ns for path in (run.folder / "index").rglob("*")}


def test_an_id_with_other_content_is_refused_unless_it_is_to_be_replaced(run, digits, tmp_path):
    other = write(tmp_path / "other", {"a/00.png": digits[0][60], "e/61.png": digits[0][61]})
    with pytest.raises(UnlabeledError, match=r"holds 'a/00.png' already, with other content.*Nothing was added"):
        add_to_index(run, other)
    assert len(Run(run.folder).indexed) == 40
    found = add_to_index(run, other, overwrite=True)
    assert (found.added, found.replaced) == (["e/61.png"], ["a/00.png"])
    again = Run(run.folder)
    assert len(again.store) == len(again.indexed) == 41
    assert again.search(other / "a" / "00.png", k=1).ids.tolist() == [["a/00.png"]]
    assert again.search("a/00.png", k=1).distances[0, 0] < 1e-3


def test_content_that_moves_to_another_name_is_kept_when_its_place_is_taken(run, digits, tmp_path):
    # a/00 is new; b/01 gets what a/00 held, and z what b/01 held.
    moved = {"a/00.png": digits[0][60], "b/01.png": digits[0][0], "z.png": digits[0][1]}
    source = write(tmp_path / "moved", moved)
    with pytest.raises(UnlabeledError, match=r"holds 'a/00\.png' already, with other content, and 1 more"):
        add_to_index(run, source)
    found = add_to_index(run, source, overwrite=True)
    assert (found.added, found.replaced, found.known) == (["z.png"], ["a/00.png", "b/01.png"], {})
    again = Run(run.folder)
    assert len(again.store) == len(again.indexed) == 41
    for name in moved:
        nearest = again.search(source / name, k=1)
        assert nearest.ids.tolist() == [[name]]
        assert nearest.distances[0, 0] < 1e-3


def test_a_process_that_was_killed_leaves_nothing_half_done(run, new, digits, tmp_path, monkeypatch):
    def killed(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(LanceStore, "add", killed)
    with pytest.raises(KeyboardInterrupt):
        add_to_index(run, new)
    monkeypatch.undo()
    assert len(Run(run.folder).store) == 40
    found = add_to_index(Run(run.folder), write(tmp_path / "more", {"f/70.png": digits[0][70]}))
    assert found.added == ["f/70.png"]
    again = Run(run.folder)
    assert len(again.store) == len(again.indexed) == 44
    assert not (run.folder / CHANGING).exists()
    assert again.search(new / "c" / "50.png", k=1).ids.tolist() == [["c/50.png"]]


def test_labels_of_what_is_added_serve_conditions_also_where_the_run_had_none(digits, tmp_path):
    photos = write(tmp_path / "photos", {f"{i:02d}.png": digits[0][i] for i in range(20)})
    run = learn(photos, tmp_path / "run", SimCLR(**SETTINGS))
    assert run.store.columns == []
    more = write(tmp_path / "more", {"x.png": digits[0][30], "y.png": digits[0][31]})
    (tmp_path / "labels.csv").write_text("id,label\nx.png,new\n")
    add_to_index(run, more, labels=tmp_path / "labels.csv")
    assert run.search("y.png", k=5, where="label = 'new'").ids.tolist() == [["x.png"]]
    assert len(run.store) == 22


def test_another_encoder_does_not_know_what_was_added(run, new):
    add_to_index(run, new)
    again = learn(run.about["source"], run.folder, SimCLR(**SETTINGS), overwrite=True)
    assert len(again.indexed) == len(again.store) == 40


def test_the_command_adds_and_finds(run, new):
    def command(*options):
        return CliRunner().invoke(app, ["search", str(run.folder), *map(str, options)])

    found = json.loads(command("--add", new, "--json").stdout)
    assert found["in_index"] == 43
    assert found["known"]["c/copy.png"] == "b/07.png"
    asked = command("--query", new / "c" / "50.png", "-k", 3, "--json")
    assert json.loads(asked.stdout)["neighbours"][0]["id"] == "c/50.png"
    assert (run.folder / "pictures" / "search.png").exists()
    assert "3 added" not in command("--add", new).output
    assert "--query" in str(command().exception)
    assert "--add" in str(command("--query", "a/00.png", "--labels", new).exception)


@pytest.fixture(scope="module")
def learnt_texts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    (folder / "a.txt").write_text("the dog barks\n\nthe cat meows\nit rains\n")
    size = {"dim": 16, "layers": 1, "heads": 2, "length": 12, "batch_size": 2}
    return learn(folder / "a.txt", folder / "run", GPT(**size, epochs=1, random_state=0, progress=False)).folder


def test_lines_of_another_file_are_added_under_its_name(learnt_texts, tmp_path):
    run = Run(shutil.copytree(learnt_texts, tmp_path / "run"))
    (tmp_path / "b.txt").write_text("the sun is out\nthe cat meows\nbread is warm\n")
    found = add_to_index(run, tmp_path / "b.txt")
    assert found.added == ["b.txt line 1", "b.txt line 3"]
    assert found.known == {"b.txt line 2": "line 3"}
    again = Run(run.folder)
    for text, name in (("the sun is out", "b.txt line 1"), ("the dog barks", "line 1")):
        nearest = again.search(text, k=1)
        assert nearest.ids.tolist() == [[name]]
        assert descriptions(again, [name]) == {name: text}
    (tmp_path / "b.txt").write_text("the moon is out\n")
    with pytest.raises(UnlabeledError, match=r"holds 'b\.txt line 1' already"):
        add_to_index(again, tmp_path / "b.txt")
    assert add_to_index(again, tmp_path / "b.txt", overwrite=True).replaced == ["b.txt line 1"]


def test_a_file_that_has_grown_keeps_the_numbers_of_its_lines(learnt_texts, tmp_path):
    run = Run(shutil.copytree(learnt_texts, tmp_path / "run"))
    own = Path(run.about["source"])
    before = own.read_text()
    own.write_text(before + "the sun is out\n")
    try:
        assert add_to_index(run, own).added == ["line 5"]
        assert descriptions(Run(run.folder), ["line 5"]) == {"line 5": "the sun is out"}
    finally:
        own.write_text(before)


def test_names_that_are_no_positions_stay(tmp_path):
    run = SimpleNamespace(about={"source": str(tmp_path / "a.csv")})
    for ids in (["line 1", "x"], ["5", "6"], ["a.txt", "b.txt"]):
        assert _names(run, tmp_path / "b.csv", ids) == ids
    assert _names(run, tmp_path / "b.csv", ["0", "1"]) == ["b.csv 0", "b.csv 1"]
    assert _names(run, tmp_path / "a.csv", ["0", "1"]) == ["0", "1"]
