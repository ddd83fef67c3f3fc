"""Losses: pure functions on embeddings, one family a file."""

from __future__ import annotations

from unlabeled.losses.blockwise.distances import distance_matrix, distances
from unlabeled.losses.blockwise.grad_cache import embed_in_chunks
from unlabeled.losses.blockwise.pairwise_reduction import log_sum_exp, log_sum_exp_of_others, score_memory
from unlabeled.losses.contrastive.info_nce import info_nce, n_pair
from unlabeled.losses.contrastive.mutual_information import mutual_information_bound
from unlabeled.losses.contrastive.nce import nce
from unlabeled.losses.contrastive.nt_xent import dcl, nt_xent, sup_con
from unlabeled.losses.contrastive.sampled_softmax import sampled_softmax
from unlabeled.losses.contrastive.soft_nearest_neighbours import soft_nearest_neighbours
from unlabeled.losses.contrastive.symmetric_cross_entropy import clip, siglip
from unlabeled.losses.health import alignment, collapse_kind, directions_in_use, effective_rank, spread, uniformity
from unlabeled.losses.kl_gaussian import kl_gaussian
from unlabeled.losses.memory_bank import MemoryBank, Queue
from unlabeled.losses.metric import miners
from unlabeled.losses.metric.circle import circle
from unlabeled.losses.metric.class_vectors import arc_face, cosface, proxy_anchor, proxy_nca
from unlabeled.losses.metric.lifted_structured import lifted_structured
from unlabeled.losses.metric.multi_similarity import multi_similarity
from unlabeled.losses.metric.pairs import batch_contrastive, contrastive
from unlabeled.losses.metric.triplets import batch_triplet, smooth_triplet, triplet
from unlabeled.losses.non_contrastive.decorrelation import barlow_twins, vicreg
from unlabeled.losses.non_contrastive.koleo import koleo
from unlabeled.losses.non_contrastive.negative_cosine import byol, sim_siam
from unlabeled.losses.non_contrastive.self_distillation import Centre, dino, dino_multi_crop
from unlabeled.losses.non_contrastive.sinkhorn import sinkhorn
from unlabeled.losses.predictions import consistency, distillation, entropy, sharpen

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
    "directions_in_use",
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
