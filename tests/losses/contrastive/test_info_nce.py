from __future__ import annotations

import math

import pytest
import torch

from unlabeled.errors import UnlabeledError
from unlabeled.losses import info_nce, mutual_information_bound, n_pair, nt_xent, score_memory


def loop(x, c, critic, temperature, negatives=None):
    """The definition, one pair at a time."""
    losses = []
    for i in range(len(x)):
        right = critic(x[i], c[i]) / temperature
        others = (
            [c[j] for j in range(len(c)) if j != i]
            if negatives is None
            else negatives
            if negatives.ndim == 2
            else negatives[i]
        )
        scores = [right, *(critic(x[i], other) / temperature for other in others)]
        losses.append(-(right.exp() / sum(score.exp() for score in scores)).log())
    return torch.stack(losses)


def cosine(a, b):
    return torch.dot(a, b) / (a.norm() * b.norm())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("n", "m", "d"), [(1, 1, 3), (2, 5, 1), (7, 3, 4), (12, 12, 2)])
@pytest.mark.parametrize("critic", ["cosine", "dot", "bilinear", "callable"])
@pytest.mark.parametrize("against", ["batch", "shared", "each"])
def test_agrees_with_the_loop(dtype, n, m, d, critic, against):
    x = torch.randn(n, d, dtype=dtype, requires_grad=True)
    c = torch.randn(n, d if critic in ("cosine", "dot") else d + 1, dtype=dtype, requires_grad=True)
    weight = torch.randn(d, d + 1, dtype=dtype, requires_grad=True)
    pair = {"cosine": cosine, "dot": torch.dot, "bilinear": lambda a, b: a @ weight @ b}.get(critic)
    given = {"bilinear": weight, "callable": lambda a, b: (a @ weight @ b.T).tanh()}.get(critic, critic)
    pair = pair or (lambda a, b: (a @ weight @ b).tanh())
    shape = {"batch": None, "shared": (m, c.shape[1]), "each": (n, m, c.shape[1])}[against]
    negatives = None if shape is None else torch.randn(shape, dtype=dtype, requires_grad=True)
    if critic == "callable" and shape is not None:
        with pytest.raises(UnlabeledError, match="takes neither"):
            info_nce(x, c, critic=given, negatives=negatives)
        return
    inputs = [t for t in (x, c, weight, negatives) if t is not None]
    expected = loop(x, c, pair, 0.7, negatives)
    for reduction, reduced in {"none": expected, "sum": expected.sum(), "mean": expected.mean()}.items():
        ours = info_nce(x, c, 0.7, critic=given, negatives=negatives, reduction=reduction)
        torch.testing.assert_close(ours, reduced, rtol=1e-4, atol=1e-5)
        ours, theirs = (
            torch.autograd.grad(v.sum(), inputs, materialize_grads=True, retain_graph=True) for v in (ours, reduced)
        )
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("n", [1, 6, 700])
def test_symmetric_is_the_mean_of_both_directions(n):
    x, c = torch.randn(n, 4, requires_grad=True), torch.randn(n, 4, requires_grad=True)
    both = info_nce(x, c, symmetric=True, reduction="none")
    there, back = info_nce(x, c, reduction="none"), info_nce(c, x, reduction="none")
    torch.testing.assert_close(both, (there + back) / 2)
    gradients = [torch.autograd.grad(v.sum(), (x, c)) for v in (both, (there + back) / 2)]
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("n", [1, 2, 5, 1000])
@pytest.mark.parametrize("critic", ["cosine", "dot"])
def test_identical_embeddings_give_log_n(n, critic):
    same = torch.tensor([[0.3, -2.0, 5.0]]).repeat(n, 1)
    assert info_nce(same, same, critic=critic).item() == pytest.approx(math.log(n), abs=1e-4)
    assert info_nce(same, same[:1].expand(n, 3), negatives=same[:1].expand(9, 3)).item() == pytest.approx(math.log(10))


