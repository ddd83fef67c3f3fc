"""The small convolutional network: its names, and what its two normalisations depend on."""

import pytest
import torch

from unlabeled.encoders import Conv, make_encoder
from unlabeled.encoders.encoder import from_description
from unlabeled.errors import UnlabeledError
from unlabeled.modalities.image import ImagePreprocessing

SMALL = ImagePreprocessing(16)


@pytest.mark.parametrize(
    ("name", "halvings", "normalisation"),
    [("conv", 3, "batch"), ("conv:2", 2, "batch"), ("conv:layer", 3, "layer"), ("conv:1:layer", 1, "layer")],
)
def test_a_name_says_halvings_and_normalisation(name, halvings, normalisation):
    encoder = make_encoder(name, SMALL)
    assert (encoder.halvings, encoder.normalisation) == (halvings, normalisation)
    again = from_description(encoder.describe(), SMALL)
    again.load_state_dict(encoder.state_dict())
    assert again.describe() == encoder.describe()


@pytest.mark.parametrize("name", ["conv:4", "conv:0", "conv:x", "conv:2x", "conv:2:group", "conv:layer:2"])
def test_other_names_are_refused(name):
    with pytest.raises(UnlabeledError, match="halve"):
        make_encoder(name, SMALL)


def test_a_description_of_an_older_version_means_batch_normalisation():
    assert from_description({"architecture": "conv", "width": 8, "halvings": 2}, SMALL).normalisation == "batch"
    with pytest.raises(UnlabeledError, match="did you mean 'layer'"):
        Conv(SMALL, normalisation="layers")


@pytest.mark.parametrize(("name", "depends"), [("conv", True), ("conv:layer", False)])
def test_with_layer_normalisation_no_vector_depends_on_other_images_in_training(name, depends):
    torch.manual_seed(0)
    encoder, images = make_encoder(name, SMALL).train(), torch.rand(4, 3, 16, 16)
    others = torch.cat((images[:1], images[1:] ** 4))
    with torch.no_grad():
        before, after = encoder(images)[0], encoder(others)[0]
    assert (float((before - after).abs().max()) > 1e-3) is depends
    assert torch.allclose(encoder.eval()(images)[0], before, atol=1e-5) is not depends


def test_maps_are_measured_where_the_encoder_is():
    from unlabeled.encoders.image.map_decoder import map_shape

    assert map_shape(Conv(ImagePreprocessing(16)).to("meta")) == (192, 2)
