"""Modalities: one object a kind of data, which every other room asks instead of asking what kind the data are."""

from unlabeled.modalities.modality import (
    Collection,
    Modality,
    Settings,
    check_modality,
    modalities,
    modality,
    modality_of,
)
from unlabeled.modalities.opening import open_instances, open_source
from unlabeled.modalities.preprocessing import Preprocessing

__all__ = [
    "Collection",
    "Modality",
    "Preprocessing",
    "Settings",
    "check_modality",
    "modalities",
    "modality",
    "modality_of",
    "open_instances",
    "open_source",
]
