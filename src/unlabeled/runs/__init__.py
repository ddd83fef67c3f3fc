"""Runs: the folder that `learn` fills, and what can be done with it."""

from unlabeled.runs.embeddings import Embeddings, labelled, read_embeddings, write_embeddings
from unlabeled.runs.evaluate import evaluate_run
from unlabeled.runs.judge import judge
from unlabeled.runs.learn import learn
from unlabeled.runs.oddities import oddities
from unlabeled.runs.pictures import draw_map, draw_results
from unlabeled.runs.report import duplicates_note, evaluation_note, evaluation_table
from unlabeled.runs.run import Run

__all__ = [
    "Embeddings",
    "Run",
    "draw_map",
    "draw_results",
    "duplicates_note",
    "evaluate_run",
    "evaluation_note",
    "evaluation_table",
    "judge",
    "labelled",
    "learn",
    "oddities",
    "read_embeddings",
    "write_embeddings",
]