def test_in_batch_negatives_are_the_other_rows_contexts():
    x, c = torch.randn(2, 6, 4)
    others = torch.stack([torch.cat([c[:i], c[i + 1 :]]) for i in range(6)])
    torch.testing.assert_close(info_nce(x, c), info_nce(x, c, negatives=others))


def test_two_views_with_each_others_views_as_negatives_are_nt_xent():
    x, y = torch.randn(2, 5, 4)
    z = torch.cat([x, y])
    negatives = torch.stack([torch.stack([z[j] for j in range(10) if j % 5 != i % 5]) for i in range(10)])
    ours = info_nce(z, torch.cat([y, x]), 0.5, negatives=negatives, reduction="none")
    torch.testing.assert_close(ours, nt_xent(x, y, 0.5, reduction="none"))


def test_a_critic_with_parameters_learns_in_blocks_of_rows():
    x, c = torch.randn(40, 3), torch.randn(40, 3)
    net = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3))
    heights = []

    def critic(rows, contexts):
        heights.append(len(rows))
        return net(rows) @ contexts.T

    whole = torch.autograd.grad(info_nce(net(x), c, 1.0, critic="dot"), list(net.parameters()))
    with score_memory(2**15):  # 512 scores a tile: 12 rows of 40
        blocks = torch.autograd.grad(info_nce(x, c, 1.0, critic=critic), list(net.parameters()))
    torch.testing.assert_close(blocks, whole, rtol=1e-4, atol=1e-6)
    assert heights[:4] == [12, 12, 12, 4]


@pytest.mark.parametrize(
    ("x", "c", "keywords", "message"),
    [
        (torch.ones(2, 3), torch.ones(3, 3), {}, "2 rows and 3 contexts"),
        (torch.ones(2, 3), torch.ones(2, 4), {}, "shapes differ"),
        (torch.ones(2, 3), torch.ones(2, 4), {"critic": torch.ones(4, 3)}, r"shape \(3, 4\), not \(4, 3\)"),
        (torch.ones(0, 3), torch.ones(0, 3), {}, "at least one row"),
        (torch.ones(2, 3), torch.ones(2, 3), {"critic": "cosin"}, "did you mean 'cosine'"),
        (torch.ones(2, 3), torch.ones(2, 3), {"temperature": 0.0}, "temperature"),
        (torch.ones(2, 3), torch.ones(2, 3), {"reduction": "average"}, "'average'"),
        (
            torch.ones(2, 3),
            torch.ones(2, 3),
            {"negatives": torch.ones(5, 2)},
            r"\(m, 3\), shared by all rows, or \(2, m",
        ),
        (torch.ones(2, 3), torch.ones(2, 3), {"negatives": torch.ones(3, 5, 3)}, "negatives must have shape"),
        (
            torch.ones(2, 3),
            torch.ones(2, 3),
            {"negatives": torch.ones(5, 3), "symmetric": True},
            "leave `symmetric` out",
        ),
        (torch.ones(2, 3), torch.ones(2, 3), {"critic": lambda a, b: a @ b.T @ b}, r"scores of shape \(2, 2\)"),
    ],
)
def test_bad_input_is_refused(x, c, keywords, message):
    with pytest.raises(UnlabeledError, match=message):
        info_nce(x, c, **keywords)


# --- N-pair -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n", [1, 2, 9])
def test_n_pair_agrees_with_the_papers_form(dtype, n):
    a, p = torch.randn(2, n, 3, dtype=dtype).unbind()
    a.requires_grad_()
    losses = []
    for i in range(n):
        others = [torch.exp(a[i] @ p[j] - a[i] @ p[i]) for j in range(n) if j != i]
        losses.append(torch.log(1 + sum(others, torch.zeros((), dtype=dtype))) + 0.05 * (a[i] @ a[i] + p[i] @ p[i]) / 4)
    expected = torch.stack(losses)
    ours = n_pair(a, p, l2=0.05, reduction="none")
    torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-5)
    gradients = [torch.autograd.grad(v.mean(), a) for v in (ours, expected)]
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-5)


