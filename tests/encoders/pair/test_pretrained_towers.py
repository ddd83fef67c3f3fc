from __future__ import annotations

import json
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F
from typer.testing import CliRunner

from unlabeled import CLIP, SimCLR, load
from unlabeled.cli.main import app
from unlabeled.encoders import load_encoder
from unlabeled.encoders.pair.pretrained_towers import load_clip
from unlabeled.errors import UnlabeledError

checkpoints = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("checkpoints.py"))))

WORDS = checkpoints.WORDS


def pictures() -> list[Image.Image]:
    """Pictures of several shapes, with edges that a different resampling would show."""
    random = np.random.default_rng(0)
    rough = np.kron(random.integers(0, 256, (9, 7, 3)), np.ones((9, 12, 1))).astype(np.uint8)
    return [Image.fromarray(rough).resize(size) for size in [(83, 61), (40, 95), (32, 32), (20, 31), (200, 77)]]


def unit(vectors: torch.Tensor) -> np.ndarray:
    return F.normalize(vectors, dim=1).numpy()


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> tuple[str, object, object]:
    folder = tmp_path_factory.mktemp("clip")
    return str(folder), *checkpoints.save_transformers_clip(folder)


def test_a_clip_of_transformers_gives_its_vectors(clip):
    folder, model, processor = clip
    ours = CLIP.from_pretrained(folder)
    tokens = checkpoints.clip_tokenizer()(WORDS, padding=True, truncation=True, max_length=24, return_tensors="pt")
    with torch.no_grad():
        images = model.get_image_features(**processor(pictures(), return_tensors="pt")).pooler_output
        texts = model.get_text_features(**tokens).pooler_output
    np.testing.assert_allclose(ours.transform(pictures()), unit(images), atol=1e-5)
    np.testing.assert_allclose(ours.transform(WORDS), unit(texts), atol=1e-5)
    np.testing.assert_allclose(ours.scale_, model.logit_scale.exp().item(), rtol=1e-6)
    assert model.config.text_config.hidden_act == "quick_gelu"


def test_a_siglip_of_transformers_gives_its_vectors(tmp_path):
    model, processor = checkpoints.save_siglip(tmp_path)
    ours = CLIP.from_pretrained(str(tmp_path), objective="sigmoid")
    tokens = checkpoints.clip_tokenizer()(WORDS, padding="max_length", truncation=True, max_length=24)["input_ids"]
    with torch.no_grad():
        images = model.get_image_features(**processor(pictures(), return_tensors="pt")).pooler_output
        texts = model.get_text_features(input_ids=torch.tensor(tokens)).pooler_output
    np.testing.assert_allclose(ours.transform(pictures()), unit(images), atol=1e-5)
    np.testing.assert_allclose(ours.transform(WORDS), unit(texts), atol=1e-5)
    np.testing.assert_allclose(ours.network_.head.bias.item(), model.logit_bias.item(), rtol=1e-6)


def test_it_is_saved_and_loaded_without_the_checkpoint(clip, tmp_path):
    shutil.copytree(clip[0], tmp_path / "there")
    ours = CLIP.from_pretrained(str(tmp_path / "there"))
    before = ours.transform(pictures()), ours.transform(WORDS)
    ours.save(tmp_path / "saved")
    shutil.rmtree(tmp_path / "there")
    again = load(tmp_path / "saved")
    np.testing.assert_array_equal(again.transform(pictures()), before[0])
    np.testing.assert_array_equal(again.transform(WORDS), before[1])
    assert again.scale_ == ours.scale_
    assert load_encoder(tmp_path / "saved").dim == 20


@pytest.mark.filterwarnings("ignore:the loss is", "ignore:2 of 10 captions fill")
def test_it_is_trained_further_and_a_frozen_tower_stays(clip):
    pairs = [(picture, f"{text} {i}") for i, (picture, text) in enumerate(zip(pictures() * 2, WORDS * 2, strict=True))]
    options = {"epochs": 2, "batch_size": 5, "random_state": 0, "progress": False}
    tuned = CLIP(encoder=f"clip:{clip[0]}", frozen="image", **options).fit(pairs)
    before = load_clip(clip[0])
    for name, value in before.image.state_dict().items():
        assert torch.equal(tuned.encoder_.image.state_dict()[name], value)
    assert not torch.equal(tuned.encoder_.text_projection.weight, before.text_projection.weight)
    assert tuned.encoder_.preprocessing.image.fit == "transformers_crop"
    # A single tower serves methods of images, and beside a text tower of one's own.
    assert SimCLR(encoder=f"clip:{clip[0]}", **options).fit(pictures()).transform(pictures()).shape == (5, 32)
    mixed = CLIP(encoder=f"clip:{clip[0]}", text_encoder="transformer", dim=9, **options).fit(pairs)
    assert mixed.transform(WORDS).shape == (5, 9)
    mixed = CLIP(text_encoder=f"clip_text:{clip[0]}", frozen="text", size=16, **options).fit(pairs)
    assert mixed.encoder_.text.dim == 32


