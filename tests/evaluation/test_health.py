"""Effective rank, alignment, uniformity and the collapse verdict on NumPy arrays (formulas: tests/losses)."""

from __future__ import annotations

import numpy as np
import pytest

from unlabeled.errors import UnlabeledError
from unlabeled.evaluation import alignment, collapse_verdict, effective_rank, uniformity


@pytest.mark.parametrize("d", [1, 3, 40])
def test_effective_rank_of_an_orthonormal_basis_is_its_size(d):
    q, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(d, d)))
    assert effective_rank(q) == pytest.approx(d, rel=1e-5)
    assert effective_rank(np.tile(q, (300, 1)), max_rows=900) == pytest.approx(d, rel=0.02)


def test_effective_rank_agrees_with_the_formula():
    vectors = np.random.default_rng(0).normal(size=(60, 8)) * np.arange(1, 9)
    sigma = np.linalg.svd(vectors, compute_uv=False)
    p = sigma / sigma.sum()
    assert effective_rank(vectors) == pytest.approx(np.exp(-(p * np.log(p)).sum()), rel=1e-5)


def test_uniformity_and_alignment_agree_with_the_loop():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(9, 4)), rng.normal(size=(9, 4))
    a, b = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (x, y))
    assert alignment(x, y) == pytest.approx(np.mean([((p - q) ** 2).sum() for p, q in zip(a, b, strict=True)]))
    pairs = [np.exp(-2 * ((p - q) ** 2).sum()) for i, p in enumerate(a) for j, q in enumerate(a) if i != j]
    assert uniformity(x) == pytest.approx(np.log(np.mean(pairs)), rel=1e-5)


def test_identical_vectors():
    same = np.tile([1.0, 2.0, -3.0], (50, 1))
    assert uniformity(same) == pytest.approx(0, abs=2e-6)
    assert alignment(same, same) == 0
    assert effective_rank(same) == pytest.approx(1, abs=1e-4)


def test_read_only_arrays_and_lists_are_taken():
    vectors = np.eye(4, dtype=np.float32)
    vectors.setflags(write=False)
    assert effective_rank(vectors) == pytest.approx(4)
    assert effective_rank(vectors.tolist()) == pytest.approx(4)


def test_different_row_counts_are_refused_even_when_rows_are_sampled():
    with pytest.raises(UnlabeledError, match=r"shapes differ: \(30, 2\), \(31, 2\)"):
        alignment(np.ones((30, 2)), np.ones((31, 2)), max_rows=10)


@pytest.mark.parametrize("metric", [effective_rank, uniformity, collapse_verdict, lambda v: alignment(v, v)])
def test_nan_is_refused_with_its_row(metric):
    vectors = np.eye(5)
    vectors[3, 1] = np.nan
    with pytest.raises(UnlabeledError, match="row 3"):
        metric(vectors)


def test_verdict_on_healthy_vectors():
    verdict = collapse_verdict(np.random.default_rng(0).normal(size=(1000, 32)))
    assert (verdict.collapsed, verdict.kind) == (False, "none")
    assert verdict.std == pytest.approx(1 / np.sqrt(32), rel=0.02)
    assert verdict.directions > 30


@pytest.mark.parametrize(
    "vectors", [np.ones((40, 8)), np.zeros((40, 8)), 5 + 1e-5 * (np.arange(320.0).reshape(40, 8) % 7)]
)
def test_verdict_on_one_place(vectors):
    verdict = collapse_verdict(vectors)
    assert (verdict.collapsed, verdict.kind) == (True, "complete")
    assert "learning rate" in verdict.message


@pytest.mark.parametrize("directions", [1, 2])
def test_verdict_on_few_directions(directions):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(500, directions)) @ rng.normal(size=(directions, 128)) + 3
    verdict = collapse_verdict(vectors)
    assert (verdict.collapsed, verdict.kind) == (True, "dimensional")
    assert verdict.directions == pytest.approx(directions, abs=0.1)
    assert "projection head" in verdict.message


def test_a_common_direction_does_not_hide_the_rest():
    rng = np.random.default_rng(0)
    positive = np.maximum(rng.normal(size=(500, 64)) + 3, 0)  # as after a ReLU: mean cosine 0.9
    assert not collapse_verdict(positive).collapsed


def test_ten_clear_classes_are_no_collapse():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(10, 512))[rng.integers(0, 10, 1000)] + 0.05 * rng.normal(size=(1000, 512))
    assert not collapse_verdict(vectors).collapsed


def test_small_tables():
    assert collapse_verdict([[1.0, 0.0], [0.0, 1.0]]).kind == "none"  # two rows can only lie on a line
    assert collapse_verdict([[1.0], [-1.0]]).kind == "none"
    with pytest.raises(UnlabeledError, match="at least two"):
        collapse_verdict([[1.0, 2.0]])
