"""What holds for every loss that compares within the batch: tiles, gradients, extremes, types, and processes."""

from __future__ import annotations

import math

import pytest
import torch
import torch.distributed as dist

from unlabeled.errors import UnlabeledError
from unlabeled.losses import (
    MemoryBank,
    Queue,
    clip,
    info_nce,
    lifted_structured,
    multi_similarity,
    mutual_information_bound,
    n_pair,
    nt_xent,
    score_memory,
    siglip,
    soft_nearest_neighbours,
    sup_con,
)
from unlabeled.losses.metric.partners import clip_of_partners, siglip_of_partners

# Each takes views x and y of n instances, and the instances' labels.
OF_VIEWS = {
    "nt_xent": lambda x, y, labels, **keywords: nt_xent(x, y, 0.3, **keywords),
    "info_nce": lambda x, y, labels, **keywords: info_nce(x, y, 0.3, **keywords),
    "info_nce symmetric": lambda x, y, labels, **keywords: info_nce(x, y, 0.3, symmetric=True, **keywords),
    "info_nce bilinear": lambda x, y, labels, **keywords: info_nce(x, y, critic=torch.eye(4).to(x), **keywords),
    "info_nce callable": lambda x, y, labels, **keywords: info_nce(
        x, y, critic=lambda a, c: a.tanh() @ c.T, **keywords
    ),
    "n_pair": lambda x, y, labels, **keywords: n_pair(x, y, **keywords),
    "clip": lambda x, y, labels, **keywords: clip(x, y, 5.0, **keywords),
    "siglip": lambda x, y, labels, **keywords: siglip(x, y, **keywords),
}
OF_LABELS = {
    "sup_con": sup_con,
    "soft_nearest_neighbours": soft_nearest_neighbours,
    "soft_nearest_neighbours euclidean": lambda z, labels, **keywords: soft_nearest_neighbours(
        z, labels, distance="euclidean", **keywords
    ),
    "lifted_structured": lifted_structured,
    "multi_similarity": multi_similarity,
}
NORMALISED = {"nt_xent", "info_nce", "info_nce symmetric", "clip", "siglip", "sup_con", "multi_similarity"}
LOSSES = OF_VIEWS | {
    name: lambda x, y, labels, loss=loss, **keywords: loss(torch.cat([x, y]), labels.repeat(2), **keywords)
    for name, loss in OF_LABELS.items()
}
every_loss = pytest.mark.parametrize("name", LOSSES)
of_labels = pytest.mark.parametrize("name", OF_LABELS)