def test_n_pair_refuses_a_negative_weight():
    with pytest.raises(UnlabeledError, match="l2, must be a number from 0, not -1"):
        n_pair(torch.ones(2, 3), torch.ones(2, 3), l2=-1)


# --- mutual information -----------------------------------------------------------------------------------------------


def correlated(n, rho, d, seed=0):
    """Pairs of standard Gaussians with correlation ρ in each of d dimensions, and their mutual information in nats."""
    generator = torch.Generator().manual_seed(seed)
    x, noise = torch.randn(2, n, d, generator=generator)
    return x, rho * x + math.sqrt(1 - rho**2) * noise, -d / 2 * math.log(1 - rho**2)


def optimal(rho):
    """log p(c | x) / p(c), up to what depends on x alone, as the dot product of features of x and of c."""
    v = 1 - rho**2

    def features(x, c):
        return torch.cat([rho * x / v, torch.ones_like(x)], 1), torch.cat([c, -(rho**2) * c**2 / 2 / v], 1)

    return features


@pytest.mark.parametrize(("rho", "d"), [(0.7, 4), (0.8, 4), (0.9, 20)])
def test_the_bound_rises_with_the_batch_stays_below_its_log_and_reaches_the_truth(rho, d):
    x, c, truth = correlated(8192, rho, d)
    x, c = optimal(rho)(x, c)
    bounds = []
    for n in (4, 32, 256, 2048):  # the same pairs in batches of each size
        batches = zip(x.split(n), c.split(n), strict=True)
        values = [mutual_information_bound("dot", *some).item() for some in batches]
        assert max(values) <= torch.tensor(n).log().item()
        bounds.append(sum(values) / len(values))
    # The bound is tight as soon as N is a few times e^I: for (0.9, 20), whose I is 16.6 nats, no N here is enough.
    assert bounds[-1] <= truth * 1.05
    if math.log(2048) > truth + 1:
        assert bounds[-1] == pytest.approx(truth, rel=0.1)
    else:
        assert bounds[-1] == pytest.approx(math.log(2048), rel=0.1)
    assert bounds == sorted(bounds)


def test_a_critic_is_learnt_by_raising_the_bound():
    rho = 0.9
    weight = torch.zeros(4, 4, requires_grad=True)  # for the features (x, 1) and (c, c²), of which log p(c | x) is made

    def bound(n, seed):
        x, c, truth = correlated(n, rho, 2, seed)
        return mutual_information_bound(weight, torch.cat([x, x * 0 + 1], 1), torch.cat([c, c**2], 1)), truth

    optimiser = torch.optim.Adam([weight], lr=0.1)
    for step in range(150):
        optimiser.zero_grad()
        (-bound(256, step)[0]).backward()
        optimiser.step()
    value, truth = bound(4096, 1000)
    assert value.item() == pytest.approx(truth, rel=0.1)  # truth is 1.66 nats


def test_a_callable_critic_gives_the_same_bound():
    x, c, _ = correlated(300, 0.8, 3)
    features = optimal(0.8)

    def log_density(rows, contexts):
        given = -(contexts - 0.8 * rows[:, None]).square().sum(dim=2) / 2 / (1 - 0.8**2)
        return given + contexts.square().sum(dim=1) / 2

    ours = mutual_information_bound(log_density, x, c)
    torch.testing.assert_close(ours, mutual_information_bound("dot", *features(x, c)))


def test_independent_variables_tell_nothing():
    x, c = torch.randn(2, 2000, 3)
    assert mutual_information_bound("dot", 0 * x, c).item() == pytest.approx(0, abs=1e-5)
    assert mutual_information_bound("dot", x, c).item() < 0
