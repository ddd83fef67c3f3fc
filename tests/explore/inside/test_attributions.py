"""Attributions, held against linear models, plain sums and Captum."""

import pytest
import torch
from torch import nn

from unlabeled.explore.inside import class_score, grad_cam, integrated_gradients, saliency, similarity_to


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(4, 3, 3, 2),
        nn.Tanh(),
        nn.Flatten(),
        nn.Linear(27, 5),
    ).eval()


@pytest.fixture
def images():
    return torch.rand(3, 2, 8, 8)


def test_of_a_linear_model_saliency_is_its_weights_and_integration_weight_times_pixel(images):
    weights = torch.randn(2, 8, 8)

    def score(x):
        return (x * weights).sum((1, 2, 3)) + 1

    assert torch.equal(saliency(score, images), weights.abs().expand_as(images))
    torch.testing.assert_close(integrated_gradients(score, images), images * weights)


def test_integrated_gradients_sum_to_the_difference(net, images):
    score = similarity_to(net, torch.randn(5))
    baseline = torch.full((1, 2, 8, 8), 0.5)
    for start in (None, baseline):
        found = integrated_gradients(score, images, start, steps=512)
        difference = score(images) - score(torch.zeros_like(images) if start is None else start.expand_as(images))
        # The midpoint rule over kinks of ReLU errs by some thousandths of a step's share.
        torch.testing.assert_close(found.sum((1, 2, 3)), difference.detach(), atol=1e-3, rtol=0)


def test_grad_cam_is_the_plain_sum_over_channels(images):
    layer = nn.Conv2d(2, 3, 1)
    weights = torch.tensor([1.0, -2.0, 0.5])
    found = grad_cam(lambda x: (layer(x).mean((2, 3)) * weights).sum(1), layer, images)
    # Of a mean over 64 places, the gradient of each place is weight / 64.
    expected = sum(weights[k] / 64 * layer(images)[:, k] for k in range(3)).clamp(min=0)
    torch.testing.assert_close(found, expected.detach())
    assert (found > 0).any()


def test_a_score_that_ignores_half_the_image_gives_it_nothing(net, images):
    mask = torch.ones(8, 8)
    mask[:, 4:] = 0

    def score(x):
        return net(x * mask)[:, 0]

    assert saliency(score, images)[..., 4:].abs().max() == 0
    assert integrated_gradients(score, images)[..., 4:].abs().max() == 0
    assert saliency(score, images)[..., :4].max() > 0


def test_captum_finds_the_same(net, images):
    captum = pytest.importorskip("captum.attr")

    def score(x):
        return net(x)[:, 1]

    torch.testing.assert_close(
        saliency(score, images), captum.Saliency(score).attribute(images.clone().requires_grad_())
    )
    theirs = captum.IntegratedGradients(score).attribute(images, n_steps=64, method="riemann_middle")
    torch.testing.assert_close(integrated_gradients(score, images), theirs.float(), atol=1e-5, rtol=1e-4)
    theirs = captum.LayerGradCam(score, net[3]).attribute(images, relu_attributions=True)
    up = captum.LayerAttribution.interpolate(theirs, (8, 8), "bilinear")
    torch.testing.assert_close(grad_cam(score, net[3], images), up[:, 0].detach())


def test_the_score_of_a_class_does_not_change_with_what_is_added_to_all(net, images):
    weights, bias = torch.randn(4, 5), torch.randn(4)
    logits = torch.nn.functional.linear(net(images), weights, bias).detach()
    score = class_score(net, weights, bias, 2)
    torch.testing.assert_close(score(images).detach(), logits[:, 2] - logits.mean(1))
    shifted = class_score(net, weights + torch.randn(5), bias + 3, 2)
    torch.testing.assert_close(shifted(images).detach(), score(images).detach(), atol=1e-5, rtol=1e-4)
    start = torch.zeros_like(images)
    shares = integrated_gradients(score, images, steps=200).sum((1, 2, 3))
    torch.testing.assert_close(shares, (score(images) - score(start)).detach(), atol=1e-2, rtol=1e-2)
