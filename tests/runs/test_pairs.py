from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from unlabeled.cli.main import app
from unlabeled.data.pairs.image_texts import ImageTexts
from unlabeled.errors import UnlabeledError
from unlabeled.evaluation import pair_recall
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
    words = ["zeroshot", folder / "run", tmp_path / "photos", "--classes", "red, green,blue"]
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
        refused = invoke("zeroshot", folder / "run", tmp_path / "photos", "--classes", labels)
        assert message in str(refused.exception)


def write_pairs(folder, form):
    """Write nine pairs of three colours in a form in which images, or texts, could be opened alone too."""
    names = [list(COLOURS)[number % 3] for number in range(9)]
    (folder / "pairs").mkdir()
    for number, name in enumerate(names):
        red, green, blue = COLOURS[name]
        Image.new("RGB", (8, 8), (red, green, blue + number % 5)).save(folder / f"pairs/{number}.png")
    captions = [f"a {name} square" for name in names]
    if form == "folder":
        for number, caption in enumerate(captions):
            (folder / f"pairs/{number}.txt").write_text(f"{caption}\n{caption}, number {number}\n")
        return folder / "pairs"
    path = folder / f"pairs.{form}"
    if form == "csv":
        rows = [f"pairs/{number}.png,{caption}" for number, caption in enumerate(captions)]
        path.write_text("path,text\n" + "\n".join(rows))
    elif form == "jsonl":
        rows = [{"path": f"pairs/{number}.png", "caption": caption} for number, caption in enumerate(captions)]
        path.write_text("\n".join(map(json.dumps, rows)))
    else:
        pictures = [{"bytes": (folder / f"pairs/{number}.png").read_bytes(), "path": None} for number in range(9)]
        pq.write_table(pa.table({"image": pictures, "caption": captions}), path)
    return path


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet", "folder"])
def test_the_data_of_a_run_over_pairs_are_opened_as_pairs_again(tmp_path, form):
    source = write_pairs(tmp_path, form)
    words = ["--method", "clip", "--epochs", "1", "--batch-size", "9", "--quiet", "--out", tmp_path / "run"]
    result = invoke("learn", source, *words)
    assert result.exit_code == 0, (result.output, result.exception)
    result = invoke("search", tmp_path / "run", "--query", "a red square", "-k", "3", "--json")
    neighbours = json.loads(result.stdout)["neighbours"]
    assert all("square" in each["text"] for each in neighbours)
    assert "Contact sheet" in result.stderr
    ids = Run(tmp_path / "run").embeddings.ids
    (tmp_path / "labels.csv").write_text("id,label\n" + "".join(f"{name},{i % 2}\n" for i, name in enumerate(ids)))
    result = invoke("evaluate", tmp_path / "run", "--labels", tmp_path / "labels.csv", "--json")
    assert result.exit_code == 0, (result.output, result.exception)


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
    result = invoke("zeroshot", other, folder, "--classes", "a,b")
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


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    """A run over twelve images with three captions each, in a folder."""
    folder = tmp_path_factory.mktemp("several")
    (folder / "pairs").mkdir()
    for number in range(12):
        name = list(COLOURS)[number % 3]
        noise = np.random.default_rng(number).integers(-20, 20, (8, 8, 3))
        Image.fromarray(np.clip(COLOURS[name] + noise, 0, 255).astype(np.uint8)).save(folder / f"pairs/{number}.png")
        lines = [f"a {name} square", f"number {number}, {name}", f"{name} paint {number}"]
        (folder / f"pairs/{number}.txt").write_text("\n".join(lines))
    words = ["--method", "clip", "--epochs", "30", "--batch-size", "18", "--learning-rate", "2e-3", "--quiet"]
    result = invoke("learn", folder / "pairs", *words, "--out", folder / "run", "--json")
    assert result.exit_code == 0, (result.output, result.exception)
    return folder, json.loads(result.stdout)