def test_photographs_are_indexed_searched_and_classified_without_training(clip, tmp_path):
    (tmp_path / "photos").mkdir()
    for number, picture in enumerate(pictures() * 3):
        picture.rotate(20 * number).save(tmp_path / "photos" / f"{number}.png")
    run = tmp_path / "run"

    def called(*arguments: str) -> str:
        done = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert done.exit_code == 0, done.output
        return done.stdout

    encoder = f"clip:{clip[0]}"
    photos = tmp_path / "photos"
    called("learn", photos, "--method", "clip", "--encoder", encoder, "--epochs", "0", "--out", run)
    expected = CLIP.from_pretrained(clip[0])
    found = json.loads(called("search", run, "--query", "two dogs", "-k", "3", "--json"))["neighbours"]
    images = expected.transform(photos)
    order = np.argsort(-images @ expected.transform(["two dogs"])[0])
    names = sorted(path.name for path in photos.iterdir())
    assert [row["id"] for row in found] == [names[row] for row in order[:3]]
    called("embed", run, photos, "--out", tmp_path / "vectors.parquet")
    labels = json.loads(called("zeroshot", run, photos, "--classes", "cat,dog", "--json"))["images"]
    classes = expected.zero_shot(["cat", "dog"]).predict(photos)
    assert [row["label"] for row in labels] == list(classes)


def changed(folder: Path, target: Path, **files: dict | None) -> str:
    """Copy a checkpoint with some of its JSON files changed, or left out."""
    shutil.copytree(folder, target)
    for stem, changes in files.items():
        path = target / f"{stem}.json"
        if changes is None:
            path.unlink()
        else:
            path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return str(target)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"config": {"model_type": "bert"}}, "holds no CLIP"),
        ({"preprocessor_config": {"resample": 2}}, "way that is not supported"),
        ({"preprocessor_config": {"size": {"shortest_edge": 40}}}, "way that is not supported"),
        ({"tokenizer": None, "tokenizer_config": None}, "holds no tokenizer"),
    ],
)
def test_what_a_folder_lacks_is_said(clip, tmp_path, files, message):
    with pytest.raises(UnlabeledError, match=message):
        CLIP.from_pretrained(changed(Path(clip[0]), tmp_path / "changed", **files))


def test_weights_that_are_missing_are_named(clip, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = Path(changed(Path(clip[0]), tmp_path / "changed"))
    tensors = load_file(folder / "model.safetensors")
    del tensors["visual_projection.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UnlabeledError, match="are missing, such as visual_projection"):
        CLIP.from_pretrained(str(folder))


def test_settings_that_a_checkpoint_contradicts_are_refused(clip):
    pairs = [(picture, "a") for picture in pictures()]
    with pytest.raises(UnlabeledError, match="leave out dim"):
        CLIP(encoder=f"clip:{clip[0]}", dim=7, progress=False).fit(pairs)
    with pytest.raises(UnlabeledError, match="leave out size"):
        SimCLR(encoder=f"clip:{clip[0]}", size=16, progress=False).fit(pictures())
    with pytest.raises(UnlabeledError, match="epochs must be a whole number of at least 1, got 0"):
        CLIP(epochs=0, progress=False).fit(pairs)


def test_epochs_0_is_refused_for_an_encoder_that_was_not_trained():
    with pytest.raises(UnlabeledError, match="must be a trained one"):
        SimCLR(encoder="conv", epochs=0).fit(np.zeros((4, 8, 8), np.uint8))


@pytest.fixture
def open_clip():
    return pytest.importorskip("open_clip")


@pytest.mark.parametrize("quick_gelu", [True, False])
def test_an_open_clip_gives_its_vectors(open_clip, tmp_path, quick_gelu):
    model = checkpoints.save_open_clip(tmp_path, quick_gelu=quick_gelu, mean=[0.4, 0.5, 0.6], std=[0.3, 0.2, 0.25])
    ours = CLIP.from_pretrained(str(tmp_path))
    prepare = open_clip.image_transform(32, is_train=False, mean=(0.4, 0.5, 0.6), std=(0.3, 0.2, 0.25))
    words = [*WORDS, "Naïve  café — 3.14€", "word " * 300, "it’s ‘so’, “fine” &amp; &amp;lt;b&gt; &quot;ﬁre&#39;s"]
    tokens = open_clip.SimpleTokenizer(context_length=24)(words)
    with torch.no_grad():
        images = model.encode_image(torch.stack([prepare(picture) for picture in pictures()]), normalize=True)
        texts = model.encode_text(tokens, normalize=True)
    np.testing.assert_allclose(ours.transform(pictures()), images.numpy(), atol=1e-5)
    np.testing.assert_allclose(ours.transform(words), texts.numpy(), atol=1e-5)


@pytest.mark.parametrize(
    ("part", "changes", "message"),
    [
        ("vision_cfg", {"layers": [3, 4, 6, 3]}, "residual network"),
        ("vision_cfg", {"timm_model_name": "convnext_base"}, "timm_model_name"),
        ("text_cfg", {"hf_model_name": "roberta-base"}, "hf_model_name"),
        ("text_cfg", {"no_causal_mask": True}, "no_causal_mask"),
    ],
)
def test_other_networks_of_open_clip_are_refused_by_name(tmp_path, part, changes, message):
    model = {"embed_dim": 8, "vision_cfg": {"image_size": 32}, "text_cfg": {}}
    model[part] = {**model[part], **changes}
    (tmp_path / "open_clip_config.json").write_text(json.dumps({"model_cfg": model}))
    with pytest.raises(UnlabeledError, match=message):
        CLIP.from_pretrained(str(tmp_path))


def test_the_whole_package_is_not_imported_for_its_vocabulary(open_clip):
    code = (
        "import sys; from unlabeled.data.pairs.clip_checkpoint import _clip_tokenizer; "
        "assert len(_clip_tokenizer()) == 49408; assert 'open_clip' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
