import numpy as np
import pytest
import scipy.sparse as sp

from unlabeled.explore.class_tf_idf import class_tf_idf, typical_words

COUNTS = np.array([[3, 1, 0, 0], [2, 1, 1, 0], [0, 2, 4, 0], [1, 0, 0, 5]])
LABELS = np.array([0, 0, 1, -1])


def slow(counts, labels):
    clusters = [counts[labels == c].sum(0) for c in range(labels.max() + 1)]
    average = sum(c.sum() for c in clusters) / len(clusters)
    found = np.zeros((len(clusters), counts.shape[1]))
    for c, of_cluster in enumerate(clusters):
        for word, count in enumerate(of_cluster):
            everywhere = sum(other[word] for other in clusters)
            if count:
                found[c, word] = count / of_cluster.sum() * np.log(1 + average / everywhere)
    return found


def test_it_is_the_equation():
    np.testing.assert_allclose(class_tf_idf(sp.csr_matrix(COUNTS), LABELS), slow(COUNTS, LABELS))


def test_a_cluster_without_words_has_zeros():
    found = class_tf_idf(sp.csr_matrix([[2, 1], [0, 0]]), np.array([0, 1]))
    assert found[1].tolist() == [0, 0]
    assert np.isfinite(found).all()


def test_typical_words_are_those_with_the_largest_weights():
    assert typical_words(sp.csr_matrix(COUNTS), ["frog", "the", "king", "x"], LABELS, n=2) == [
        ["frog", "the"],
        ["king", "the"],
    ]


def test_it_is_that_of_bertopic():
    bertopic = pytest.importorskip("bertopic.vectorizers", reason="bertopic is not installed")
    counts = sp.csr_matrix(COUNTS[:3])
    merged = sp.csr_matrix([np.asarray(counts.toarray())[[0, 1]].sum(0), np.asarray(counts.toarray())[2]])
    theirs = bertopic.ClassTfidfTransformer().fit_transform(merged).toarray()
    np.testing.assert_allclose(class_tf_idf(counts, np.array([0, 0, 1])), theirs, rtol=1e-6)
