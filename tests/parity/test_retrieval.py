"""Retrieval measures, held against those of torchmetrics and scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score

from unlabeled.evaluation import retrieval

torchmetrics = pytest.importorskip("torchmetrics.retrieval")


def test_the_same_figures_as_torchmetrics_and_scikit_learn():
    rng = np.random.default_rng(0)
    gallery, known = rng.normal(size=(200, 5)), rng.integers(0, 4, 200)
    queries, asked = rng.normal(size=(30, 5)), rng.integers(0, 4, 30)
    found = retrieval(queries, asked, (1, 10), "euclidean", gallery=gallery, gallery_labels=known)

    scores = np.exp(-np.linalg.norm(queries[:, None] - gallery[None], axis=2))  # torchmetrics wants them above 0
    relevant = asked[:, None] == known[None]
    average = np.mean([average_precision_score(r, s) for r, s in zip(relevant, scores, strict=True)])
    assert found.map == pytest.approx(average, abs=1e-12)

    given = (torch.from_numpy(scores.ravel()), torch.from_numpy(relevant.ravel()))
    numbers = torch.arange(30).repeat_interleave(200)
    expected = {
        "map": (torchmetrics.RetrievalMAP(), found.map),
        "mrr": (torchmetrics.RetrievalMRR(), found.mrr),
        "precision": (torchmetrics.RetrievalPrecision(top_k=10), found.precision[10]),
        "recall": (torchmetrics.RetrievalRecall(top_k=10), found.found[10]),
        "hit rate": (torchmetrics.RetrievalHitRate(top_k=1), found.recall[1]),
    }
    for name, (measure, ours) in expected.items():
        assert float(measure(*given, indexes=numbers)) == pytest.approx(ours, abs=1e-6), name  # theirs is float32
