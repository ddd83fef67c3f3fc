"""The tables of an evaluation show every figure there is, once."""

import numpy as np
import pytest

from unlabeled.evaluation import evaluate
from unlabeled.evaluation.protocol import PROBES
from unlabeled.runs.showing.run_figures import evaluation_tables

LABELS = np.arange(60) % 3


def judged(probes, settings=None):
    rng = np.random.default_rng(0)
    vectors = 2 * np.eye(3)[LABELS] + rng.normal(size=(60, 3))
    baselines = {"raw input": rng.normal(size=(60, 5))}
    found = evaluate(vectors, LABELS, baselines=baselines, seeds=2, probes=probes, settings=settings)
    return found, {"evaluation": found.to_dict() | {"settings": settings or {}}}


@pytest.mark.parametrize("probes", [["knn", "linear"], ["clustering", "knn"], list(PROBES)], ids=" ".join)
def test_every_figure_of_every_representation_is_shown_once(probes):
    found, metrics = judged(probes)
    tables = evaluation_tables(metrics)
    expected: dict[str, list[str]] = {"learnt": [], "raw input": []}
    for score in found.scores:
        if score.metric.removeprefix("gallery ") in ("NMI", "ARI", "MRR"):
            cell = f"{score.mean:.3f}"
        else:
            cell = f"{100 * score.mean:.1f} %"
        if score.interval is not None:
            cell += f" ({100 * score.interval[0]:.0f}–{100 * score.interval[1]:.0f})"
        expected[score.representation].append(cell)
    for name, cells in expected.items():
        shown = [cell for table in tables for row in table.rows if row[0] == name for cell in row[1:]]
        assert sorted(shown) == sorted(cells)
    assert all(table.rows[0][0] == "learnt" for table in tables)
    assert all(len(row) == len(table.columns) for table in tables for row in table.rows)


def test_each_kind_of_probe_has_its_table():
    tables = evaluation_tables(judged(list(PROBES))[1])
    hits = ["recall@1", "recall@5", "precision@5", "MAP@R", "MAP", "MRR"]
    assert [table.columns[1:] for table in tables] == [
        ["knn accuracy", "balanced", "linear accuracy", "balanced"],
        hits,
        hits,
        ["NMI", "ARI", "matched accuracy"],
    ]
    # What is always the commonest class has an accuracy, but no vectors to search by or to cluster.
    assert [table.rows[-1][0] for table in tables] == ["commonest class", *["raw input"] * 3]
    assert tables[0].note == (
        "accuracy (95 % interval) on 12 held-out instances of 3 classes, 48 labelled to learn from, mean of 2 splits; "
        "balanced: each class counts the same"
    )


def test_settings_that_were_asked_for_are_told():
    settings = {"knn": {"k": 5, "metric": "euclidean"}, "retrieval": {"ks": [1, 7], "metric": "euclidean"}}
    accuracies, searches = evaluation_tables(judged(["knn", "retrieval"], settings)[1])
    assert accuracies.note.endswith("; knn with k = 5, metric = euclidean")
    assert searches.columns[1:4] == ["recall@1", "recall@7", "precision@7"]
    assert searches.note.endswith("; retrieval with metric = euclidean")


def test_without_labels_there_is_no_table():
    assert evaluation_tables({"rows": 5}) == []
