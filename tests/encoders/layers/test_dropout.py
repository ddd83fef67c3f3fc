import pytest
import torch

from unlabeled.encoders.layers.dropout import dropout


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_share_is_dropped_and_the_mean_is_kept(share, dtype):
    torch.manual_seed(0)
    count = 200_001  # no multiple of four
    found = dropout(torch.ones(count, dtype=dtype), share).float()
    # Four standard errors of a share.
    error = 4 * (share * (1 - share) / count) ** 0.5
    assert (found == 0).float().mean().item() == pytest.approx(share, abs=error)
    assert found.max().item() == pytest.approx(1 / (1 - share), rel=1e-2 if dtype == torch.bfloat16 else 1e-4)


def test_neighbours_are_dropped_independently():
    torch.manual_seed(0)
    kept = (dropout(torch.ones(400_000), 0.5) > 0).float()
    for lag in (1, 2, 3, 4, 8):
        correlation = torch.corrcoef(torch.stack((kept[:-lag], kept[lag:])))[0, 1].item()
        assert abs(correlation) < 4 / len(kept) ** 0.5


def test_gradients_pass_where_numbers_did_and_a_seed_decides():
    x = torch.randn(50, 7, requires_grad=True)
    torch.manual_seed(3)
    dropout(x, 0.3).sum().backward()
    torch.manual_seed(3)
    mask = dropout(torch.ones_like(x), 0.3)
    torch.testing.assert_close(x.grad, mask, rtol=0, atol=0)
    assert len(mask.unique()) == 2


@pytest.mark.parametrize(("share", "training"), [(0.0, True), (0.4, False)])
def test_nothing_happens_without_dropout_or_training(share, training):
    x = torch.randn(5)
    assert dropout(x, share, training) is x or torch.equal(dropout(x, share, training), x)


def test_an_empty_tensor_stays_empty():
    assert dropout(torch.empty(0, 3), 0.5).shape == (0, 3)
