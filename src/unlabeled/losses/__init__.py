"""Losses: pure functions on embeddings, one family a file."""

from __future__ import annotations

from unlabeled.losses.contrastive import nt_xent
from unlabeled.losses.health import alignment, collapse_kind, effective_rank, spread, uniformity
from unlabeled.losses.noncontrastive import byol
from unlabeled.losses.tiles import log_sum_exp, log_sum_exp_of_others

__all__ = [
    "alignment",
    "byol",
    "collapse_kind",
    "effective_rank",
    "log_sum_exp",
    "log_sum_exp_of_others",
    "nt_xent",
    "spread",
    "uniformity",
]
