import json

import pytest
import torch
from safetensors.torch import save_file

from unlabeled.encoders import MLP, Bottleneck, Conv, FlatConv, Timm, load_encoder, save_encoder
from unlabeled.encoders.encoder import check_sizes
from unlabeled.errors import UnlabeledError
from unlabeled.modalities.image import ImagePreprocessing
from unlabeled.modalities.vector import VectorPreprocessing

PICTURES = ImagePreprocessing(16)
VECTORS = VectorPreprocessing(5, mean=(0.1,) * 5, scale=(2.0,) * 5)
ENCODERS = {
    "conv": lambda: Conv(PICTURES, width=4),
    "flat_conv": lambda: FlatConv(PICTURES),
    "mlp": lambda: MLP(VECTORS, dim=3, width=7, layers=1),
    "mlp of pixels": lambda: MLP(PICTURES),
    "bottleneck": lambda: Bottleneck(PICTURES, encoder=Conv(PICTURES, width=4), dim=2),
    "timm": lambda: Timm(PICTURES, name="resnet10t"),
    "timm with a small stem": lambda: Timm(PICTURES, name="resnet18"),
}


def batch_for(encoder):
    return torch.rand(3, *encoder.preprocessing.shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("make", ENCODERS.values(), ids=ENCODERS.keys())
def test_a_round_trip_gives_the_same_vectors_bit_for_bit(make, tmp_path):
    encoder = make().train()
    encoder(batch_for(encoder))  # moves the running statistics, which must be saved as well
    encoder.eval()
    save_encoder(encoder, tmp_path / "saved", {"recipe": {"method": "none"}})
    loaded = load_encoder(tmp_path / "saved")
    vectors = encoder(batch_for(encoder))
    assert vectors.shape == (3, encoder.dim)
    assert torch.equal(loaded(batch_for(encoder)), vectors)
    assert loaded.preprocessing == encoder.preprocessing
    assert loaded.describe() == encoder.describe()
    about = json.loads((tmp_path / "saved" / "encoder.json").read_text())
    assert about["dim"] == encoder.dim
    assert about["recipe"] == {"method": "none"}
    assert {"torch", "python", "unlabeled"} <= about["versions"].keys()


@pytest.fixture
def saved(tmp_path):
    save_encoder(Conv(PICTURES, width=4), tmp_path / "saved")
    return tmp_path / "saved"


def test_a_file_in_which_no_key_matches_is_refused(saved):
    save_file({"other.weight": torch.zeros(2)}, saved / "encoder.safetensors")
    with pytest.raises(UnlabeledError, match="not one of its 1 keys matches"):
        load_encoder(saved)


def test_a_file_that_misses_some_keys_is_refused(saved):
    state = {key: value for key, value in Conv(PICTURES, width=4).state_dict().items() if "0.0" not in key}
    save_file(state, saved / "encoder.safetensors")
    with pytest.raises(UnlabeledError, match="missing"):
        load_encoder(saved)


def test_weights_of_another_width_are_refused_by_shape(saved):
    save_file(Conv(PICTURES, width=8).state_dict(), saved / "encoder.safetensors")
    with pytest.raises(UnlabeledError, match=r"has shape \(8,"):
        load_encoder(saved)


@pytest.mark.parametrize("content", [b"", b"garbage", b"\xff" * 64])
def test_a_damaged_file_is_named(saved, content):
    (saved / "encoder.safetensors").write_bytes(content)
    with pytest.raises(UnlabeledError, match=r"encoder\.safetensors cannot be read"):
        load_encoder(saved)


def test_a_truncated_file_is_named(saved):
    path = saved / "encoder.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(UnlabeledError, match="cannot be read"):
        load_encoder(saved)


@pytest.mark.parametrize("name", ["encoder.json", "encoder.safetensors"])
def test_a_missing_file_is_named(saved, name):
    (saved / name).unlink()
    with pytest.raises(UnlabeledError, match=name):
        load_encoder(saved)


def test_json_that_is_no_description_is_refused(saved):
    (saved / "encoder.json").write_text('{"format": 1, "dim": 3}')
    with pytest.raises(UnlabeledError, match="does not describe an encoder"):
        load_encoder(saved)


def test_a_newer_format_asks_for_an_upgrade(saved):
    about = json.loads((saved / "encoder.json").read_text())
    (saved / "encoder.json").write_text(json.dumps({**about, "format": 99}))
    with pytest.raises(UnlabeledError, match="newer version"):
        load_encoder(saved)


@pytest.mark.parametrize(("key", "value"), [("layers", 2**31), ("layers", 1001), ("width", 10**8)])
def test_a_description_that_asks_for_all_memory_is_refused_at_once(key, value, tmp_path):
    save_encoder(MLP(VECTORS, dim=3, width=7, layers=1), tmp_path / "saved")
    path = tmp_path / "saved" / "encoder.json"
    described = json.loads(path.read_text())
    described["encoder"][key] = value
    path.write_text(json.dumps(described))
    with pytest.raises(UnlabeledError, match=f"says {key} = {value}; it is damaged"):
        load_encoder(tmp_path / "saved")


@pytest.mark.parametrize(("key", "value"), [("vocab_size", 2**31), ("num_hidden_layers", 1001)])
def test_sizes_are_checked_in_what_a_description_holds_too(key, value):
    check_sizes({"architecture": "transformers", "config": {"vocab_size": 300, "num_hidden_layers": 12}})
    with pytest.raises(UnlabeledError, match=f"says {key} = {value}; it is damaged"):
        check_sizes({"architecture": "joint", "text": {"config": {key: value}}})


def test_a_saved_encoder_that_says_pretrained_does_not_reach_for_the_network(tmp_path, monkeypatch):
    import timm

    encoder = Timm(PICTURES, name="resnet10t")
    save_encoder(encoder, tmp_path / "saved")
    path = tmp_path / "saved" / "encoder.json"
    described = json.loads(path.read_text())
    described["encoder"]["pretrained"] = True
    path.write_text(json.dumps(described))
    make, asked = timm.create_model, []
    monkeypatch.setattr(timm, "create_model", lambda *a, **k: (asked.append(k["pretrained"]), make(*a, **k))[1])
    load_encoder(tmp_path / "saved")
    assert set(asked) == {False}
