import numpy as np
import pytest
import scipy.sparse as sp

from unlabeled.methods.fewlabels.graph.conjugate_gradients import COLUMNS, conjugate_gradients


@pytest.fixture(scope="module")
def system():
    rng = np.random.default_rng(0)
    W = sp.random_array((60, 60), density=0.1, rng=rng)
    W = W + W.T
    return (sp.diags_array(np.asarray(W.sum(axis=1)).ravel() + 0.1) - W).tocsr()


@pytest.mark.parametrize("count", [1, COLUMNS, 2 * COLUMNS + 3])
def test_all_columns_are_solved_also_those_that_need_more_iterations_than_others(system, count):
    B = np.random.default_rng(1).normal(size=(60, count))
    B[:, 0] = 0.0  # solved before the first iteration
    B[:, count // 2] = system @ np.eye(60)[0]
    X, iterations, converged = conjugate_gradients(system, B, system.diagonal(), tol=1e-10)
    assert converged
    assert 0 < iterations < 200
    np.testing.assert_allclose(X, np.linalg.solve(system.toarray(), B), rtol=0, atol=1e-7)
    assert not X[:, 0].any() or count == 1


def test_too_few_iterations_are_told_and_what_was_found_is_given(system):
    B = np.random.default_rng(1).normal(size=(60, 2 * COLUMNS))
    X, iterations, converged = conjugate_gradients(system, B, system.diagonal(), tol=1e-12, max_iter=3)
    assert (iterations, converged) == (3, False)
    nearer = np.linalg.norm(B - system @ X, axis=0) < np.linalg.norm(B, axis=0)
    assert nearer.all()
