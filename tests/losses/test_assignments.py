"""Sinkhorn, KoLeo, the decoupled and multi-crop losses, and proxies: against plain loops, and over two processes."""

from __future__ import annotations

import math

import pytest
import torch
import torch.distributed as dist

from unlabeled.errors import UnlabeledError
from unlabeled.losses import (
    clip,
    cosface,
    dcl,
    dino,
    dino_multi_crop,
    koleo,
    nt_xent,
    proxy_anchor,
    score_memory,
    sinkhorn,
)


def sinkhorn_loop(scores, epsilon, iterations):
    """One column and one row at a time, in float64."""
    n, k = scores.shape
    Q = [[math.exp(float(scores[i, j]) / epsilon) for j in range(k)] for i in range(n)]
    for _ in range(iterations):
        for j in range(k):
            whole = sum(Q[i][j] for i in range(n))
            for i in range(n):
                Q[i][j] /= whole * k
        for i in range(n):
            whole = sum(Q[i])
            for j in range(k):
                Q[i][j] /= whole * n
    return n * torch.tensor(Q, dtype=torch.float64)


def dcl_loop(x, y, t):
    z = [row / row.norm() for row in torch.cat([x, y])]
    n, losses = len(x), []
    for i in range(2 * n):
        p = (i + n) % (2 * n)
        others = sum((torch.dot(z[i], z[j]) / t).exp() for j in range(2 * n) if j not in (i, p))
        losses.append(others.log() - torch.dot(z[i], z[p]) / t)
    return torch.stack(losses)


def koleo_loop(z):
    z = [row / row.norm() for row in z]
    nearest = [min((a - b).norm() for j, b in enumerate(z) if j != i) for i, a in enumerate(z)]
    return -(torch.stack(nearest) + 1e-8).log()


def proxy_anchor_loop(z, labels, proxies, margin, scale):
    z, proxies = [row / row.norm() for row in z], [row / row.norm() for row in proxies]
    attracted, repelled = [], 0
    for c, p in enumerate(proxies):
        own = [torch.exp(-scale * (torch.dot(x, p) - margin)) for x, y in zip(z, labels, strict=True) if y == c]
        other = [torch.exp(scale * (torch.dot(x, p) + margin)) for x, y in zip(z, labels, strict=True) if y != c]
        attracted += [torch.log(1 + sum(own))] if own else []
        repelled = repelled + (torch.log(1 + sum(other)) if other else 0)
    return sum(attracted) / len(attracted) + repelled / len(proxies)


@pytest.mark.parametrize(("n", "k", "epsilon", "iterations"), [(1, 1, 0.05, 3), (7, 3, 0.05, 3), (4, 9, 0.5, 1)])
def test_sinkhorn_equals_the_loop(n, k, epsilon, iterations):
    scores = torch.rand(n, k) * 2 - 1
    Q = sinkhorn(scores, epsilon=epsilon, iterations=iterations)
    torch.testing.assert_close(Q.double(), sinkhorn_loop(scores, epsilon, iterations), rtol=1e-4, atol=1e-6)
    exact = sinkhorn(scores.double(), epsilon=epsilon, iterations=iterations)
    torch.testing.assert_close(exact, sinkhorn_loop(scores, epsilon, iterations), rtol=1e-12, atol=0)


def test_sinkhorn_shares_evenly_and_without_a_gradient():
    scores = torch.randn(60, 6, requires_grad=True) + 5 * torch.eye(6)[0]  # one prototype that all like best
    Q = sinkhorn(scores, epsilon=0.5, iterations=200)
    torch.testing.assert_close(Q.sum(dim=1), torch.ones(60))
    torch.testing.assert_close(Q.sum(dim=0), torch.full((6,), 10.0), rtol=1e-3, atol=0)
    assert not Q.requires_grad
    assert sinkhorn(1e4 * scores.bfloat16()).isfinite().all()
    assert sinkhorn(scores * math.nan).isnan().all()


