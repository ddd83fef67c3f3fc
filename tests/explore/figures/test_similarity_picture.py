import numpy as np
from PIL import Image

from unlabeled.explore.figures.similarity_picture import similarity_picture


def test_captions_in_scripts_that_the_font_lacks_are_drawn_without_a_warning(tmp_path):
    pictures = np.zeros((2, 8, 8, 3), np.uint8)
    path = similarity_picture(np.eye(2, dtype=np.float32), pictures, ["赤い車", "🚗"], tmp_path / "s.png")
    with Image.open(path) as picture:
        assert picture.width > 100
