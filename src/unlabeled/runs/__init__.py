"""Runs: the folder that `learn` fills, and what can be done with it and with other data: clusters, topics, outliers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unlabeled.lazy import when_used

if TYPE_CHECKING:
    from unlabeled.runs.assign import assign
    from unlabeled.runs.cluster import cluster
    from unlabeled.runs.compare import compare
    from unlabeled.runs.embeddings import Embeddings, labelled, read_embeddings, write_embeddings
    from unlabeled.runs.evaluate import evaluate_run
    from unlabeled.runs.feature_matrix import Rows, open_rows
    from unlabeled.runs.find_outliers import find_outliers
    from unlabeled.runs.judge import judge
    from unlabeled.runs.learn import learn
    from unlabeled.runs.oddities import oddities
    from unlabeled.runs.pictures import draw_map, draw_results
    from unlabeled.runs.report import duplicates_note, evaluation_note, evaluation_table
    from unlabeled.runs.run import Run
    from unlabeled.runs.topics import topics
    from unlabeled.runs.track import track
    from unlabeled.runs.zeroshot import zeroshot

__all__ = [
    "Embeddings",
    "Rows",
    "Run",
    "assign",
    "cluster",
    "compare",
    "draw_map",
    "draw_results",
    "duplicates_note",
    "evaluate_run",
    "evaluation_note",
    "evaluation_table",
    "find_outliers",
    "judge",
    "labelled",
    "learn",
    "oddities",
    "open_rows",
    "read_embeddings",
    "topics",
    "track",
    "write_embeddings",
    "zeroshot",
]

__getattr__, __dir__ = when_used(
    __name__,
    {
        "Embeddings": "embeddings",
        "Rows": "feature_matrix",
        "Run": "run",
        "assign": "assign",
        "cluster": "cluster",
        "compare": "compare",
        "draw_map": "pictures",
        "draw_results": "pictures",
        "duplicates_note": "report",
        "evaluate_run": "evaluate",
        "evaluation_note": "report",
        "evaluation_table": "report",
        "find_outliers": "find_outliers",
        "judge": "judge",
        "labelled": "embeddings",
        "learn": "learn",
        "oddities": "oddities",
        "open_rows": "feature_matrix",
        "read_embeddings": "embeddings",
        "topics": "topics",
        "track": "track",
        "write_embeddings": "embeddings",
        "zeroshot": "zeroshot",
    },
)
