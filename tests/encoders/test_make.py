import copy

import pytest
import torch

from unlabeled.encoders import Conv, make_encoder, save_encoder
from unlabeled.encoders.make import trained_encoder
from unlabeled.errors import UnlabeledError
from unlabeled.modalities.image import ImagePreprocessing
from unlabeled.modalities.vector import VectorPreprocessing

PICTURES, VECTORS = ImagePreprocessing(16), VectorPreprocessing(5, mean=(0.0,) * 5, scale=(1.0,) * 5)


@pytest.mark.parametrize("name", ["conv", "flat_conv", "mlp", "timm:resnet18"])
def test_a_name_gives_an_encoder_that_encodes(name):
    encoder = make_encoder(name, PICTURES).eval()
    assert encoder(torch.rand(2, 3, 16, 16)).shape == (2, encoder.dim)


def test_a_small_image_keeps_its_resolution_in_a_residual_network():
    small = make_encoder("timm:resnet18", PICTURES)
    assert small.body.conv1.kernel_size == (3, 3)
    assert isinstance(small.body.maxpool, torch.nn.Identity)
    large = make_encoder("timm:resnet18", ImagePreprocessing(224))
    assert large.body.conv1.kernel_size == (7, 7)


def test_a_timm_model_normalises_by_its_own_configuration():
    encoder = make_encoder("timm:resnet18", PICTURES)
    seen = []
    encoder.body.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    mean = torch.tensor(encoder.body.default_cfg["mean"]).reshape(1, 3, 1, 1)
    encoder.eval()(mean.expand(1, 3, 16, 16))
    assert seen[0].abs().max() < 1e-6


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("cnov", "conv"), ("MLP2", "mlp"), ("timm:resnet81", "resnet18"), ("timm:resnet18:trained", "pretrained")],
)
def test_an_unknown_name_suggests_the_nearest(name, nearest):
    with pytest.raises(UnlabeledError, match=f"did you mean '{nearest}"):
        make_encoder(name, PICTURES)


@pytest.mark.parametrize("name", ["conv", "flat_conv", "timm:resnet18"])
def test_image_encoders_refuse_vectors(name):
    with pytest.raises(UnlabeledError, match="is for images"):
        make_encoder(name, VECTORS)


def test_a_folder_gives_the_encoder_saved_there(tmp_path):
    encoder = Conv(PICTURES, width=4).eval()
    save_encoder(encoder, tmp_path / "saved")
    images = torch.rand(2, 3, 16, 16)
    assert torch.equal(make_encoder(str(tmp_path / "saved"), PICTURES)(images), encoder(images))


@pytest.mark.parametrize(("is_run", "width"), [(False, 4), (True, 8)])
def test_only_of_a_run_the_encoder_is_in_the_folder_named_model(is_run, width, tmp_path):
    save_encoder(Conv(PICTURES, width=4), tmp_path / "saved")
    save_encoder(Conv(PICTURES, width=8), tmp_path / "saved" / "model")
    if is_run:
        (tmp_path / "saved" / "run.json").write_text("{}")
    expected = Conv(PICTURES, width=width).dim
    assert make_encoder(str(tmp_path / "saved"), PICTURES).dim == expected
    assert trained_encoder(tmp_path / "saved").dim == expected


def test_an_encoder_of_ones_own_is_copied_not_shared():
    mine = Conv(PICTURES, width=4)
    copied = make_encoder(mine, PICTURES)
    with torch.no_grad():
        next(copied.parameters()).zero_()
    assert next(mine.parameters()).abs().sum() > 0


def test_the_copy_of_an_encoder_is_on_the_processor_wherever_the_given_one_is(monkeypatch):
    mine = Conv(PICTURES, width=4).to("meta")
    monkeypatch.setattr(torch.nn.Module, "cpu", lambda module: module.to_empty(device="cpu"))  # meta has no values
    copied = make_encoder(mine, PICTURES)
    assert {str(tensor.device) for tensor in (*copied.parameters(), *copied.buffers())} == {"cpu"}
    assert {str(tensor.device) for tensor in mine.parameters()} == {"meta"}


def test_an_encoder_for_other_shapes_is_refused():
    with pytest.raises(UnlabeledError, match=r"\(3, 16, 16\).*\(3, 32, 32\)"):
        make_encoder(Conv(PICTURES), ImagePreprocessing(32))


