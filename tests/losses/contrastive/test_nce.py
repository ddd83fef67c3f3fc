from __future__ import annotations

import math

import pytest
import torch

from unlabeled.errors import UnlabeledError
from unlabeled.losses import nce


def loop(x, c, noise, log_p, log_p_noise, log_z, temperature):
    """Gutmann and Hyvärinen's equation, one question at a time."""
    losses = []
    for i in range(len(x)):
        others = noise if noise.ndim == 2 else noise[i]
        k = len(others)
        q = log_p_noise if log_p_noise.ndim == 1 else log_p_noise[i]
        true = torch.exp(torch.dot(x[i], c[i]) / temperature - log_z)
        loss = -torch.log(true / (true + k * log_p[i].exp()))
        for j in range(k):
            false = torch.exp(torch.dot(x[i], others[j]) / temperature - log_z)
            loss = loss - torch.log(k * q[j].exp() / (false + k * q[j].exp()))
        losses.append(loss)
    return torch.stack(losses)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("n", "k", "d"), [(1, 1, 3), (2, 5, 1), (7, 3, 4)])
@pytest.mark.parametrize("shared", [True, False])
def test_agrees_with_the_loop(dtype, n, k, d, shared):
    x, c = torch.randn(2, n, d, dtype=dtype).unbind()
    noise = torch.randn(*(() if shared else (n,)), k, d, dtype=dtype)
    log_p, log_p_noise = torch.randn(n, dtype=dtype) - 3, torch.randn(noise.shape[:-1], dtype=dtype) - 3
    log_z = torch.tensor(0.4, dtype=dtype)
    learnt = tuple(t.requires_grad_() for t in (x, c, noise, log_p, log_p_noise, log_z))
    expected = loop(*learnt, 0.7)
    for reduction, reduced in {"none": expected, "sum": expected.sum(), "mean": expected.mean()}.items():
        keywords = {"log_p": log_p, "log_p_noise": log_p_noise, "log_z": log_z, "temperature": 0.7}
        ours = nce(x, c, noise, **keywords, reduction=reduction)
        torch.testing.assert_close(ours, reduced, rtol=1e-4, atol=1e-5)
        gradients = [torch.autograd.grad(v.sum(), learnt, retain_graph=True) for v in (ours, reduced)]
        torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-4)


def test_uniform_noise_is_a_number():
    x, c, noise = torch.randn(4, 3), torch.randn(4, 3), torch.randn(6, 3)
    q = -math.log(50)
    plain = nce(x, c, noise, log_p=q)
    torch.testing.assert_close(plain, nce(x, c, noise, log_p=torch.full((4,), q), log_p_noise=torch.full((6,), q)))
    torch.testing.assert_close(plain, nce(x, c, noise[None].expand(4, 6, 3), log_p=q))


def test_log_z_is_learnt_as_the_log_of_the_sum():
    # Words with scores s, whose probabilities are e^s / Z. Noise is uniform over the 20 words.
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(20, 1, generator=generator)
    true = torch.multinomial(scores[:, 0].softmax(0), 20000, replacement=True, generator=generator)
    noise = torch.randint(20, (20000,), generator=generator)
    log_z = torch.zeros((), requires_grad=True)
    ones = torch.ones(20000, 1)
    optimiser = torch.optim.LBFGS([log_z])

    def step():
        optimiser.zero_grad()
        loss = nce(ones, scores[true], scores[noise][:, None], log_p=-math.log(20), log_z=log_z)
        loss.backward()
        return loss

    optimiser.step(step)
    # One number estimated from 20,000 questions of each kind: a standard error of about 0.01.
    assert log_z.item() == pytest.approx(scores.logsumexp(0).item(), abs=0.04)


@pytest.mark.parametrize("shared", [True, False])
def test_many_noise_samples_have_the_gradient_of_maximum_likelihood(shared):
    generator = torch.Generator().manual_seed(0)
    vocabulary, x = torch.randn(8, 3, generator=generator), torch.randn(2, 3, generator=generator, requires_grad=True)
    c = vocabulary[[2, 5]]
    log_z = (x.detach() @ vocabulary.T).logsumexp(1).mean()
    x.data += torch.zeros_like(x)
    log_z = (x @ vocabulary.T).logsumexp(1).detach()
    exact = torch.autograd.grad(torch.nn.functional.cross_entropy(x @ vocabulary.T, torch.tensor([2, 5])), x)[0]
    noise = vocabulary.repeat(5000, 1)  # every word equally often: 40,000 samples without their scatter
    gradients = []
    for i in range(2):
        some = noise if shared else noise[None]
        loss = nce(x[i : i + 1], c[i : i + 1], some, log_p=-math.log(8), log_z=log_z[i])
        gradients.append(torch.autograd.grad(loss / 2, x)[0])
    torch.testing.assert_close(sum(gradients), exact, rtol=0.01, atol=1e-3)


def test_zero_embeddings_toss_a_coin_for_each_question():
    zeros = torch.zeros(3, 2)
    assert nce(zeros, zeros, torch.zeros(9, 2), log_p=-math.log(9)).item() == pytest.approx(10 * math.log(2))


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"log_p": torch.zeros(2)}, "log_p_noise is needed too"),
        ({"log_p": torch.zeros(3), "log_p_noise": 0.0}, r"log_p must have shape \(2,\), one for each, not \(3,\)"),
        ({"log_p": 0.0, "log_p_noise": torch.zeros(3)}, r"log_p_noise must have shape \(4,\)"),
        ({"log_p": 0.0, "log_z": torch.zeros(2)}, "log_z must be one number"),
        ({"log_p": 0.0, "temperature": -1.0}, "temperature"),
        ({"log_p": 0.0, "noise": torch.ones(4, 2)}, "negatives must have shape"),
    ],
)
def test_bad_input_is_refused(keywords, message):
    with pytest.raises(UnlabeledError, match=message):
        nce(torch.ones(2, 3), torch.ones(2, 3), **{"noise": torch.ones(4, 3), **keywords})
