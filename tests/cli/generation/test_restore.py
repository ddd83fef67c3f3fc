"""Restore, sample and reconstruct, as a user would type them."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from unlabeled.cli.main import app
from unlabeled.errors import UnlabeledError
from unlabeled.modalities.image import ImagePreprocessing
from unlabeled.registry import method
from unlabeled.runs import learn
from unlabeled.runs.showing.restore import in_tiles, restored

RUN = CliRunner()


def call(*words):
    return RUN.invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("restore")


@pytest.fixture(scope="module")
def photo(folder):
    pixels = np.random.default_rng(0).integers(0, 256, (29, 41, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "photo.png")
    return folder / "photo.png"


@pytest.fixture(scope="module")
def runs(folder):
    """One small run a method, made when it is first asked for."""
    pixels = np.random.default_rng(1).integers(0, 256, (40, 16, 16, 3), dtype=np.uint8)

    def run(name):
        if not (folder / name).exists():
            model = method(name)(epochs=1, batch_size=16, random_state=0, progress=False)
            learn(pixels, folder / name, model)
        return folder / name

    return run


class Darker:
    """A model that restores by halving every value."""

    factor = 2

    def restore(self, tiles):
        return tiles.numpy().astype(np.float32) / 255 / 2


@pytest.mark.parametrize("shape", [(29, 41, 3), (16, 16, 1), (3, 50, 3), (1, 2, 1)])
def test_tiles_cover_a_picture_of_any_size_without_seams(shape):
    picture = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    found = in_tiles(Darker(), picture, 16)
    expected = (picture[..., 0] if shape[2] == 1 else picture) / 2
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 0.51  # rounding


def test_tiles_say_how_far_they_are_and_what_memory_they_need(capsys, monkeypatch):
    monkeypatch.setattr("unlabeled.training.control.progress.APART", -1)
    picture = np.zeros((29, 41, 3), np.uint8)
    in_tiles(Darker(), picture, 16, progress=True)
    assert "Restoring: 15 of 15 tiles" in capsys.readouterr().err
    monkeypatch.setattr("unlabeled.memory.free_memory", lambda: 10_000)
    with pytest.raises(UnlabeledError, match="restoring 29 × 41 pixels needs"):
        in_tiles(Darker(), picture, 16)


def test_a_model_of_grey_images_keeps_the_colours_of_a_photo():
    model = Darker()
    model.encoder_ = SimpleNamespace(preprocessing=ImagePreprocessing(16, 1))
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    assert np.abs(restored(model, "denoise", picture) - picture / 2).max() <= 0.51  # rounding
    assert restored(model, "denoise", picture[..., 0]).shape == (20, 30)


@pytest.mark.parametrize(
    ("task", "name"),
    [("denoise", "denoising_autoencoder"), ("super-resolve", "super_resolution"), ("colorize", "colorization")],
)
def test_a_model_restores_a_photo_of_another_size(task, name, runs, photo, folder):
    done = call("restore", photo, "--task", task, "--model", runs(name), "--out", folder / f"{task}.png", "--json")
    assert done.exit_code == 0, done.output
    times = 2 if task == "super-resolve" else 1
    with Image.open(folder / f"{task}.png") as written:
        assert written.size == (41 * times, 29 * times)
    assert json.loads(done.stdout)["width"] == 41 * times


def test_inpainting_changes_what_the_mask_marks_and_nothing_else(runs, photo, folder):
    mask = np.zeros((29, 41), np.uint8)
    mask[10:20, 5:12] = 255
    Image.fromarray(mask).save(folder / "mask.png")
    words = ["restore", photo, "--task", "inpaint", "--mask", folder / "mask.png", "--out", folder / "whole.png"]
    for more in (["--model", runs("inpainting")], ["--steps", "3", "--width", "4", "-q", "--overwrite"]):
        done = call(*words, *more)
        assert done.exit_code == 0, done.output
        before, after = np.asarray(Image.open(photo)), np.asarray(Image.open(folder / "whole.png"))
        assert np.array_equal(after[mask == 0], before[mask == 0])
        assert not np.array_equal(after[mask > 0], before[mask > 0])
    assert not (folder / "whole.so-far.png").exists()


def test_colours_are_made_and_lightness_is_kept(runs, photo):
    from unlabeled.registry import load

    grey = np.asarray(Image.open(photo).convert("L"))
    made = restored(load(runs("colorization") / "model"), "colorize", grey)
    assert made.shape == (29, 41, 3)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--task", "denois"], "did you mean 'denoise'"),
        (["--task", "colorize"], "needs a model"),
        (["--task", "deblur"], "unlabeled learn photos/ --method deblurring"),
        (["--task", "inpaint"], "takes a mask"),
        (["--task", "denoise", "--mask", "photo"], "takes no mask"),
        (["--task", "denoise", "--out", "x.jpg"], "ends in .png"),
        (["--task", "denoise", "--out", "photo"], "is what is read"),
        (["--task", "denoise", "--model", "inpainting"], "needs one of denoising_autoencoder"),
        (["--task", "denoise", "--model", "nowhere"], "is not a folder"),
    ],
)
def test_what_cannot_be_meant_is_refused(words, says, runs, photo, folder):
    places = {"photo": str(photo), "inpainting": str(runs("inpainting")), "nowhere": str(folder / "nowhere")}
    out = [] if "--out" in words else ["--out", folder / "never.png"]
    done = call("restore", photo, *[places.get(word, word) for word in words], *out)
    assert isinstance(done.exception, UnlabeledError)
    assert says in str(done.exception)
    assert not (folder / "never.png").exists()


@pytest.mark.parametrize(
    ("verb", "name", "says"),
    [
        ("sample", "autoencoder", "autoencoder cannot sample; these methods can: gan, variational_autoencoder"),
        ("reconstruct", "inpainting", "inpainting cannot reconstruct; these methods can: autoencoder"),
    ],
)
def test_a_model_of_another_method_is_refused(verb, name, says, runs, photo, folder):
    done = call(verb, runs(name), *([photo] if verb == "reconstruct" else []), "--out", folder / "never.png")
    assert isinstance(done.exception, UnlabeledError)
    assert says in str(done.exception)
    assert not (folder / "never.png").exists()


@pytest.mark.parametrize("model", [[], ["--model", "inpainting"]])
def test_a_mask_of_another_size_is_refused(model, runs, photo, folder):
    Image.new("L", (8, 8), 255).save(folder / "mask8.png")
    words = [str(runs(word)) if word == "inpainting" else word for word in model]
    done = call(
        "restore", photo, "--task", "inpaint", "--mask", folder / "mask8.png", *words, "--out", folder / "no.png"
    )
    assert isinstance(done.exception, UnlabeledError)
    assert "the mask has 8 × 8 pixels and the picture 29 × 41" in str(done.exception)
    assert not (folder / "no.png").exists()


def test_a_mask_that_leaves_a_model_nothing_to_see_is_refused(runs, photo, folder):
    mask = np.full((29, 41), 255, np.uint8)
    mask[:, 20] = 0  # each of the 16 columns that the model sees holds two or three
    Image.fromarray(mask).save(folder / "lines.png")
    words = ["--mask", folder / "lines.png", "--model", runs("inpainting"), "--out", folder / "no.png"]
    done = call("restore", photo, "--task", "inpaint", *words)
    assert isinstance(done.exception, UnlabeledError)
    assert "brought to the 16 × 16 pixels of the model" in str(done.exception)


def test_a_photo_too_large_for_deep_image_prior_says_what_it_would_need(folder, monkeypatch):
    monkeypatch.setattr("unlabeled.memory.free_memory", lambda: 10**9)
    Image.new("RGB", (1000, 800)).save(folder / "large.png")
    done = call("restore", folder / "large.png", "--task", "denoise", "--out", folder / "no.png")
    assert isinstance(done.exception, UnlabeledError)
    assert "on 800 × 1,000 pixels needs 2.5 GB of memory" in str(done.exception)
    assert not (folder / "no.png").exists()
    assert not (folder / "no.so-far.png").exists()


@pytest.mark.parametrize(
    ("size", "words", "says"),
    [
        (4, ["--method", "simclr"], "needs 8 pixels a side, not 4"),
        (16, ["--method", "jigsaw"], "needs 24 pixels a side, not 16"),
        (16, ["--method", "relative_position"], "needs 24 pixels a side, not 16"),
        (32, ["--method", "jigsaw", "--encoder", "flat_conv"], "does not take their tiles"),
        (32, ["--method", "relative_position", "--encoder", "timm:vit_tiny_patch16_224"], "does not take their tiles"),
        (16, ["--method", "masked_autoencoder", "--size", "17"], "images of 17 pixels a side cannot be cut"),
        (16, ["--method", "colorization", "--channels", "1"], "learns from images in colour, and these are grey"),
        (16, ["--method", "moco", "--queue-size", "100"], "queue_size must lie between 1 and the number of instances"),
        (16, ["--method", "swav", "--queue-size", "100"], "queue_size must lie between 0 and the number of instances"),
        (16, ["--method", "swav", "--prototypes", "100"], "prototypes must lie between 2 and the number of instances"),
        (16, ["--method", "gan", "--batch-size", "1"], "batch_size must be at least 2"),
        (16, ["--method", "simclr", "--temperature", "-1"], "temperature must be a positive number"),
    ],
)
def test_images_that_a_method_cannot_take_are_refused_and_nothing_is_left(size, words, says, tmp_path):
    np.save(tmp_path / "images.npy", np.zeros((6, size, size, 3), np.uint8))
    done = call("learn", tmp_path / "images.npy", *words, "--out", tmp_path / "run")
    assert isinstance(done.exception, UnlabeledError)
    assert says in str(done.exception)
    assert not (tmp_path / "run").exists()


def test_samples_and_the_way_between_two_pictures(runs, photo, folder):
    run = runs("variational_autoencoder")
    for seed in (0, 0, 1):
        assert (
            call("sample", run, "-n", 6, "--seed", seed, "--out", folder / f"s{seed}.png", "--overwrite").exit_code == 0
        )
    assert (folder / "s0.png").read_bytes() != (folder / "s1.png").read_bytes()
    done = call("sample", run, "--interpolate", photo, photo, "-n", 4, "--out", folder / "way.png", "--json")
    assert json.loads(done.stdout)["pictures"] == 4
    for ends, more, says in [
        ([photo, folder], [], "is a folder; give one picture"),
        ([photo, folder / "gone.png"], [], "does not exist"),
        ([photo, photo], ["-n", 1], "-n must be at least 2"),
    ]:
        done = call("sample", run, "--interpolate", *ends, *more, "--out", folder / "none.png")
        assert says in str(done.exception)
    done = call("sample", runs("inpainting"), "--out", folder / "none.png")
    assert "inpainting cannot sample; these methods can: gan, variational_autoencoder" in str(done.exception)


@pytest.mark.parametrize("name", ["variational_autoencoder", "autoencoder"])
def test_pictures_are_rebuilt_and_stand_in_the_report(name, runs, photo, folder):
    out = folder / f"rebuilt-{name}.png"
    done = call("reconstruct", runs(name), photo, "--out", out, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["pictures"] == 1
    many = call("reconstruct", runs(name), *[photo] * 17, "--out", out, "--json", "--overwrite")  # a batch has 16
    assert json.loads(many.stdout)["pictures"] == 17
    assert "Reconstructions" in (runs(name) / "report.html").read_text()
    done = call("reconstruct", runs("inpainting"), photo, "--out", folder / "none.png")
    assert "inpainting cannot reconstruct" in str(done.exception)


def test_what_is_hidden_plays_no_part_in_what_a_model_paints(runs, photo):
    from unlabeled.registry import load

    model, before = load(runs("inpainting") / "model"), np.asarray(Image.open(photo))
    mask = np.zeros(before.shape[:2], np.uint8)
    mask[11:17, 8:13] = 1
    painted = []
    for hidden in (0, 255):
        picture = before.copy()
        picture[mask > 0] = hidden
        painted.append(restored(model, "inpaint", picture, mask))
    assert np.array_equal(*painted)


def test_a_photo_is_coloured_some_rows_at_a_time_and_says_what_memory_it_needs(runs, photo, monkeypatch):
    from unlabeled.registry import load

    model, picture = load(runs("colorization") / "model"), np.asarray(Image.open(photo))
    whole = restored(model, "colorize", picture)
    monkeypatch.setattr("unlabeled.runs.showing.restore.BAND", 4)
    assert np.array_equal(restored(model, "colorize", picture), whole)
    monkeypatch.setattr("unlabeled.memory.free_memory", lambda: 10_000)
    with pytest.raises(UnlabeledError, match="colouring 29 × 41 pixels needs"):
        restored(model, "colorize", picture)
