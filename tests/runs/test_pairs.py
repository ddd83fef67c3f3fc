from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from unlabeled.cli.main import app
from unlabeled.errors import UnlabeledError
from unlabeled.files import write_json
from unlabeled.modalities import open_instances
from unlabeled.runs import Run

COLOURS = {"red": (250, 20, 20), "green": (20, 200, 20), "blue": (20, 20, 250)}


def invoke(*words):
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=True)


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    """A run over 48 noisy squares with captions in a table, made as a user makes it."""
    folder = tmp_path_factory.mktemp("pairs")
    random = np.random.default_rng(0)
    rows = ["path,caption,label"]
    for number in range(48):
        name = list(COLOURS)[number % 3]
        noise = random.integers(-20, 20, (8, 8, 3))
        Image.fromarray(np.clip(COLOURS[name] + noise, 0, 255).astype(np.uint8)).save(folder / f"{number}.png")
        rows.append(f"{number}.png,a {name} square,{name}")
    (folder / "pairs.csv").write_text("\n".join(rows))
    words = ["--method", "clip", "--epochs", "30", "--batch-size", "16", "--learning-rate", "2e-3", "--quiet"]
    result = invoke("learn", folder / "pairs.csv", *words, "--out", folder / "run", "--json")
    assert result.exit_code == 0, (result.output, result.exception)
    return folder, json.loads(result.stdout)


def test_a_run_over_pairs_says_how_well_they_find_each_other(learnt):
    _, figures = learnt
    found = figures["retrieval"]
    assert (found["images"], found["texts"]) == (48, 3)
    assert found["images_of_text"]["1"] == 1.0  # by chance one in three
    assert found["images_of_text_chance"]["1"] == pytest.approx(1 / 3)
    assert figures["evaluation"]["n_classes"] == 3
    folder, _ = learnt
    result = invoke("evaluate", folder / "run")
    assert "images of a caption" in result.stdout


@pytest.mark.parametrize("name", list(COLOURS))
def test_words_find_images_and_images_find_images(learnt, name):
    folder, _ = learnt
    result = invoke("search", folder / "run", "--query", f"a {name} square", "-k", "5", "--json")
    assert result.exit_code == 0, (result.output, result.exception)
    neighbours = json.loads(result.stdout)["neighbours"]
    assert [each["label"] for each in neighbours] == [name] * 5
    assert all(name in each["text"] for each in neighbours)
    image = folder / f"{list(COLOURS).index(name)}.png"
    result = invoke("search", folder / "run", "--query", image, "-k", "5", "--json")
    assert {each["label"] for each in json.loads(result.stdout)["neighbours"]} == {name}


def test_zero_shot_classes_from_the_command_line(learnt, tmp_path):
    folder, _ = learnt
    for name, colour in COLOURS.items():
        (tmp_path / "photos" / name).mkdir(parents=True)
        Image.new("RGB", (8, 8), colour).save(tmp_path / "photos" / name / "a.png")
    (tmp_path / "photos" / "red" / "broken.png").write_text("no image")
    words = ["zeroshot", folder / "run", tmp_path / "photos", "--labels", "red, green,blue"]
    result = invoke(*words, "--template", "a {} square", "--out", tmp_path / "found.csv", "--json")
    assert result.exit_code == 0, (result.output, result.exception)
    done = json.loads(result.stdout)
    assert (done["accuracy"], done["labelled"]) == (1.0, 3)
    assert (done["balanced_accuracy"], done["chance"]) == (1.0, pytest.approx(1 / 3))
    assert [each["id"] for each in done["skipped"]] == ["red/broken.png"]
    assert (tmp_path / "found.csv").read_text().splitlines()[0] == '"id","label","probability"'
    assert isinstance(invoke(*words, "--out", tmp_path / "found.csv").exception, UnlabeledError)
    shown = invoke(*words, "--template", "a {} square")
    assert "100.0% of 3 labelled images are right" in shown.stdout
    assert "mean over classes 100.0%, by chance 33.3%" in shown.stdout
    for labels, message in (("red", "two or more"), ("red,red", "different")):
        refused = invoke("zeroshot", folder / "run", tmp_path / "photos", "--labels", labels)
        assert message in str(refused.exception)


def test_methods_of_pairs_are_compared_on_a_table(learnt, tmp_path):
    folder, _ = learnt
    words = ["--methods", "clip,raw", "--budget", "3 steps", "--seeds", "1", "--batch-size", "16"]
    result = invoke("compare", folder / "pairs.csv", *words, "--out", tmp_path / "cmp", "--json")
    assert result.exit_code == 0, (result.output, result.exception)
    assert {row["name"] for row in json.loads(result.stdout)["methods"]} == {"clip", "raw"}