def test_a_run_holds_each_image_once_whatever_its_captions(several):
    folder, figures = several
    run = Run(folder / "run")
    assert sorted(run.embeddings.ids) == sorted(f"{number}.png" for number in range(12))
    assert (figures["rows"], figures["retrieval"]["images"], figures["retrieval"]["texts"]) == (12, 12, 27)
    found = run.search("7.png", 12)
    assert sorted(found.ids[0]) == sorted(run.embeddings.ids)
    assert figures["near_duplicates"]["compared"] == 12
    assert figures["near_duplicates"]["pairs"] == 0
    # Recall is that of the pairs, looked up one by one.
    pairs = ImageTexts(folder / "pairs")
    instances, _ = open_instances(pairs, preprocessing=run.encoder.preprocessing)
    images, texts = run.method.transform(pairs), run.method.transform(pairs.captions)
    found = pair_recall(images, texts, *instances.codes)
    assert found.images_of_text == {int(k): share for k, share in figures["retrieval"]["images_of_text"].items()}
    assert found.texts_of_image == {int(k): share for k, share in figures["retrieval"]["texts_of_image"].items()}
    rows = "".join(f"{number}.png,{list(COLOURS)[number % 3]}\n" for number in range(12))
    (folder / "labels.csv").write_text("id,label\n" + rows)
    result = invoke("evaluate", folder / "run", "--labels", folder / "labels.csv", "--json")
    assert result.exit_code == 0, (result.output, result.exception)
    judged = json.loads(result.stdout)
    assert judged["evaluation"]["n_classes"] == 3
    assert judged["retrieval"] == figures["retrieval"]


def test_an_image_finds_captions_as_well(several):
    folder, _ = several
    result = invoke("search", folder / "run", "--query", folder / "pairs/1.png", "-k", "4", "--json")
    assert result.exit_code == 0, (result.output, result.exception)
    found = json.loads(result.stdout)
    assert found["neighbours"][0]["id"] == "1.png"
    assert [row["rank"] for row in found["captions"]] == [1, 2, 3, 4]
    assert all("green" in row["caption"] for row in found["captions"])
    run = Run(folder / "run")
    image, text = run.method.transform([Image.open(folder / "pairs/1.png")]), found["captions"][0]["caption"]
    assert found["captions"][0]["distance"] == pytest.approx(
        1 - (image @ run.method.transform([text]).T).item(), abs=1e-5
    )
    shown = invoke("search", folder / "run", "--query", "1.png", "-k", "4").stdout
    assert "Captions that fit the image best" in shown
    assert found["captions"][0]["caption"] in shown
    everything = json.loads(invoke("search", folder / "run", "--query", "1.png", "-k", "99", "--json").stdout)
    assert len(everything["captions"]) == 27
    for words in (["--query", "a green square"], ["--query", "1.png", "--where", "id = '2.png'"]):
        assert "captions" not in json.loads(invoke("search", folder / "run", *words, "--json").stdout)


def test_recall_on_pairs_that_taught_nothing(several, tmp_path):
    folder, _ = several
    (tmp_path / "test").mkdir()
    for number, colour in enumerate(COLOURS.values()):
        Image.new("RGB", (8, 8), colour).save(tmp_path / f"test/{number}.png")
        (tmp_path / f"test/{number}.txt").write_text(f"a {list(COLOURS)[number]} square")
    result = invoke("evaluate", folder / "run", "--test", tmp_path / "test", "--json")
    assert result.exit_code == 0, (result.output, result.exception)
    found = json.loads(result.stdout)
    assert (found["pairs"], found["known"]) == (3, 0)
    assert found["retrieval"]["images_of_text"]["1"] == found["retrieval"]["texts_of_image"]["1"] == 1.0
    assert found["retrieval"]["images_of_text_chance"]["1"] == pytest.approx(1 / 3)
    # An image that was learnt from, with whatever caption and name, is left out.
    (tmp_path / "test/known.png").write_bytes((folder / "pairs/0.png").read_bytes())
    (tmp_path / "test/known.txt").write_text("other words\nand more")
    result = invoke("evaluate", folder / "run", "--test", tmp_path / "test")
    assert result.exit_code == 0, (result.output, result.exception)
    assert "Left out: 2 pairs" in result.stderr
    assert "images of a caption" in result.stdout
    assert "recall on 3 pairs that taught nothing" in result.stdout
    refused = invoke("evaluate", folder / "run", "--test", folder / "pairs")
    assert "has learnt from all images" in str(refused.exception)
    refused = invoke("evaluate", folder / "run", "--test", tmp_path / "test", "--labels", folder / "labels.csv")
    assert "without labels" in str(refused.exception)


def test_the_tower_of_images_is_seen_and_cuts_pictures_into_parts(several, tmp_path):
    folder, _ = several
    for words in ([], ["7.png"], [folder / "pairs/2.png"]):
        result = invoke("see", folder / "run", *words, "--out", tmp_path / "see", "--json", "--overwrite")
        assert result.exit_code == 0, (result.output, result.exception)
        assert json.loads(result.stdout)["sections"] == ["filters", "maps", "attributions", "excitation"]
    Image.new("RGB", (24, 16), COLOURS["red"]).save(tmp_path / "photo.png")
    result = invoke("segment", tmp_path / "photo.png", "-k", "2", "--run", folder / "run", "--out", tmp_path / "s.png")
    assert result.exit_code == 0, (result.output, result.exception)