def batch(n, d=4, dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x, y = torch.randn(2, n, d, generator=generator, dtype=torch.float64).to(dtype)
    return x.requires_grad_(), y.requires_grad_(), torch.randint(-1, n // 3 + 1, (n,), generator=generator)


@every_loss
@pytest.mark.parametrize("memory", [2**10, 2**24])
def test_gradient_agrees_with_finite_differences(name, memory):
    x, y, labels = batch(5, 4, torch.float64)
    with score_memory(memory):
        assert torch.autograd.gradcheck(lambda x, y: LOSSES[name](x, y, labels), (x, y), atol=1e-6)


@every_loss
def test_any_memory_gives_the_same(name):
    x, y, labels = batch(600)
    results = []
    for memory in (2**16, 2**20, 2**30):
        with score_memory(memory):
            loss = LOSSES[name](x, y, labels)
            results.append((loss, *torch.autograd.grad(loss, (x, y))))
    for other in results[1:]:
        for a, b in zip(other, results[0], strict=True):
            assert (a - b).norm() <= 2e-5 * b.norm()


@every_loss
def test_half_precision_and_autocast_are_computed_in_single(name):
    x, y, labels = (t.detach() for t in batch(20))
    precision = 0.01 if "callable" in name else 1e-6  # a critic of one's own computes in the type it is given
    half = LOSSES[name](x.bfloat16(), y.bfloat16(), labels)
    assert half.dtype == torch.float32
    same = LOSSES[name](x.bfloat16().float(), y.bfloat16().float(), labels)
    torch.testing.assert_close(half, same, rtol=precision, atol=0)
    plain = LOSSES[name](x, y, labels)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(LOSSES[name](x, y, labels), plain, rtol=precision, atol=0)


@every_loss
def test_nan_is_handed_on(name):
    x, y, labels = (t.detach() for t in batch(6))
    labels = labels.clamp_min(0)
    x[1, 1] = math.nan
    assert LOSSES[name](x, y, labels).isnan()


@every_loss
def test_a_second_derivative_is_refused(name):
    x, y, labels = batch(6)
    if name == "info_nce callable":
        assert torch.autograd.grad(LOSSES[name](x, y, labels), x, create_graph=True)[0].requires_grad
        return
    with pytest.raises(UnlabeledError, match="differentiated once, not twice"):
        torch.autograd.grad(LOSSES[name](x, y, labels), x, create_graph=True)


@every_loss
@pytest.mark.parametrize("n", [1, 2, 7])
@pytest.mark.parametrize(
    "kind", ["zero", "same", "some zero", "long", "short", "huge", "one class", "no positive", "unlabelled"]
)
def test_extreme_input_gives_finite_losses_and_gradients(name, n, kind):
    x, y, labels = batch(n)
    if name in NORMALISED:
        long, huge = 1e30, 3e38
    else:
        long, huge = 1e3, 1e8  # their squares and products still fit
    scale = {"zero": 0.0, "long": long, "short": 1e-30, "huge": huge}.get(kind, 1.0)
    with torch.no_grad():
        for z in (x, y):
            z *= scale
            z.copy_(z.clamp(-3e38, 3e38))
            if kind == "same":
                z.fill_(0.7)
            if kind == "some zero":
                z[0] = 0
    labels = {
        "one class": torch.zeros_like(labels),
        "no positive": torch.arange(n),
        "unlabelled": torch.full_like(labels, -1),
    }.get(kind, labels)
    loss = LOSSES[name](x, y, labels)
    gradients = torch.autograd.grad(loss, (x, y), materialize_grads=True)
    assert loss.isfinite()
    assert all(gradient.isfinite().all() for gradient in gradients)


@pytest.mark.parametrize("name", ["nt_xent", "info_nce", "sup_con", "soft_nearest_neighbours"])
def test_a_small_temperature_gives_finite_losses_and_gradients(name):
    x, y, labels = batch(9)
    arguments = (x, y) if name in OF_VIEWS else (torch.cat([x, y]), labels.repeat(2))
    loss = {"nt_xent": nt_xent, "info_nce": info_nce, **OF_LABELS}[name](*arguments, temperature=1e-3)
    assert loss.isfinite()
    assert all(gradient.isfinite().all() for gradient in torch.autograd.grad(loss, (x, y)))


@every_loss
def test_embeddings_that_are_none_are_refused(name):
    labels = torch.zeros(2, dtype=torch.int64)
    for bad in (torch.ones(0, 4), torch.ones(2, 0), torch.ones(2), torch.ones(2, 4, dtype=torch.int64)):
        with pytest.raises(UnlabeledError, match=r"must have shape|must be floating"):
            LOSSES[name](bad, bad, labels[: len(bad)])
    with pytest.raises(UnlabeledError, match="reduction"):
        LOSSES[name](torch.ones(2, 4), torch.ones(2, 4), labels, reduction="average")


@of_labels
@pytest.mark.parametrize(
    "labels", [torch.zeros(3), torch.zeros(2, dtype=torch.int64), torch.zeros(3, 1, dtype=torch.int64)]
)
def test_labels_that_are_none_are_refused(name, labels):
    with pytest.raises(UnlabeledError, match="label"):
        OF_LABELS[name](torch.ones(3, 2), labels)


@of_labels
def test_order_of_rows_and_names_of_classes_do_not_matter(name):
    z, labels = torch.randn(40, 5), torch.randint(0, 9, (40,))
    order, names = torch.randperm(40), torch.randperm(1000)[:9]
    torch.testing.assert_close(OF_LABELS[name](z[order], names[labels[order]]), OF_LABELS[name](z, labels))


@of_labels
def test_a_gradient_step_lowers_the_loss(name):
    z = torch.randn(40, 5, requires_grad=True)
    labels = torch.arange(40) % 4
    before = OF_LABELS[name](z, labels)
    before.backward()
    assert OF_LABELS[name](z - 0.05 * z.grad / z.grad.norm(), labels) < before


# --- several processes ------------------------------------------------------------------------------------------------

OF_PARTNERS = {
    "clip_of_partners": lambda x, y, same: clip_of_partners(x, y, torch.tensor(5.0), same),
    "siglip_of_partners": lambda x, y, same: siglip_of_partners(x, y, torch.tensor(5.0), torch.tensor(-1.0), same),
}
SIZES = [3, 100]  # the views of the larger are several tiles, which the anchors' own columns cross


def codes_across(labels):
    """Two numbers for each row, which it shares with some of its own process and of the other."""
    return labels, torch.arange(len(labels)) % (len(labels) // 2 + 1)


def one_of_two(rank, folder):
    """Take one step of a shared layer, for each loss, on this process's half of each batch."""
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    torch.set_num_threads(1)
    for n in SIZES:
        weights, views, labels = torch.load(f"{folder}/{n}.pt")
        layer = torch.nn.Linear(6, 4)
        layer.load_state_dict(weights)
        mine = slice(rank * n, (rank + 1) * n)
        results = {}
        for name, loss in LOSSES.items():
            with score_memory(2**18):
                model = torch.nn.parallel.DistributedDataParallel(layer)
                each = loss(*model(views[:, mine].flatten(0, 1)).chunk(2), labels[mine], reduction="none")
                layer.zero_grad()
                value = loss(*model(views[:, mine].flatten(0, 1)).chunk(2), labels[mine])
                value.backward()
            results[name] = each.detach(), value.detach(), layer.weight.grad.clone()
        for name, loss in OF_PARTNERS.items():
            with score_memory(2**12):  # a few rows at a time
                model = torch.nn.parallel.DistributedDataParallel(layer)
                layer.zero_grad()
                x, y = model(views[:, mine].flatten(0, 1)).chunk(2)
                value = loss(x, y, tuple(code[mine] for code in codes_across(labels)))
                value.backward()
            results[name] = value.detach(), layer.weight.grad.clone()
        queue, bank = Queue(5, 4), MemoryBank(2 * n, 4, momentum=0)
        queue.push(views[0, mine, :4])
        bank.update(torch.arange(2 * n)[mine], views[0, mine, :4])
        results["bound"] = mutual_information_bound("dot", views[0, mine], views[0, mine])
        torch.save((results, queue.vectors, bank.vectors), f"{folder}/{n}-{rank}.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory):
    """Both processes' results for each size, with what they were made from."""
    folder = tmp_path_factory.mktemp("two")
    cases = {}
    for n in SIZES:
        layer = torch.nn.Linear(6, 4)
        cases[n] = layer, torch.randn(2, 2 * n, 6), torch.randint(-1, 2 * n // 3, (2 * n,))
        torch.save((layer.state_dict(), *cases[n][1:]), folder / f"{n}.pt")
    torch.multiprocessing.spawn(one_of_two, args=(str(folder),), nprocs=2)
    return {n: (case, [torch.load(folder / f"{n}-{rank}.pt") for rank in range(2)]) for n, case in cases.items()}


@every_loss
@pytest.mark.parametrize("n", SIZES)
def test_two_processes_equal_one_on_the_joined_batch(two_processes, name, n):
    (layer, views, labels), parts = two_processes[n]
    x, y = layer(views[0]), layer(views[1])
    each = LOSSES[name](x, y, labels, reduction="none").detach()
    value = LOSSES[name](x, y, labels)
    (gradient,) = torch.autograd.grad(value, layer.weight)
    values = []
    for rank, (results, _, _) in enumerate(parts):
        own, mean, averaged = results[name]
        values.append(mean)
        rows = each.view(-1, 2, n)[:, rank].flatten()  # of losses a view, those of x first
        torch.testing.assert_close(own, rows, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(averaged, gradient, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(sum(values) / 2, value)


@pytest.mark.parametrize("name", OF_PARTNERS)
@pytest.mark.parametrize("n", SIZES)
def test_partners_of_two_processes_are_those_of_the_joined_batch(two_processes, name, n):
    (layer, views, labels), parts = two_processes[n]
    value = OF_PARTNERS[name](layer(views[0]), layer(views[1]), codes_across(labels))
    (gradient,) = torch.autograd.grad(value, layer.weight)
    for results, _, _ in parts:
        torch.testing.assert_close(results[name][1], gradient, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(sum(results[name][0] for results, _, _ in parts) / 2, value)


@pytest.mark.parametrize("n", SIZES)
def test_memories_of_two_processes_are_one(two_processes, n):
    (_, views, _), parts = two_processes[n]
    queue, bank = Queue(5, 4), MemoryBank(2 * n, 4, momentum=0)
    queue.push(views[0, :, :4])
    bank.update(torch.arange(2 * n), views[0, :, :4])
    for results, vectors, remembered in parts:
        torch.testing.assert_close(vectors, queue.vectors)
        torch.testing.assert_close(remembered, bank.vectors)
        assert results["bound"] <= math.log(2 * n)
    together = sum(results["bound"] for results, _, _ in parts) / 2
    torch.testing.assert_close(together, mutual_information_bound("dot", views[0], views[0]))