def test_a_run_without_words_says_what_would_help(learnt, tmp_path):
    folder, _ = learnt
    other = tmp_path / "other"
    write_json(other / "run.json", {"complete": True, "recipe": {"method": "simclr"}, "source": None, "labels": None})
    write_json(other / "model" / "model.json", {"method": "simclr"})
    result = invoke("zeroshot", other, folder, "--labels", "a,b")
    assert "learnt by simclr and knows no words" in str(result.exception)


def test_an_id_of_the_run_is_a_query_and_other_words_are_words(learnt, tmp_path, monkeypatch):
    folder, _ = learnt
    monkeypatch.chdir(tmp_path)  # where no file has the name of an id
    run = Run(folder / "run")
    own = run.embeddings.vectors[[run.embeddings.ids.index("7.png")]]
    np.testing.assert_array_equal(run.query_vectors("7.png"), own)
    for words in ("blue", "like 7.png, but blue"):
        np.testing.assert_allclose(run.query_vectors(words), run.method.transform([words]), atol=1e-6)
    with pytest.raises(UnlabeledError, match=r"77\.png is neither a file nor the id"):
        run.query_vectors("77.png")
    Image.new("RGB", (8, 8), COLOURS["blue"]).save("7.png")  # a file comes before an id
    np.testing.assert_allclose(run.query_vectors("7.png"), run.method.transform([tmp_path / "7.png"]), atol=1e-6)


def test_a_query_of_ten_thousand_words_is_answered(learnt):
    folder, _ = learnt
    result = invoke("search", folder / "run", "--query", "a red square " * 3334, "-k", "2", "--json")
    assert result.exit_code == 0, (result.output, result.exception)
    assert len(json.loads(result.stdout)["neighbours"]) == 2


def test_the_report_shows_which_images_and_captions_meet(learnt):
    folder, _ = learnt
    with Image.open(folder / "run" / "pictures" / "similarity.png") as picture:
        assert min(picture.size) > 300
    assert "Images and texts" in (folder / "run" / "report.html").read_text()
    method = Run(folder / "run").method
    instances, _ = open_instances(folder / "pairs.csv", method, method.encoder_.preprocessing)
    found = method.similarities(instances.gather(torch.arange(6)).values)
    images = method.transform([Image.open(folder / f"{row}.png") for row in range(6)])
    texts = method.transform([instances.captions[row] for row in range(6)])
    np.testing.assert_allclose(found, images @ texts.T, atol=1e-5)


def picture(path, number):
    Image.new("RGB", (8, 8), (20 * number, 100, 255 - 20 * number)).save(path)


@pytest.mark.parametrize(
    ("captions", "says"),
    [
        (["always the same"] * 8, "all 8 captions are the same"),
        (["word " * 10_000 + str(i) for i in range(8)], "8 of 8 captions fill all 32 tokens"),
    ],
)
def test_captions_that_teach_nothing_are_announced(tmp_path, captions, says):
    for number, caption in enumerate(captions):
        picture(tmp_path / f"{number}.png", number)
        (tmp_path / f"{number}.txt").write_text(caption)
    words = ["--method", "clip", "--epochs", "1", "--batch-size", "4", "--out", tmp_path / "run"]
    result = invoke("learn", tmp_path, *words)
    assert result.exit_code == 0, (result.output, result.exception)
    assert says in " ".join(result.output.split())
    assert any(says in note for note in json.loads((tmp_path / "run" / "run.json").read_text())["warnings"])


def test_pairs_that_cannot_be_learnt_from_are_refused_from_the_command_line(tmp_path):
    def refusal(source, *words):
        result = invoke("learn", source, "--method", "clip", "--quiet", "--out", tmp_path / "run", *words)
        assert isinstance(result.exception, UnlabeledError), (result.output, result.exception)
        assert not (tmp_path / "run").exists()
        return str(result.exception)

    (tmp_path / "pairs").mkdir()
    picture(tmp_path / "pairs" / "0.png", 0)
    assert "no image in" in refusal(tmp_path / "pairs")
    (tmp_path / "pairs" / "0.txt").write_text("alone")
    assert "a run needs at least two" in refusal(tmp_path / "pairs")
    (tmp_path / "gone.csv").write_text("path,caption\na.png,x\nb.png,y\n")
    assert f"none of the 2 images of {tmp_path / 'gone.csv'}" in refusal(tmp_path / "gone.csv")
    picture(tmp_path / "pairs" / "1.png", 1)
    (tmp_path / "pairs" / "1.txt").write_text("together")
    assert "there is no folder '/nowhere'" in refusal(tmp_path / "pairs", "--text-encoder", "transformers:/nowhere")
    assert "holds no CLIP" in refusal(tmp_path / "pairs", "--encoder", f"clip:{tmp_path}")
    assert "'conv' is for images" in refusal(tmp_path / "pairs", "--text-encoder", "conv")
