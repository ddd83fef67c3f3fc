"""Runs: the folder that `learn` fills, and what can be done with it and with other data: clusters, topics, outliers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unlabeled.lazy import lazy_exports

if TYPE_CHECKING:
    from unlabeled.runs.added import Addition, add_to_index
    from unlabeled.runs.compare import compare
    from unlabeled.runs.embeddings import Embeddings, labelled, read_embeddings, write_embeddings
    from unlabeled.runs.evaluate import evaluate_run
    from unlabeled.runs.grouping.assign import assign
    from unlabeled.runs.grouping.cluster import cluster
    from unlabeled.runs.grouping.feature_matrix import Rows, open_rows
    from unlabeled.runs.grouping.find_outliers import find_outliers
    from unlabeled.runs.grouping.oddities import oddities
    from unlabeled.runs.grouping.topics import topics
    from unlabeled.runs.judge import judge
    from unlabeled.runs.learn import learn
    from unlabeled.runs.run import Run
    from unlabeled.runs.showing.pictures import draw_map, draw_results
    from unlabeled.runs.showing.run_figures import duplicates_note, evaluation_tables
    from unlabeled.runs.showing.track import track
    from unlabeled.runs.showing.zeroshot import zeroshot

__all__ = [
    "Addition",
    "Embeddings",
    "Rows",
    "Run",
    "add_to_index",
    "assign",
    "cluster",
    "compare",
    "draw_map",
    "draw_results",
    "duplicates_note",
    "evaluate_run",
    "evaluation_tables",
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

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "Addition": "added",
        "Embeddings": "embeddings",
        "Rows": "grouping.feature_matrix",
        "Run": "run",
        "add_to_index": "added",
        "assign": "grouping.assign",
        "cluster": "grouping.cluster",
        "compare": "compare",
        "draw_map": "showing.pictures",
        "draw_results": "showing.pictures",
        "duplicates_note": "showing.run_figures",
        "evaluate_run": "evaluate",
        "evaluation_tables": "showing.run_figures",
        "find_outliers": "grouping.find_outliers",
        "judge": "judge",
        "labelled": "embeddings",
        "learn": "learn",
        "oddities": "grouping.oddities",
        "open_rows": "grouping.feature_matrix",
        "read_embeddings": "embeddings",
        "topics": "grouping.topics",
        "track": "showing.track",
        "write_embeddings": "embeddings",
        "zeroshot": "showing.zeroshot",
    },
)
