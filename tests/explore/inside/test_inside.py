"""Filters, maps, excitation, made images and attention of small networks, held against plain loops."""

import numpy as np
import pytest
import torch
from torch import nn

from unlabeled.encoders.image.conv import Conv
from unlabeled.encoders.image.timm import Timm
from unlabeled.encoders.image.vit import ViT
from unlabeled.encoders.image.windows import Windows
from unlabeled.encoders.mlp import MLP
from unlabeled.errors import UnlabeledError
from unlabeled.explore.inside import (
    activation_maximisation,
    convolutions,
    convolutions_of_whole,
    exciting_patches,
    feature_maps,
    first_filters,
    has_patch_attention,
    last_maps,
    most_exciting,
    patch_attention,
)
from unlabeled.modalities import open_instances
from unlabeled.modalities.image import ImagePreprocessing

GREY = ImagePreprocessing(16, 1)


@pytest.fixture(scope="module")
def conv():
    torch.manual_seed(0)
    return Conv(GREY, width=4).eval()


def test_filters_are_the_weights_whatever_the_first_layer_is(conv):
    assert torch.equal(first_filters(conv, 1), conv.body[0][0].weight)
    vit = ViT(ImagePreprocessing(16, 3), dim=12, depth=1)
    filters = first_filters(vit, 3)
    assert filters.shape == (12, 3, 2, 2)
    # A patch that is the filter itself gives the square of its norm, so channels and places are in order.
    image = filters[5].repeat(1, 8, 8)[None]
    from unlabeled.encoders.image.vit import patchify

    answer = vit.embedding(patchify(image, 2))[0, 0, 5] - vit.embedding.bias[5]
    torch.testing.assert_close(answer, filters[5].square().sum())
    assert first_filters(MLP(GREY, width=7), 1).shape == (7, 1, 16, 16)
    with pytest.raises(UnlabeledError, match="no convolution"):
        first_filters(nn.Linear(7, 2), 1)


def test_maps_are_what_layers_give_though_later_ones_work_in_place(conv):
    images = torch.rand(2, 1, 16, 16)
    layers = convolutions(conv)
    assert len(layers) == 6
    maps = feature_maps(conv, images, layers)
    expected = conv.body[0][0](2 * images - 1)
    torch.testing.assert_close(maps[next(iter(layers))], expected.detach())
    assert not any(module._forward_hooks for module in conv.modules())
    assert last_maps(conv, images) is conv.body[5][2]
    assert last_maps(MLP(GREY), images) is None


def test_layers_that_see_windows_are_not_taken_for_those_of_images(conv):
    whole = ImagePreprocessing(32, 1)
    windows = Windows(whole, encoder=Conv(GREY, width=4), size=16, stride=16).eval()
    images = torch.rand(2, 1, 32, 32)
    assert len(convolutions(windows)) == 6
    assert convolutions_of_whole(windows, images) == {}
    assert last_maps(windows, images) is None
    assert convolutions_of_whole(conv, torch.rand(2, 1, 16, 16)) == convolutions(conv)


def test_a_bright_spot_excites_most_and_is_cut_out(conv):
    pixels = np.full((10, 16, 16), 128, np.uint8)  # which the encoder takes as nearly 0
    pixels[7, 5, 9] = 255
    instances, preprocessing = open_instances(pixels, preprocessing=GREY)
    encoder = Conv(preprocessing, width=4).eval()
    layer = encoder.body[0][0]
    with torch.no_grad():
        layer.weight.fill_(1)  # a filter of 4 × 4 pixels at every second place: a sum
    found = most_exciting(encoder, layer, instances, [0, 3], k=3)
    assert found.rows.shape == (2, 3)
    assert found.rows[:, 0].tolist() == [7, 7]
    values = feature_maps(encoder, torch.from_numpy(pixels[:, None] / 255).float(), {"layer": layer})["layer"]
    assert found.values[0, 0] == values[7, 0].max()
    assert values[7, 0].flatten()[found.places[0, 0]] == found.values[0, 0]
    image = torch.zeros(1, 1, 16, 16)
    image[0, 0, 5, 9] = 1
    place = torch.tensor([3 * 8 + 5])  # its field: rows 5 to 8, columns 9 to 12
    patch = exciting_patches(encoder, layer, image, torch.tensor([0]), place)
    expected = torch.zeros(16, 16)
    expected[:4, :4] = 1  # the upper left pixel of four by four, four times as large
    assert torch.equal(patch[0, 0], expected)


