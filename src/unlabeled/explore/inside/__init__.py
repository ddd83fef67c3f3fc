"""Inside a network: its filters, feature maps and attention, what excites it, and where it looks."""

from unlabeled.explore.inside.activation_maximisation import activation_maximisation
from unlabeled.explore.inside.attributions import grad_cam, integrated_gradients, saliency, similarity_to
from unlabeled.explore.inside.excitation import exciting_patches, most_exciting
from unlabeled.explore.inside.layer_outputs import convolutions, feature_maps, first_filters, last_maps
from unlabeled.explore.inside.patch_attention import patch_attention

__all__ = [
    "activation_maximisation",
    "convolutions",
    "exciting_patches",
    "feature_maps",
    "first_filters",
    "grad_cam",
    "integrated_gradients",
    "last_maps",
    "most_exciting",
    "patch_attention",
    "saliency",
    "similarity_to",
]
