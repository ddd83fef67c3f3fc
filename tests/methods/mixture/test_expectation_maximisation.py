"""The EM loop on a model small enough to be worked out by hand: two coins, and rows of tosses of one or the other."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp

from unlabeled.errors import UnlabeledError
from unlabeled.methods.mixture.expectation_maximisation import expectation_maximisation


class Coins:
    """θ: the two coins' chances of heads; the coin of each row of ten tosses is hidden."""

    def __init__(self, worse=False):
        self.worse = worse

    def start(self, data, random):
        return random.uniform(0.2, 0.8, 2)

    def e_step(self, heads, theta):
        joint = heads[:, None] * np.log(theta) + (10 - heads[:, None]) * np.log1p(-theta) + np.log(0.5)
        total = logsumexp(joint, axis=1)
        q = np.exp(joint - total[:, None])
        return q.sum(axis=0), (q * heads[:, None]).sum(axis=0), total.sum()

    def m_step(self, q, theta):
        rows, heads, _ = q
        return theta**2 if self.worse else heads / (10 * rows)

    def log_likelihood(self, q):
        return q[2]


HEADS = np.array([5, 9, 8, 4, 7])  # the example of Do & Batzoglou (2008)


def test_the_textbook_example_of_two_coins():
    model = Coins()
    model.start = lambda data, random: np.array([0.6, 0.5])
    one = expectation_maximisation(model, HEADS, max_iter=1)
    np.testing.assert_allclose(one.theta, [0.71, 0.58], atol=0.005)  # figures of their paper
    ten = expectation_maximisation(model, HEADS, max_iter=10, tol=0)
    np.testing.assert_allclose(ten.theta, [0.80, 0.52], atol=0.005)
    assert ten.n_iter == len(ten.history) == 10
    assert not ten.converged


def test_the_likelihood_never_falls_and_the_loop_ends_when_it_stays():
    found = expectation_maximisation(Coins(), HEADS, tol=1e-9, max_iter=1000, random_state=0, check_monotone=True)
    assert found.converged
    assert found.n_iter < 1000
    assert np.diff(found.history).min() >= -1e-12
    assert abs(found.history[-1] - found.history[-2]) < 1e-9


def test_a_model_whose_steps_are_wrong_is_found_out():
    with pytest.raises(AssertionError, match="lowered the log-likelihood"):
        expectation_maximisation(Coins(worse=True), HEADS, random_state=0, check_monotone=True)


def test_of_several_starts_the_best_end_is_kept():
    starts = iter([np.array([0.5, 0.5]), np.array([0.6, 0.5]), np.array([0.5, 0.5])])
    model = Coins()
    model.start = lambda data, random: next(starts)
    found = expectation_maximisation(model, HEADS, n_init=3, tol=1e-9)
    np.testing.assert_allclose(found.theta, [0.797, 0.520], atol=0.005)  # equal coins stay equal, a worse end


def test_the_last_e_step_belongs_to_the_last_parameters():
    found = expectation_maximisation(Coins(), HEADS, max_iter=3, tol=0, random_state=1, last_e_step=True)
    assert len(found.history) == 4
    assert found.history[-1] == Coins().e_step(HEADS, found.theta)[2]


def test_another_rule_may_say_when_it_has_settled():
    found = expectation_maximisation(
        Coins(),
        HEADS,
        max_iter=50,
        random_state=0,
        has_converged=lambda before, after, q: abs(after - before).max() < 0.05,
    )
    assert found.converged
    assert found.n_iter < 50


def test_restarts_are_repeatable():
    ends = [expectation_maximisation(Coins(), HEADS, n_init=3, random_state=7).history for _ in range(2)]
    assert ends[0] == ends[1]


@pytest.mark.parametrize("setting", ["max_iter", "n_init"])
@pytest.mark.parametrize("value", [0, -1, 1.5, "3", True])
def test_numbers_of_steps_and_starts_are_whole_and_at_least_one(setting, value):
    with pytest.raises(UnlabeledError, match=f"{setting} must be a whole number of at least 1, got {value!r}"):
        expectation_maximisation(Coins(), HEADS, **{setting: value})
