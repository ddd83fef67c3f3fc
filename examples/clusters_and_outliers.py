"""Group handwritten digits, find the oddest of them, and cut a photograph into parts: three pictures.

Everything works on the pixels themselves; nobody says which digit is which.

Run: python examples/clusters_and_outliers.py [folder]
"""

from __future__ import annotations

import sys
from pathlib import Path

from sklearn.datasets import load_digits, load_sample_image

from unlabeled.explore import segments, segments_picture
from unlabeled.runs import cluster, find_outliers


def main(folder: Path) -> None:
    """Write clusters.png, outliers.png and segments.png, and the tables of the first two."""
    images = load_digits().images / 16
    pixels = images.reshape(len(images), -1)
    found = cluster(pixels, folder / "clusters.parquet", k=10, scale="unit", images=images)
    print(f"{found['k']} clusters of {', '.join(str(group['size']) for group in found['clusters'])} digits")
    odd = find_outliers(pixels, folder / "outliers.parquet", top=18, images=images)
    print(f"{odd['n_outliers']} outliers, the first {odd['outliers'][0]['id']}")
    photo = load_sample_image("china.jpg")
    segments_picture(photo, segments(photo, k=6), folder / "segments.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path())
