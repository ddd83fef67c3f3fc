"""Scores: how alike two embeddings are, made for a block of rows and a block of columns at a time."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class Score(Protocol):
    """A symmetric measure of two embeddings."""

    def __call__(self, a: Tensor, c: Tensor) -> Tensor:
        """Score each of a (m, d) with each of c (n, d): shape (m, n)."""

    def gradient(self, a: Tensor, c: Tensor, scores: Tensor, weights: Tensor) -> Tensor:
        """Differentiate the sum of weights (m, n) times scores (m, n) with respect to a: shape (m, d)."""


class DotProduct:
    """a · c"""

    def __call__(self, a: Tensor, c: Tensor) -> Tensor:
        """Score each of a with each of c."""
        return a @ c.T

    def gradient(self, a: Tensor, c: Tensor, scores: Tensor, weights: Tensor) -> Tensor:
        """Σⱼ wᵢⱼ cⱼ"""
        return weights @ c


class NegativeSquaredDistance:
    """−‖a − c‖²"""

    def __call__(self, a: Tensor, c: Tensor) -> Tensor:
        """Score each of a with each of c."""
        squares = (a @ c.T).mul_(-2).add_(_squares(a)[:, None]).add_(_squares(c))
        return squares.clamp_min_(0).neg_()

    def gradient(self, a: Tensor, c: Tensor, scores: Tensor, weights: Tensor) -> Tensor:
        """Σⱼ 2 wᵢⱼ (cⱼ − aᵢ)"""
        return 2 * (weights @ c - weights.sum(dim=1, keepdim=True) * a)


class NegativeDistance:
    """−‖a − c‖"""

    def __call__(self, a: Tensor, c: Tensor) -> Tensor:
        """Score each of a with each of c."""
        return SQUARED(a, c).neg_().sqrt_().neg_()

    def gradient(self, a: Tensor, c: Tensor, scores: Tensor, weights: Tensor) -> Tensor:
        """Σⱼ wᵢⱼ (cⱼ − aᵢ) / ‖aᵢ − cⱼ‖, without the pairs at distance 0, which have no direction."""
        return SQUARED.gradient(a, c, scores, weights / scores.masked_fill(scores == 0, -torch.inf).mul_(-2))


DOT, SQUARED, EUCLIDEAN = DotProduct(), NegativeSquaredDistance(), NegativeDistance()


def _squares(z: Tensor) -> Tensor:
    return z.square().sum(dim=1)