@pytest.mark.parametrize(
    "name", ["mobilenetv3_small_050", "deit_tiny_patch16_224", "fastvit_t8", "swin_tiny_patch4_window7_224"]
)
def test_the_length_of_a_timm_models_vectors_is_measured(name):
    encoder = make_encoder(f"timm:{name}", ImagePreprocessing(64)).eval()
    with torch.no_grad():
        assert encoder(torch.rand(2, 3, 64, 64)).shape == (2, encoder.dim)


def test_timm_trains_without_its_fused_attention_on_a_processor_and_gives_the_same_vectors():
    encoder = make_encoder("timm:vit_tiny_patch16_224", ImagePreprocessing(size=32))
    attention = encoder.body.blocks[0].attn
    images = torch.rand(2, 3, 32, 32)
    used = encoder.eval()(images)
    assert attention.fused_attn
    trained = encoder.train()(images)
    assert not attention.fused_attn
    torch.testing.assert_close(trained, used, rtol=1e-4, atol=1e-5)
    assert copy.deepcopy(encoder).eval().body.blocks[0].attn.fused_attn
    assert not attention.fused_attn


def test_a_view_of_another_size_than_a_timm_model_was_made_for_is_named():
    encoder = make_encoder("timm:vit_tiny_patch16_224", ImagePreprocessing(size=32))
    for use in (encoder, encoder.features, encoder.tokens):
        with pytest.raises(UnlabeledError, match=r"made for images of 32 × 32 pixels and does not take 48 × 48"):
            use(torch.rand(2, 3, 48, 48))


def test_a_mistyped_timm_model_suggests_three():
    with pytest.raises(UnlabeledError, match=r"no model 'resnet81'; did you mean '[^']+' or '[^']+' or '[^']+'\?$"):
        make_encoder("timm:resnet81", PICTURES)


def test_a_timm_model_that_does_not_take_so_small_images_says_so():
    with pytest.raises(UnlabeledError, match="timm model 'inception_v3' takes no images of 16 pixels"):
        make_encoder("timm:inception_v3", PICTURES)


def test_exported_weights_are_timms_own(tmp_path):
    import timm
    from safetensors.torch import load_file

    encoder = make_encoder("timm:resnet10t", PICTURES)
    encoder.export(tmp_path / "weights.safetensors")
    plain = timm.create_model("resnet10t", num_classes=0)
    plain.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    images = torch.rand(2, 3, 16, 16)
    with torch.no_grad():
        expected = plain.eval()((images - encoder.mean) / encoder.deviation)
        assert torch.equal(encoder.eval()(images), expected)


SMALLER = ("test_", "atto", "femto", "pico", "nano", "xxs", "tiny", "xs", "small", "_s", "s0", "0", "18")
"""Marks of small models in timm's names, the smallest first."""


def one_step(encoder, size: int) -> None:
    """Take one step of gradient descent on two images."""
    vectors = encoder.train()(torch.rand(2, 3, size, size))
    assert vectors.shape == (2, encoder.dim)
    vectors.square().mean().backward()
    torch.optim.SGD(encoder.parameters(), 1e-3).step()
    assert all(torch.isfinite(weight).all() for weight in encoder.parameters())
    assert any(weight.grad is not None for weight in encoder.parameters())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # those of timm's own code
def test_a_model_of_every_family_of_timm_learns_at_64_pixels_and_encodes_at_its_own_size():
    import timm

    families: dict[str, list[str]] = {}
    for name in timm.list_models():
        families.setdefault(timm.models.model_entrypoint(name).__module__, []).append(name)
    wrong, small = [], 0
    for family, names in families.items():
        name = min(names, key=lambda name: next((i for i, mark in enumerate(SMALLER) if mark in name), len(SMALLER)))
        try:
            one_step(make_encoder(f"timm:{name}", ImagePreprocessing(64)), 64)
            small += 1
        except UnlabeledError as error:
            if "64 pixels" not in str(error):
                wrong.append(f"{family}: {error}")
        except Exception as error:
            wrong.append(f"{family}: {name} at 64 pixels: {error!r}")
        native = timm.get_pretrained_cfg(name).input_size[-1]
        try:
            encoder = make_encoder(f"timm:{name}", ImagePreprocessing(native)).eval()
            with torch.inference_mode():
                assert encoder(torch.rand(1, 3, native, native)).shape == (1, encoder.dim)
        except Exception as error:
            wrong.append(f"{family}: {name} at {native} pixels: {error!r}")
    assert wrong == []
    assert small > 0.8 * len(families)
