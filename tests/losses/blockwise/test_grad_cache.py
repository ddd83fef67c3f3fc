from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.multiprocessing.reductions import StorageWeakRef

from unlabeled.errors import UnlabeledError
from unlabeled.losses import clip, embed_in_chunks, nt_xent


def network():
    return nn.Sequential(
        nn.Linear(6, 32), nn.Dropout(0.5), nn.ReLU(), nn.Linear(32, 16), nn.Dropout(0.2), nn.Linear(16, 4)
    )


def in_one_graph(encoder, inputs, chunk):
    """The same chunks, with everything kept: what the gradient must be."""
    return torch.cat([encoder(part) for part in inputs.split(chunk)])


def step(embed, net, chunk, autocast):
    net = copy.deepcopy(net)
    torch.manual_seed(7)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        loss = nt_xent(embed(net, X, chunk), embed(net, Y, chunk), 0.3)
    after = torch.rand(3)  # the generator stands where it would
    loss.backward()
    return loss, after, torch.rand(3), [p.grad for p in net.parameters()]


X, Y = torch.randn(2, 50, 6, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("autocast", [False, True])
@pytest.mark.parametrize("chunk", [1, 7, 25, 50, 1000])
def test_gradients_with_dropout_are_those_of_one_graph(chunk, autocast):
    net = network()
    for ours, expected in zip(
        step(embed_in_chunks, net, chunk, autocast), step(in_one_graph, net, chunk, autocast), strict=True
    ):
        torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("chunk", [9, 50])
def test_without_dropout_they_are_those_of_the_whole_batch(chunk):
    net = network().eval()
    ours = torch.autograd.grad(
        nt_xent(embed_in_chunks(net, X, chunk), embed_in_chunks(net, Y, chunk)), net.parameters()
    )
    expected = torch.autograd.grad(nt_xent(net(X), net(Y)), net.parameters())
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("embed", "rows"), [(embed_in_chunks, 10), (in_one_graph, 50)])
def test_only_one_chunk_of_activations_is_ever_held(embed, rows):
    first, second = torch.randn(6, 32, requires_grad=True), torch.randn(32, 4, requires_grad=True)
    activations, alive = [], []

    def encoder(x):
        hidden = (x @ first).tanh()
        activations.append((StorageWeakRef(hidden.untyped_storage()), len(hidden)))
        alive.append(sum(count for storage, count in activations if not storage.expired()))
        return hidden @ second

    embed(encoder, X, 10).sum().backward()
    assert max(alive) == rows


def test_encoders_of_several_inputs_and_two_towers():
    words, mask = torch.randn(50, 6), torch.rand(50, 1)
    images = nn.Linear(6, 4)
    texts = nn.Linear(6, 4)

    def text_encoder(batch):
        return texts(batch["words"] * batch["more"][0])

    ours = clip(embed_in_chunks(images, X, 8), embed_in_chunks(text_encoder, {"words": words, "more": (mask,)}, 15))
    expected = clip(images(X), texts(words * mask))
    torch.testing.assert_close(ours, expected)
    parameters = [*images.parameters(), *texts.parameters()]
    gradients = [torch.autograd.grad(v, parameters) for v in (ours, expected)]
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-6)


def test_gradients_reach_the_inputs():
    x = X.clone().requires_grad_()
    net = network().eval()
    ours, expected = (torch.autograd.grad(nt_xent(z, net(Y)), x)[0] for z in (embed_in_chunks(net, x, 8), net(x)))
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("inputs", "chunk", "message"),
    [
        (X, 0, "at least one row, not 0"),
        (torch.ones(0, 6), 4, "same number of rows, above zero, not 0"),
        ({"a": X, "b": X[:4]}, 4, "not 4, 50"),
        ((), 4, "no tensor at all"),
    ],
)
def test_bad_input_is_refused(inputs, chunk, message):
    with pytest.raises(UnlabeledError, match=message):
        embed_in_chunks(nn.Linear(6, 4), inputs, chunk)
