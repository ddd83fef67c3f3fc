import math

import numpy as np
import pytest
from PIL import Image

from unlabeled.errors import UnlabeledError
from unlabeled.explore import history_picture
from unlabeled.explore.figures.curves import PANELS, _curve

HISTORY = [{"step": 10 * i, "loss": 5.0 - i, "effective_rank": 1.0 + i, "uniformity": -i} for i in range(1, 4)]


def read(path):
    with Image.open(path) as picture:
        return np.asarray(picture.convert("L"))


def test_a_curve_holds_the_steps_at_which_a_figure_was_measured():
    history = [{"step": 1, "loss": 3.0}, {"step": 2}, {"step": 3, "loss": math.nan}, {"step": 4, "loss": 1.0}]
    assert _curve(history, "loss") == [(1, 3.0), (4, 1.0)]
    assert _curve(history, "alignment") == []


def test_one_panel_for_each_figure(tmp_path):
    sizes = {}
    for count in range(1, 5):
        names = ["step", *list(PANELS)[:count]]
        path = history_picture([dict.fromkeys(names, 1.0), dict.fromkeys(names, 2.0)], tmp_path / "h.png")
        sizes[count] = read(path).shape[1::-1]
    one, two, three, four = (sizes[count] for count in range(1, 5))
    assert (two, three) == ((2 * one[0], one[1]), (3 * one[0], one[1]))
    assert four == (2 * one[0], 2 * one[1])


def test_figures_that_are_not_known_are_left_out(tmp_path):
    with_epoch = [{**look, "epoch": 0.5, "learning_rate": 0.1} for look in HISTORY]
    a = history_picture(HISTORY, tmp_path / "a.png").read_bytes()
    assert history_picture(with_epoch, tmp_path / "b.png").read_bytes() == a


@pytest.mark.parametrize("history", [HISTORY[:1], [{"step": 1, "loss": 1e30}, {"step": 2, "loss": 0.0}], HISTORY * 30])
def test_short_steep_and_long_histories(history, tmp_path):
    assert (read(history_picture(history, tmp_path / "h.png")) < 128).any()


@pytest.mark.parametrize("history", [[], [{"step": 1}], [{"step": 1, "loss": math.inf}]])
def test_nothing_to_draw(history, tmp_path):
    with pytest.raises(UnlabeledError, match="holds none of loss, effective_rank"):
        history_picture(history, tmp_path / "h.png")
    assert list(tmp_path.iterdir()) == []
