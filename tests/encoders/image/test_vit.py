"""The vision transformer: patches that can be put together again, and patches that see only each other."""

import pytest
import torch

from unlabeled.encoders import ViT, make_encoder
from unlabeled.encoders.image.vit import TransformerLayer, default_patch, patchify, sine_positions, unpatchify
from unlabeled.errors import UnlabeledError
from unlabeled.modalities.image import ImagePreprocessing
from unlabeled.modalities.vector import VectorPreprocessing


@pytest.fixture
def vit():
    return ViT(ImagePreprocessing(16, channels=3), patch=4, dim=24, depth=2, heads=3).eval()


@pytest.mark.parametrize(("channels", "height", "width", "patch"), [(3, 32, 32, 4), (1, 28, 28, 7), (2, 8, 12, 4)])
def test_patches_put_together_are_the_image(channels, height, width, patch):
    images = torch.rand(3, channels, height, width)
    patches = patchify(images, patch)
    assert patches.shape == (3, height // patch * (width // patch), channels * patch**2)
    assert torch.equal(unpatchify(patches, (channels, height, width)), images)


def test_patches_are_counted_row_by_row():
    images = torch.arange(16.0).view(1, 1, 4, 4)
    assert patchify(images, 2)[0].tolist() == [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]


def test_visible_patches_see_only_each_other(vit):
    images = torch.rand(2, 3, 16, 16)
    visible = torch.tensor([[0, 5, 7], [3, 2, 1]])
    few = vit.tokens(images, visible)
    hidden = torch.ones(2, 16, dtype=torch.bool).scatter(1, visible, False)
    changed = unpatchify(patchify(images, 4).masked_fill(hidden[:, :, None], 0.9), (3, 16, 16))
    assert few.shape == (2, 3, 24)
    assert torch.equal(vit.tokens(changed, visible), few)


def test_all_patches_visible_in_any_order_are_the_whole(vit):
    images = torch.rand(2, 3, 16, 16)
    order = torch.stack([torch.randperm(16) for _ in range(2)])
    whole = vit.tokens(images)
    # The sums of attention run in another order: some units in the last place of numbers of order 1.
    torch.testing.assert_close(vit.tokens(images, order), whole.gather(1, order[:, :, None].expand_as(whole)))
    torch.testing.assert_close(vit(images), whole.mean(1))


def test_it_knows_where_a_patch_is(vit):
    images = torch.rand(1, 3, 16, 16)
    assert not torch.allclose(vit(images), vit(images.flip(3)), atol=1e-4)


def test_a_crop_of_another_size_passes_and_covers_the_same_positions(vit):
    assert vit(torch.rand(2, 3, 8, 8)).shape == (2, 24)
    fine, coarse = sine_positions(4, 4, 24, 4)[0], sine_positions(2, 2, 24, 4)[0]
    middle = [fine[[0, 1, 4, 5]].mean(0), coarse[0]]
    # The coarse patch lies in the middle of the four fine ones; sines bend a little between them.
    assert torch.dot(*middle) / (middle[0].norm() * middle[1].norm()) > 0.95


@pytest.mark.parametrize(("size", "patch"), [(8, 2), (28, 4), (32, 4), (48, 6), (64, 8), (224, 16)])
def test_the_patch_follows_the_size(size, patch):
    assert default_patch(size) == patch


def test_what_it_cannot_cut_is_refused_in_words(vit):
    with pytest.raises(UnlabeledError, match="37 pixels a side cannot be cut"):
        make_encoder("vit", ImagePreprocessing(37))
    with pytest.raises(UnlabeledError, match="patches of 5"):
        ViT(ImagePreprocessing(32), patch=5)
    with pytest.raises(UnlabeledError, match="multiple of 4 and of heads"):
        ViT(ImagePreprocessing(32), dim=100, heads=3)
    with pytest.raises(UnlabeledError, match="10 × 16 pixels"):
        vit(torch.rand(1, 3, 10, 16))
    with pytest.raises(UnlabeledError, match="is for images"):
        make_encoder("vit", VectorPreprocessing(5))


def test_its_description_builds_it_again(vit):
    from unlabeled.encoders.encoder import from_description

    again = from_description(vit.describe(), vit.preprocessing)
    again.load_state_dict(vit.state_dict())
    images = torch.rand(2, 3, 16, 16)
    assert torch.equal(again.eval()(images), vit(images))


def test_a_layer_is_attention_and_a_perceptron_each_added_to_its_input():
    layer = TransformerLayer(6, heads=2).double()
    tokens = torch.randn(5, 6, dtype=torch.float64)

    def attention(inputs):
        query, key, value = layer.query_key_value(inputs).split(6, dim=1)
        result = torch.zeros_like(inputs)
        for head in (slice(0, 3), slice(3, 6)):
            for i in range(5):
                weights = torch.stack([query[i, head] @ key[j, head] / 3**0.5 for j in range(5)]).softmax(0)
                result[i, head] = sum(weights[j] * value[j, head] for j in range(5))
        return layer.output(result)

    by_hand = tokens + attention(layer.before_attention(tokens))
    by_hand = by_hand + layer.perceptron(layer.before_perceptron(by_hand))
    torch.testing.assert_close(layer(tokens[None])[0], by_hand)
