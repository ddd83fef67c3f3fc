"""The path between two instances of a run, as a user would type it."""

import json
import os
import shutil
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from unlabeled.cli.main import app
from unlabeled.errors import UnlabeledError
from unlabeled.registry import method
from unlabeled.runs import Embeddings, Run, learn
from unlabeled.runs.added import add_to_index
from unlabeled.runs.showing.neighbour_path import neighbour_path
from unlabeled.search import NeighbourGraph

RUN = CliRunner()


def call(*words):
    return RUN.invoke(app, ["path", *(str(word) for word in words)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("path")


@pytest.fixture(scope="module")
def run(folder):
    """A run over pictures of which one half brightens while the other darkens."""
    (folder / "photos").mkdir()
    for i in range(24):
        pixels = np.zeros((16, 16, 3), np.uint8)
        pixels[:, :8] = 10 * i
        pixels[:, 8:] = 240 - 10 * i
        Image.fromarray(pixels).save(folder / "photos" / f"{i:02d}.png")
    small = method("autoencoder")(encoder="mlp", epochs=1, batch_size=8, random_state=0, progress=False)
    learn(folder / "photos", folder / "run", small)
    return folder / "run"


def graph_of(run, k):
    embeddings = Run(run).embeddings
    return NeighbourGraph.from_vectors(embeddings.vectors, k, ids=embeddings.ids, metric="cosine")


def test_the_chain_is_walked_and_drawn(run, folder):
    out = folder / "chain.png"
    done = call(run, "00.png", folder / "photos" / "23.png", "-k", 2, "--out", out, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    names = [step["id"] for step in found["path"]]
    assert names[0] == "00.png"
    assert names[-1] == "23.png"  # the file is the instance of the run, and no second node
    graph = graph_of(run, 2)
    assert names == graph.path("00.png", "23.png").ids
    assert len(names) > 2
    assert found["path"][0]["hop"] is None
    hops = [step["hop"] for step in found["path"][1:]]
    assert found["length"] == pytest.approx(sum(hops), rel=1e-6)
    assert found["longest"] == max(hops)
    with Image.open(out) as sheet:
        assert sheet.width > 100
    assert call(run, "00.png", "23.png", "--out", out).exception is not None  # nothing is replaced unasked


def hand_made(vectors):
    embeddings = Embeddings(list("abcd")[: len(vectors)], np.array(vectors, np.float32))
    return SimpleNamespace(about={}, indexed=embeddings, store=SimpleNamespace(metric="euclidean"))


@pytest.mark.parametrize(("kind", "ids", "longest"), [("shortest", ["a", "b"], 8.0), ("minimax", ["a", "c", "b"], 5.0)])
def test_shortest_and_minimax_on_a_triangle(kind, ids, longest):
    found = neighbour_path(hand_made([[0, 0], [8, 0], [4, 3]]), "a", "b", kind=kind)
    assert found.path.ids == ids
    assert found.path.longest == longest
    assert found.metric == "euclidean"


def test_a_graph_in_pieces_names_the_nearest_hop():
    with pytest.raises(UnlabeledError, match=r"joins a and d .* is from b to c, at distance 8; a larger k"):
        neighbour_path(hand_made([[0, 0], [1, 0], [9, 0], [10, 0]]), "a", "d", k=1)


def test_an_instance_that_was_added_is_a_node_and_is_drawn(run, folder):
    shutil.copytree(run, folder / "grown")
    (folder / "later").mkdir()
    Image.fromarray(np.full((16, 16, 3), 77, np.uint8)).save(folder / "later" / "later.png")
    add_to_index(Run(folder / "grown"), folder / "later")
    out = folder / "later-chain.png"
    done = call(folder / "grown", "00.png", "later.png", "-k", 2, "--out", out, "--json")
    assert done.exit_code == 0, (done.output, done.exception)
    assert json.loads(done.stdout)["path"][-1]["id"] == "later.png"
    assert out.exists(), done.stderr


def test_a_file_from_outside_is_joined_to_the_graph(run, folder):
    pixels = np.full((30, 20, 3), 120, np.uint8)
    Image.fromarray(pixels).save(folder / "outside.png")
    done = call(run, folder / "outside.png", "00.png", "-k", 2, "--out", folder / "o.png", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["path"][0]["id"] == str(folder / "outside.png")
    assert (folder / "o.png").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["00.png", "nowhere.png"], "neither a file nor the id"),
        (["00.png", "23.png", "--kind", "longest"], "kind of path"),
        (["00.png", "23.png", "--out", "x.jpg"], "ends in .png"),
    ],
)
def test_what_cannot_be_meant_is_refused(words, says, run, folder):
    out = [] if "--out" in words else ["--out", folder / "never.png"]
    done = call(run, *words, *out)
    assert isinstance(done.exception, UnlabeledError)
    assert says in str(done.exception)
    assert not (folder / "never.png").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take UTF-8 names only")
def test_names_of_any_bytes_are_classes_and_ends(tmp_path):
    """A folder in Latin-1 is a class, and a file in it is known as the instance that it is."""
    for i in range(12):
        file = tmp_path / "photos" / os.fsdecode(b"caf\xe9" if i % 2 else b"tea") / f"{i}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (20 * i, 0, 0)).save(file)
    small = method("autoencoder")(encoder="mlp", epochs=1, batch_size=6, random_state=0, progress=False)
    made = learn(tmp_path / "photos", tmp_path / "run", small)
    assert made.embeddings.classes == [r"caf\xe9", "tea"]
    found = neighbour_path(made, os.fsdecode(bytes(tmp_path / "photos") + b"/caf\xe9/1.png"), "tea/0.png")
    assert found.path.ids[0] == r"caf\xe9/1.png"
    assert found.files == ()
