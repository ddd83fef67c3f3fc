from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from unlabeled.errors import UnlabeledError
from unlabeled.explore import layers_picture


def probe(*weights, expected=1.0):
    centre = float(np.dot(weights, range(len(weights))))
    return SimpleNamespace(weights=list(weights), centre=centre, expected_layer=expected)


def test_there_is_a_row_a_task_and_another_probe_is_another_picture(tmp_path):
    one = layers_picture({"pos": probe(0.2, 0.5, 0.3)}, tmp_path / "one.png")
    two = layers_picture({"pos": probe(0.2, 0.5, 0.3), "chunks": probe(0.1, 0.2, 0.7)}, tmp_path / "two.png")
    moved = layers_picture({"pos": probe(0.2, 0.5, 0.3, expected=1.8)}, tmp_path / "moved.png")
    with Image.open(one) as a, Image.open(two) as b, Image.open(moved) as c:
        assert b.height > a.height
        assert a.size == c.size
        assert (np.asarray(a) != np.asarray(c)).any()


def test_what_cannot_be_drawn_is_refused(tmp_path):
    with pytest.raises(UnlabeledError, match="no task"):
        layers_picture({}, tmp_path / "x.png")
    with pytest.raises(UnlabeledError, match="different depth"):
        layers_picture({"a": probe(0.5, 0.5), "b": probe(0.2, 0.3, 0.5)}, tmp_path / "x.png")