def test_made_images_are_those_that_excite_a_known_filter():
    torch.manual_seed(0)
    layer = nn.Conv2d(1, 3, (1, 2), bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[[[1.0, 0.0]]], [[[-1.0, 0.0]]], [[[1.0, -1.0]]]]))
    net = nn.Sequential(layer, nn.ReLU()).eval()
    made = activation_maximisation(net, layer, [0, 1], (1, 16, 16))
    assert made.shape == (2, 1, 16, 16)
    assert made[0].min() > 0.9  # the filter is the pixel itself: white; its negative: black
    assert made[1].max() < 0.1
    stripes = activation_maximisation(net, net[1], [2], (1, 16, 16))
    assert torch.equal(stripes, activation_maximisation(net, net[1], [2], (1, 16, 16)))
    noise = net(torch.rand(200, 1, 16, 16))[:, 2].mean((1, 2)).max()
    # Of images in [0, 1], a fall from one pixel to the next is 1 at every second place at most, so the mean is 8 / 15.
    assert noise < net(stripes)[:, 2].mean() <= 8 / 15
    assert layer.weight.grad is None


@pytest.mark.parametrize(("name", "first"), [("vit_tiny_patch16_224", 1), ("vit_wee_patch16_reg1_gap_256", 1)])
def test_attention_of_timm_is_what_its_layers_use(name, first):
    torch.manual_seed(0)
    encoder = Timm(ImagePreprocessing(64), name=name).eval()
    images = torch.rand(2, 3, 64, 64)
    found = patch_attention(encoder, images)
    assert has_patch_attention(encoder)
    assert encoder.body.num_prefix_tokens == first
    layers = [block.attn for block in encoder.body.blocks]
    heads = layers[0].num_heads
    assert found.shape == (2, len(layers), heads, 16, 16)
    # torch's own attention with unit vectors for values gives the weights.
    seen = []
    hook = layers[-1].qkv.register_forward_hook(lambda m, i, o: seen.append(o))
    encoder(images)
    hook.remove()
    q, k, _ = seen[0].view(2, 16 + first, 3, heads, -1).permute(2, 0, 3, 1, 4)
    q, k = layers[-1].q_norm(q), layers[-1].k_norm(k)
    weights = torch.nn.functional.scaled_dot_product_attention(q, k, torch.eye(16 + first).expand(2, heads, -1, -1))
    torch.testing.assert_close(found[:, -1], weights[..., first:, first:].detach(), atol=1e-5, rtol=1e-4)


def test_other_encoders_have_no_attention_to_show():
    resnet = Timm(ImagePreprocessing(32), name="resnet10t").eval()
    assert not has_patch_attention(resnet)
    with pytest.raises(UnlabeledError, match="no attention between patches"):
        patch_attention(resnet, torch.rand(1, 3, 32, 32))


def test_attention_rebuilds_what_the_layer_computes():
    torch.manual_seed(0)
    vit = ViT(GREY, dim=12, depth=2, heads=3).eval()
    images = torch.rand(2, 1, 16, 16)
    found = patch_attention(vit, images)
    assert found.shape == (2, 2, 3, 64, 64)
    torch.testing.assert_close(found.sum(-1), torch.ones(2, 2, 3, 64))
    # With the values of the last layer, attention gives the input of its output map.
    seen = {}
    last = vit.layers[1]
    hooks = [
        last.query_key_value.register_forward_hook(lambda m, i, o: seen.__setitem__("values", o)),
        last.output.register_forward_hook(lambda m, i, o: seen.__setitem__("attended", i[0])),
    ]
    vit(images)
    for hook in hooks:
        hook.remove()
    values = seen["values"].view(2, 64, 3, 3, 4)[:, :, 2].transpose(1, 2)
    rebuilt = (found[:, 1] @ values).transpose(1, 2).reshape(2, 64, 12)
    torch.testing.assert_close(rebuilt, seen["attended"])


def test_images_go_where_the_encoder_is_and_what_excites_comes_back(on_gpu):
    instances, _ = open_instances(np.zeros((10, 16, 16), np.uint8), preprocessing=GREY)
    answers, places = torch.rand(10, 4, 8, 8), []

    class Elsewhere(nn.Module):
        preprocessing = GREY

        def __init__(self):
            super().__init__()
            self.weight, self.layer = nn.Parameter(torch.zeros(1, device="meta")), nn.Identity()

        def forward(self, images):
            places.append(images.device.type)
            return self.layer(on_gpu(answers))

    encoder = Elsewhere()
    found = most_exciting(encoder, encoder.layer, instances, [0, 3], k=3)
    assert places == ["meta"]
    assert {type(each) for each in (found.rows, found.places, found.values)} == {torch.Tensor}
    best = answers[:, [0, 3]].flatten(2).amax(2).topk(3, dim=0)
    assert torch.equal(found.rows, best.indices.T)
    assert torch.equal(found.values, best.values.T)


def test_parts_are_cut_out_where_the_images_are(conv):
    """With the encoder on "meta", whose gradients cannot be read, up to where they would come back."""
    moved = Conv(GREY, width=4).eval().to("meta")
    index = torch.tensor([0])
    with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor"):
        exciting_patches(moved, moved.body[0][0], torch.zeros(1, 1, 16, 16), index, index)
