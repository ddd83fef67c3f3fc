"""Runs: the folder that `learn` fills, and what can be done with it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "Embeddings": "embeddings",
    "Run": "run",
    "draw_map": "pictures",
    "draw_results": "pictures",
    "evaluate_run": "evaluate",
    "evaluation_note": "report",
    "evaluation_table": "report",
    "judge": "judge",
    "learn": "learn",
    "read_embeddings": "embeddings",
    "write_embeddings": "embeddings",
}
__all__ = list(_HOMES)  # noqa: PLE0604  # the names above


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"unlabeled.runs.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'unlabeled.runs' has no attribute {name!r}")
