"""Expectation–maximisation: the one loop of every mixture, as coordinate ascent.

A model says how likely data x and something hidden z are together, p(x, z; θ). Only x is seen. For any distribution q
over what is hidden,

    log p(x; θ) = F(q, θ) + KL(q ‖ p(z | x; θ)),      F(q, θ) = E_q[log p(x, z; θ)] + H(q),

so F is a lower bound of the likelihood, and it is raised in q and in θ by turns:

    E step   q ← argmax F(q, θ) = p(z | x; θ)         the bound now touches: F(q, θ) = log p(x; θ)
    M step   θ ← argmax F(q, θ) = argmax E_q[log p(x, z; θ)]

Neither step can lower F, and F is the log-likelihood after every E step; so the likelihood never falls.
K-means is the same with q restricted to one certain component an instance (hard EM); F is then −inertia.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from sklearn.utils import check_random_state

from unlabeled.setting_checks import check_whole_number
from unlabeled.training.control.progress import ProgressBar

Theta = TypeVar("Theta")
"""What a model learns; a value, not changed once made."""

Q = TypeVar("Q")
"""What the E step leaves for the M step: the expected sufficient statistics under q, and the log-likelihood."""

PATIENCE = 2.0  # seconds before a bar is shown: a fit that is over by then needs none


class Model(Protocol[Theta, Q]):
    """What can be fitted by EM; `data` is whatever the model's own steps understand."""

    def start(self, data: Any, random: np.random.RandomState) -> Theta:
        """Give the θ from which to ascend; called once for each restart."""

    def e_step(self, data: Any, theta: Theta) -> Q:
        """Find q = p(z | x; θ) and give what the M step needs of it."""

    def m_step(self, q: Q, theta: Theta) -> Theta:
        """Give the θ that is best under q; the present one is passed for what q says nothing about."""

    def log_likelihood(self, q: Q) -> float:
        """Give log p(x; θ), or a multiple of it, of the θ with which the E step made q."""


@dataclass(frozen=True)
class Ascent(Generic[Theta, Q]):
    """What one ascent found."""

    theta: Theta
    q: Q
    """Of the last E step."""
    history: list[float]
    """The log-likelihood at each E step; it never falls."""
    n_iter: int
    """M steps made."""
    converged: bool


def expectation_maximisation(
    model: Model[Theta, Q],
    data: Any,
    *,
    max_iter: int = 100,
    tol: float = 1e-3,
    n_init: int = 1,
    random_state: Any = None,
    has_converged: Callable[[Theta, Theta, Q], bool] | None = None,
    last_e_step: bool = False,
    title: str = "EM",
    progress: bool | None = None,
    check_monotone: bool | None = None,
    slack: float = 1e-9,
) -> Ascent[Theta, Q]:
    """Raise the likelihood of a model until it rises no more; of several starts, keep the best end.

    Parameters
    ----------
    model : Model
        Anything with `start`, `e_step`, `m_step` and `log_likelihood`.
    data : object
        Handed to the model's steps.
    max_iter : int, default 100
        M steps an ascent may take, at least 1.
    tol : float, default 1e-3
        An ascent has converged when the log-likelihood changes by less.
    n_init : int, default 1
        Starts, at least 1.
    random_state : int, RandomState or None
        Handed to `start`, which draws from it in turn.
    has_converged : callable, optional
        Another rule than `tol`: (θ before the M step, θ after it, q) → whether the ascent has converged.
    last_e_step : bool, default False
        Look at the last θ once more, so that `q` and the end of the history belong to it.
    title : str
        What the progress bar is called.
    progress : bool, optional
        Show a bar; by default on a terminal or in a notebook, once two seconds have passed.
    check_monotone : bool, optional
        Raise if the likelihood falls; by default in Python's development mode (``python -X dev``).
    slack : float, default 1e-9
        By how much of its own size it may fall, for the sake of rounding (and of priors, such as a ridge on a
        covariance, which make the M step maximise something else by as much).

    Returns
    -------
    Ascent
        The best, by the last log-likelihood of its history.

    Raises
    ------
    UnlabeledError
        For numbers of steps or starts that are not whole or below 1.
    AssertionError
        If the likelihood falls and `check_monotone` holds: the model's steps are wrong.

    References
    ----------
    .. [1] Dempster, Laird & Rubin, Maximum Likelihood from Incomplete Data via the EM Algorithm, JRSS B 1977.
    .. [2] Neal & Hinton, A View of the EM Algorithm that Justifies Incremental, Sparse, and Other Variants, 1998.
    """
    check_whole_number("max_iter", max_iter)
    check_whole_number("n_init", n_init)
    random = check_random_state(random_state)
    check = sys.flags.dev_mode if check_monotone is None else check_monotone
    best: Ascent[Theta, Q] | None = None
    with DelayedBar(title, n_init * max_iter, progress) as bar:
        for _ in range(n_init):
            theta = model.start(data, random)
            history: list[float] = []
            n_iter, converged = 0, False
            while n_iter < max_iter and not converged:
                q = model.e_step(data, theta)
                history.append(model.log_likelihood(q))
                if check:
                    _check_rise(history, slack)
                theta, before = model.m_step(q, theta), theta
                n_iter += 1
                if has_converged is not None:
                    converged = has_converged(before, theta, q)
                elif n_iter > 1:
                    converged = abs(history[-1] - history[-2]) < tol
                bar.step(-history[-1])
            if last_e_step:
                q = model.e_step(data, theta)
                history.append(model.log_likelihood(q))
                if check:
                    _check_rise(history, slack)
            if best is None or history[-1] > best.history[-1]:
                best = Ascent(theta, q, history, n_iter, converged)
            bar.skip(max_iter - n_iter)
    assert best is not None
    return best


def _check_rise(history: list[float], slack: float) -> None:
    if len(history) > 1 and not history[-1] >= history[-2] - slack * max(1.0, abs(history[-2])):
        raise AssertionError(
            f"step {len(history) - 1} of EM lowered the log-likelihood, from {history[-2]!r} to {history[-1]!r}"
        )


class DelayedBar:
    """A progress bar that appears once a fit has lasted two seconds."""

    def __init__(self, title: str, steps: int, show: bool | None) -> None:
        self._title, self._steps, self._show = title, steps, show
        self._done, self._start = 0, time.monotonic()
        self._bar: ProgressBar | None = None
        self._stack = ExitStack()

    def __enter__(self) -> DelayedBar:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def step(self, loss: float) -> None:
        """Say that one more step is done, and what it came to."""
        self._done += 1
        spent = time.monotonic() - self._start
        if self._show is False or (self._bar is None and spent < PATIENCE):
            return
        if self._bar is None:
            self._bar = self._stack.enter_context(ProgressBar(self._title, self._steps, self._done, self._show))
        self._bar.show({"step": self._done, "loss": loss}, self._done / spent)

    def skip(self, steps: int) -> None:
        """Say that some steps were not needed."""
        self._done += steps
        if self._bar is not None:
            self._bar.advance(self._done)
