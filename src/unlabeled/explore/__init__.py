"""Explore: maps, contact sheets, curves, clusters, segments, outliers and near-duplicates."""

from unlabeled.explore.anomalies import anomalies, nearest_normal
from unlabeled.explore.clusters import cluster_labels, clusters
from unlabeled.explore.duplicates import near_duplicates
from unlabeled.explore.feature_segments import feature_segments
from unlabeled.explore.figures.cluster_picture import cluster_picture
from unlabeled.explore.figures.contact_sheet import contact_sheet
from unlabeled.explore.figures.curves import history_picture
from unlabeled.explore.figures.scatter import scatter_picture
from unlabeled.explore.layers_picture import layers_picture
from unlabeled.explore.maps.fitted_map import FittedMap
from unlabeled.explore.maps.map import tsne_map
from unlabeled.explore.maps.umap_map import umap_map
from unlabeled.explore.outliers import outliers
from unlabeled.explore.principal_plane import principal_plane
from unlabeled.explore.segments import segments, segments_picture

__all__ = [
    "FittedMap",
    "anomalies",
    "cluster_labels",
    "cluster_picture",
    "clusters",
    "contact_sheet",
    "feature_segments",
    "history_picture",
    "layers_picture",
    "near_duplicates",
    "nearest_normal",
    "outliers",
    "principal_plane",
    "scatter_picture",
    "segments",
    "segments_picture",
    "tsne_map",
    "umap_map",
]
