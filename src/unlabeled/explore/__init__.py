"""Explore: maps, contact sheets, curves, clusters, outliers and near-duplicates."""

from unlabeled.explore.clusters import cluster_labels
from unlabeled.explore.contact_sheet import contact_sheet
from unlabeled.explore.curves import history_picture
from unlabeled.explore.duplicates import near_duplicates
from unlabeled.explore.map import tsne_map
from unlabeled.explore.outliers import outliers
from unlabeled.explore.scatter import scatter_picture

__all__ = [
    "cluster_labels",
    "contact_sheet",
    "history_picture",
    "near_duplicates",
    "outliers",
    "scatter_picture",
    "tsne_map",
]
