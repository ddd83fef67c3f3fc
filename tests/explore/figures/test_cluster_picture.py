import numpy as np
import pytest
from PIL import Image

from unlabeled.errors import UnlabeledError
from unlabeled.explore import cluster_picture
from unlabeled.explore.figures.palette import PALETTE


def test_texts_stand_beside_sizes(tmp_path):
    texts = ["frogs $and$ toads", "_kings_", "a very long text " * 40]
    path = cluster_picture([30, 12, 3], tmp_path / "clusters.png", texts=texts, title="3 clusters")
    with Image.open(path) as picture:
        colours = {colour for _, colour in picture.convert("RGB").getcolors(1 << 20)}
    for name in PALETTE[:3]:
        assert tuple(bytes.fromhex(name[1:])) in colours


def test_pictures_are_drawn_as_they_are(tmp_path):
    red, green = (np.full((8, 8, 3), colour, np.uint8) for colour in ((200, 10, 10), (10, 200, 10)))
    path = cluster_picture([5, 2], tmp_path / "clusters.png", pictures=[np.stack([red] * 4), np.stack([green] * 2)])
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    reds, greens = (np.abs(pixels - colour).max(axis=2) < 3 for colour in ((200, 10, 10), (10, 200, 10)))
    assert reds.sum() == pytest.approx(2 * greens.sum(), rel=0.05)  # four pictures against two
    assert np.flatnonzero(reds.any(axis=1)).max() < np.flatnonzero(greens.any(axis=1)).min()  # a row each


def test_the_same_picture_has_the_same_bytes_and_many_clusters_are_cut(tmp_path):
    sizes = list(range(60, 0, -1))
    first, again = (cluster_picture(sizes, tmp_path / name, texts=["x"] * 60) for name in ("a.png", "b.png"))
    assert first.read_bytes() == again.read_bytes()
    with Image.open(first) as picture:
        assert picture.height < 41 * 0.7 * 150 * 1.1


@pytest.mark.parametrize("options", [{}, {"texts": ["one"]}, {"pictures": []}])
def test_one_entry_for_each_cluster(options, tmp_path):
    with pytest.raises(UnlabeledError, match="2 clusters; give pictures or texts"):
        cluster_picture([2, 1], tmp_path / "x.png", **options)
    assert not any(tmp_path.iterdir())
