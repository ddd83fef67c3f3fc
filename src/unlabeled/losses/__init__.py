"""Losses: pure functions on embeddings, one family a file."""

from __future__ import annotations

from unlabeled.losses import miners
from unlabeled.losses.circle import circle
from unlabeled.losses.class_vectors import arc_face, cosface, proxy_anchor, proxy_nca
from unlabeled.losses.decorrelation import barlow_twins, vicreg
from unlabeled.losses.distances import distance_matrix, distances
from unlabeled.losses.grad_cache import embed_in_chunks
from unlabeled.losses.health import alignment, collapse_kind, effective_rank, spread, uniformity
from unlabeled.losses.info_nce import info_nce, n_pair
from unlabeled.losses.kl_gaussian import kl_gaussian
from unlabeled.losses.koleo import koleo
from unlabeled.losses.lifted_structured import lifted_structured
from unlabeled.losses.memory_bank import MemoryBank, Queue
from unlabeled.losses.multi_similarity import multi_similarity
from unlabeled.losses.mutual_information import mutual_information_bound
from unlabeled.losses.nce import nce
from unlabeled.losses.noncontrastive import Centre, byol, dino, dino_multi_crop, sim_siam
from unlabeled.losses.nt_xent import dcl, nt_xent, sup_con
from unlabeled.losses.pairs import batch_contrastive, contrastive
from unlabeled.losses.pairwise_reduction import log_sum_exp, log_sum_exp_of_others, score_memory
from unlabeled.losses.predictions import consistency, distillation, entropy, sharpen
from unlabeled.losses.sampled_softmax import sampled_softmax
from unlabeled.losses.sinkhorn import sinkhorn
from unlabeled.losses.soft_nearest_neighbours import soft_nearest_neighbours
from unlabeled.losses.symmetric_cross_entropy import clip, siglip
from unlabeled.losses.triplets import batch_triplet, smooth_triplet, triplet

__all__ = [
    "Centre",
    "MemoryBank",
    "Queue",
    "alignment",
    "arc_face",
    "barlow_twins",
    "batch_contrastive",
    "batch_triplet",
    "byol",
    "circle",
    "clip",
    "collapse_kind",
    "consistency",
    "contrastive",
    "cosface",
    "dcl",
    "dino",
    "dino_multi_crop",
    "distance_matrix",
    "distances",
    "distillation",
    "effective_rank",
    "embed_in_chunks",
    "entropy",
    "info_nce",
    "kl_gaussian",
    "koleo",
    "lifted_structured",
    "log_sum_exp",
    "log_sum_exp_of_others",
    "miners",
    "multi_similarity",
    "mutual_information_bound",
    "n_pair",
    "nce",
    "nt_xent",
    "proxy_anchor",
    "proxy_nca",
    "sampled_softmax",
    "score_memory",
    "sharpen",
    "siglip",
    "sim_siam",
    "sinkhorn",
    "smooth_triplet",
    "soft_nearest_neighbours",
    "spread",
    "sup_con",
    "triplet",
    "uniformity",
    "vicreg",
]
