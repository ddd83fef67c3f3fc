import pytest
import torch
from torch import nn

from unlabeled.errors import UnlabeledError
from unlabeled.training.optimizers import LARS, make_optimizer, set_linear_rate


def test_decay_falls_on_matrices_only():
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    groups = make_optimizer("adamw", net, 0.1, 0.5).param_groups
    decayed = {id(p) for g in groups if g["weight_decay"] > 0 for p in g["params"]}
    assert decayed == {id(net[0].weight)}
    assert sum(len(g["params"]) for g in groups) == 4


def test_what_does_not_learn_has_no_place_in_it():
    net = nn.Linear(3, 4)
    net.bias.requires_grad_(False)
    assert [len(g["params"]) for g in make_optimizer("sgd", net, 0.1, 0.0).param_groups] == [1]


@pytest.mark.parametrize("name", ["adamw", "sgd", "lars"])
def test_each_walks_downhill(name):
    torch.manual_seed(0)
    net = nn.Linear(5, 1, bias=False)
    x = torch.randn(64, 5)
    y = x @ torch.randn(5, 1)
    optimizer = make_optimizer(name, net, {"adamw": 0.05, "sgd": 0.02, "lars": 4.0}[name], 0.0)
    losses = []
    for _ in range(60):
        loss = (net(x) - y).square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_lars_equals_a_slow_loop():
    torch.manual_seed(0)
    matrix, bias = nn.Parameter(torch.randn(3, 4).double()), nn.Parameter(torch.randn(4).double())
    ours = LARS([{"params": [matrix], "weight_decay": 0.01}, {"params": [bias]}], lr=0.3, momentum=0.8, trust=0.02)
    w, b = matrix.detach().clone(), bias.detach().clone()
    vw, vb = torch.zeros_like(w), torch.zeros_like(b)
    for step in range(4):
        gw, gb = torch.full_like(w, 0.1 * step + 0.1), torch.full_like(b, 0.2)
        matrix.grad, bias.grad = gw.clone(), gb.clone()
        ours.step()
        g = gw + 0.01 * w
        ratio = 0.02 * w.norm() / g.norm()
        vw = 0.8 * vw + 0.3 * ratio * g
        vb = 0.8 * vb + 0.3 * gb
        w, b = w - vw, b - vb
    assert torch.allclose(matrix, w, rtol=1e-12)
    assert torch.allclose(bias, b, rtol=1e-12)


def test_lars_moves_a_matrix_of_zeros():
    zero = nn.Parameter(torch.zeros(2, 2))
    zero.grad = torch.ones(2, 2)
    LARS([zero], lr=0.1).step()
    assert torch.allclose(zero, torch.full((2, 2), -0.1))


def test_an_unknown_one_suggests_the_nearest():
    with pytest.raises(UnlabeledError, match="did you mean 'adamw'"):
        make_optimizer("adam", nn.Linear(1, 1), 0.1, 0)


def test_a_linear_rate_rises_over_a_tenth_of_the_steps_and_falls_to_zero_after_the_last():
    groups = [{"params": [nn.Parameter(torch.zeros(1))], "peak": peak} for peak in (1.0, 0.5)]
    optimizer = torch.optim.SGD(groups)
    rates = []
    for step in range(21):
        set_linear_rate(optimizer, step, 20)
        rates.append([group["lr"] for group in optimizer.param_groups])
    assert [rate for rate, _ in rates] == pytest.approx([0.5, 1.0, *(1 - i / 18 for i in range(19))])
    assert [half for _, half in rates] == pytest.approx([rate / 2 for rate, _ in rates])


def test_a_linear_rate_takes_any_number_of_steps():
    optimizer = torch.optim.SGD([{"params": [nn.Parameter(torch.zeros(1))], "peak": 2.0}])
    set_linear_rate(optimizer, 0, 1)
    assert optimizer.param_groups[0]["lr"] == 2.0
