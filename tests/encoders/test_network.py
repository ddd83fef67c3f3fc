from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from unlabeled.encoders.network import ready_convolutions


def leave_no_numbers_behind(weights: int) -> None:
    """Fill memory of many sizes with NaN and give it back, so that what is read before it is written is seen."""
    for size in (weights // 2, weights, 2 * weights, 4 * weights, 8 * weights):
        parts = [torch.full((size,), float("nan")) for _ in range(8)]
        del parts


def gradient(conv: nn.Conv2d, maps: Tensor, dtype: torch.dtype) -> Tensor:
    """The gradient of the sum of all outputs by the kernels, computed in `dtype`."""
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        total = conv(maps).float().sum()
    leave_no_numbers_behind(conv.weight.numel())
    conv.weight.grad = None
    total.backward()
    assert conv.weight.grad is not None
    return conv.weight.grad.clone()


@pytest.mark.parametrize(("side", "kernel", "stride"), [(1, 3, 2), (1, 5, 1), (2, 3, 3), (2, 7, 2), (8, 3, 2)])
def test_kernels_that_reach_over_a_small_map_get_their_gradients_in_bfloat16(side, kernel, stride):
    torch.manual_seed(0)
    conv = nn.Conv2d(16, 32, kernel, stride, padding=kernel // 2, bias=False)
    ready_convolutions(conv)
    maps = torch.randn(8, 16, side, side).bfloat16().float()
    exact = gradient(conv, maps, torch.float32)
    for _ in range(5):  # memory that happens to hold zeros would hide it once; bfloat16 rounds to 1 part in 256
        torch.testing.assert_close(gradient(conv, maps, torch.bfloat16), exact, rtol=0.02, atol=0.02)


def test_readying_twice_or_a_copy_changes_no_output_and_adds_nothing():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 5, 1), nn.Conv2d(5, 2, 3, 2, padding="valid"))
    images = torch.randn(2, 3, 5, 5)
    expected = net(images)
    ready_convolutions(net)
    twin = copy.deepcopy(net)
    ready_convolutions(twin)
    assert [len(layer._forward_pre_hooks) for layer in twin] == [1, 0, 1]
    torch.testing.assert_close(net(images), expected)
    torch.testing.assert_close(twin(images), expected)
    assert set(twin.state_dict()) == {f"{layer}.{kind}" for layer in range(3) for kind in ("weight", "bias")}


def test_the_same_layer_takes_small_and_large_maps_in_turn():
    torch.manual_seed(0)
    conv = nn.Conv2d(2, 2, 3, padding=1)
    maps = {side: torch.randn(1, 2, side, side) for side in (1, 6, 2, 9)}
    expected = {side: conv(map_) for side, map_ in maps.items()}
    ready_convolutions(conv)
    for side, map_ in maps.items():
        torch.testing.assert_close(conv(map_), expected[side])
        assert conv.padding_mode == ("constant" if side < 3 else "zeros")