@pytest.mark.parametrize("n", [2, 5])
@pytest.mark.parametrize("memory", [2**10, 2**24])
def test_dcl_equals_the_loop(n, memory):
    x, y = (torch.randn(n, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    with score_memory(memory):
        ours = dcl(x, y, 0.3, reduction="none")
        torch.testing.assert_close(ours, dcl_loop(x, y, 0.3))
        torch.testing.assert_close(
            *(torch.autograd.grad(v.mean(), (x, y)) for v in (ours, dcl_loop(x, y, 0.3))), rtol=1e-6, atol=1e-9
        )
    # e^(dcl) = e^(nt_xent) − 1: the positive is all that its denominator lacks.
    torch.testing.assert_close(ours.exp() + 1, nt_xent(x, y, 0.3, reduction="none").exp())


def test_koleo_equals_the_loop():
    z = torch.randn(9, 3, dtype=torch.float64, requires_grad=True)
    for memory in (2**10, 2**24):
        with score_memory(memory):
            ours = koleo(z, reduction="none")
            torch.testing.assert_close(ours, koleo_loop(z))
            torch.testing.assert_close(*(torch.autograd.grad(v.sum(), z) for v in (ours, koleo_loop(z))))


def test_koleo_of_copies_is_finite_and_descent_spreads_embeddings():
    copies = torch.ones(4, 3, requires_grad=True)
    koleo(copies).backward()
    assert torch.equal(copies.grad, torch.zeros_like(copies))
    z = torch.randn(30, 3) * 0.1 + 1
    before = z = z.requires_grad_()
    for _ in range(50):
        (gradient,) = torch.autograd.grad(koleo(z), z)
        z = (z - 0.1 * gradient).detach().requires_grad_()
    assert koleo(z) < koleo(before) - 1


def test_multi_crop_is_the_mean_over_pairs_of_different_views():
    student = [torch.randn(5, 4, requires_grad=True) for _ in range(4)]
    teacher, centre = [torch.randn(5, 4, requires_grad=True) for _ in range(2)], torch.randn(4)
    pairs = [dino(student[v], teacher[g], centre) for g in range(2) for v in range(4) if v != g]
    value = dino_multi_crop(student, teacher, centre)
    torch.testing.assert_close(value, sum(pairs) / 6)
    value.backward()
    assert all(s.grad is not None for s in student)
    assert all(t.grad is None for t in teacher)
    for views in ([student[:1], teacher[:1]], [student[:2], student[:3]], [student, []]):
        with pytest.raises(UnlabeledError, match="at least two views"):
            dino_multi_crop(*views, centre)


@pytest.mark.parametrize("labels", [[0, 1, 0, 3], [2, 2, 2, 2]])
def test_proxy_anchor_equals_the_loop(labels):
    labels = torch.tensor(labels)
    z = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    proxies = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    values = [f(z, labels, proxies, margin=0.2, scale=4.0) for f in (proxy_anchor,)]
    values.append(proxy_anchor_loop(z, labels, proxies, 0.2, 4.0))
    torch.testing.assert_close(*values)
    torch.testing.assert_close(*(torch.autograd.grad(v, (z, proxies)) for v in values))


def test_cosface_equals_the_loop():
    z, weight = torch.randn(5, 3, dtype=torch.float64), torch.randn(4, 3, dtype=torch.float64)
    labels = torch.tensor([0, 3, 1, 1, 2])
    for row, y, loss in zip(
        z, labels, cosface(z, labels, weight, margin=0.2, scale=5.0, reduction="none"), strict=True
    ):
        logits = [5 * (torch.dot(row / row.norm(), w / w.norm()) - 0.2 * int(c == y)) for c, w in enumerate(weight)]
        expected = -(logits[y].exp() / sum(logit.exp() for logit in logits)).log()
        assert loss.item() == pytest.approx(expected.item(), rel=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sinkhorn(torch.ones(3)), r"scores must have shape \(n, d\)"),
        (lambda: sinkhorn(torch.ones(3, 2), iterations=0), "iterations must be a whole number of at least 1"),
        (lambda: sinkhorn(torch.ones(3, 2), epsilon=0.0), "epsilon must be a positive number"),
        (lambda: dcl(torch.ones(1, 2), torch.ones(1, 2)), "the batch has one"),
        (lambda: koleo(torch.ones(1, 2)), "the batch has one row"),
        (lambda: proxy_anchor(torch.ones(1, 2), torch.tensor([2]), torch.ones(2, 2)), "between 0 and 1"),
        (lambda: cosface(torch.ones(1, 2), torch.tensor([-1]), torch.ones(2, 2)), "between 0 and 1"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(UnlabeledError, match=message):
        call()


# --- several processes ------------------------------------------------------------------------------------------------

SHARED = {
    "dcl": lambda z, labels, scale: dcl(z, z.flip(1), 0.3),
    "koleo": lambda z, labels, scale: koleo(z),
    "proxy_anchor": lambda z, labels, scale: proxy_anchor(z, labels, torch.eye(4), scale=scale / 20),
    "clip at its ceiling": lambda z, labels, scale: clip(z, z.flip(1), scale),
}


def one_of_two(rank, folder):
    """Compute everything from this process's half of a batch."""
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    torch.set_num_threads(1)
    batch, labels = torch.load(f"{folder}/batch.pt")
    results = {"sinkhorn": sinkhorn(batch[rank * 6 : (rank + 1) * 6])}
    for name, loss in SHARED.items():
        z, scale = batch[rank * 6 : (rank + 1) * 6].clone().requires_grad_(), torch.tensor(110.0, requires_grad=True)
        value = loss(z, labels[rank * 6 : (rank + 1) * 6], scale)
        value.backward()
        # Data-parallel training takes the mean of the processes' gradients.
        gradient = scale.grad.clone() if scale.grad is not None else torch.zeros(())
        dist.all_reduce(gradient)
        results[name] = value.detach(), z.grad / 2, gradient / 2
    torch.save(results, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


def test_two_processes_equal_one(tmp_path):
    batch, labels = torch.randn(12, 4), torch.arange(12) % 3
    torch.save((batch, labels), tmp_path / "batch.pt")
    torch.multiprocessing.spawn(one_of_two, args=(str(tmp_path),), nprocs=2)
    parts = [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]
    torch.testing.assert_close(torch.cat([part["sinkhorn"] for part in parts]), sinkhorn(batch))
    for name, loss in SHARED.items():
        z, scale = batch.clone().requires_grad_(), torch.tensor(110.0, requires_grad=True)
        value = loss(z, labels, scale)
        value.backward()
        torch.testing.assert_close(sum(part[name][0] for part in parts) / 2, value.detach(), msg=name)
        torch.testing.assert_close(torch.cat([part[name][1] for part in parts]), z.grad, rtol=1e-4, atol=1e-6)
        slope = torch.zeros(()) if scale.grad is None else scale.grad
        torch.testing.assert_close(parts[0][name][2], slope, rtol=1e-4, atol=1e-6)
