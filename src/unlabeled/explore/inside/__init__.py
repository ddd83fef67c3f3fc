"""Inside a network: its filters, feature maps and attention, what excites it, and where it looks."""

from unlabeled.explore.inside.activation_maximisation import activation_maximisation
from unlabeled.explore.inside.attributions import class_score, grad_cam, integrated_gradients, saliency, similarity_to
from unlabeled.explore.inside.excitation import exciting_patches, most_exciting
from unlabeled.explore.inside.layer_outputs import (
    convolutions,
    convolutions_of_whole,
    feature_maps,
    first_filters,
    last_maps,
)
from unlabeled.explore.inside.patch_attention import has_patch_attention, patch_attention
from unlabeled.explore.inside.token_attention import token_attention
from unlabeled.explore.inside.word_contributions import TextInWords, omission_effects, pair_contributions

__all__ = [
    "TextInWords",
    "activation_maximisation",
    "class_score",
    "convolutions",
    "convolutions_of_whole",
    "exciting_patches",
    "feature_maps",
    "first_filters",
    "grad_cam",
    "has_patch_attention",
    "integrated_gradients",
    "last_maps",
    "most_exciting",
    "omission_effects",
    "pair_contributions",
    "patch_attention",
    "saliency",
    "similarity_to",
    "token_attention",
]
