import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from unlabeled.errors import UnlabeledError
from unlabeled.explore import scatter_picture
from unlabeled.explore.figures.palette import PALETTE, UNLABELLED
from unlabeled.explore.figures.scatter import _short


def read(path):
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"), float)


def drawn(path, name, tolerance=12):
    """Count the pixels of about one colour."""
    wanted = np.array(to_rgb(name)) * 255
    return int((np.abs(read(path) - wanted).max(-1) < tolerance).sum())


@pytest.fixture
def points():
    return np.random.default_rng(0).normal(size=(300, 2))


def test_each_class_is_drawn_in_its_colour(points, tmp_path):
    labels = np.arange(300) % 4 - 1
    path = scatter_picture(points, labels, ["cat", "dog", "bird"], path=tmp_path / "map.png", title="Pets")
    assert path == tmp_path / "map.png"
    for name in (*PALETTE[:3], UNLABELLED):
        assert drawn(path, name, tolerance=30) > 200
    assert drawn(path, PALETTE[3]) == 0


def test_points_without_labels_have_one_colour_and_no_legend(points, tmp_path):
    path = scatter_picture(points, path=tmp_path / "map.png")
    assert drawn(path, PALETTE[0], tolerance=30) > 200
    assert drawn(path, UNLABELLED) == 0


def test_the_same_picture_twice_is_the_same_file(points, tmp_path):
    for name in ("a", "b"):
        scatter_picture(points, np.arange(300) % 3, path=tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    "names", [["a$b", r"$\nope$"], ["_hidden", ""], ["猫", "\U0001f9a9"], ["two\nlines", "x" * 500]]
)
def test_names_of_any_kind(points, tmp_path, names):
    path = scatter_picture(points, np.arange(300) % 2, names, path=tmp_path / "map.png", title="costs $5 and 猫")
    assert read(path).shape[1] < 1600  # a long name is cut, not given the room


@pytest.mark.parametrize("classes", [31, 200])
def test_more_classes_than_colours(points, tmp_path, classes):
    assert scatter_picture(points, np.arange(300) % classes, path=tmp_path / "map.png").exists()


@pytest.mark.parametrize("points", [[[1.0, 2.0]], [[0.0, 0.0]] * 5, [[0.0, 1.0], [0.0, 2.0]], [[0.0, 1e9], [1.0, 2.0]]])
def test_degenerate_points(points, tmp_path):
    assert scatter_picture(points, [0] * len(points), path=tmp_path / "map.png").exists()


def test_classes_nobody_has_and_no_labels_at_all(points, tmp_path):
    assert scatter_picture(points, [2] * 300, ["a", "b", "c", "d"], path=tmp_path / "map.png").exists()
    assert scatter_picture(points, [-1] * 300, ["a"], path=tmp_path / "map.png").exists()


@pytest.mark.parametrize(
    ("points", "labels", "classes", "message"),
    [
        ([1.0, 2.0], None, None, r"finite pairs.*\(2,\)"),
        (np.empty((0, 2)), None, None, "non-empty"),
        ([[0.0, np.inf]], None, None, "finite"),
        ([[0.0, 0.0]], [0, 1], None, "2 labels for 1 points"),
        ([[0.0, 0.0]], [2], ["a", "b"], "label 2 has no name: there are 2 classes"),
    ],
)
def test_bad_input_writes_nothing(points, labels, classes, message, tmp_path):
    with pytest.raises(UnlabeledError, match=message):
        scatter_picture(points, labels, classes, path=tmp_path / "map.png")
    assert list(tmp_path.iterdir()) == []


def test_long_names_are_cut():
    assert _short("a  b\tc") == "a b c"
    assert _short("x" * 24) == "x" * 24
    assert _short("x" * 25) == "x" * 23 + "…"
