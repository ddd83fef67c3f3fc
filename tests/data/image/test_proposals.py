import numpy as np
import pytest

from unlabeled.data.image.proposals import checked_proposals, read_proposals
from unlabeled.errors import UnlabeledError


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("left,top,right,bottom,id\n0,0,4,4\n", "line 2: the picture has no name"),
        ("id,left,top,right,bottom\n,0,0,4,4\n", "line 2: the picture has no name"),
        ("id,left,top,right,bottom\na,0,0,4\n", "line 2: a box is four numbers"),
        ("id,left,top,right\na,0,0,4\n", "no column 'bottom'"),
    ],
)
def test_a_row_that_is_no_box_of_a_picture_is_named(text, says, tmp_path):
    (tmp_path / "boxes.csv").write_text(text)
    with pytest.raises(UnlabeledError, match=says):
        read_proposals(tmp_path / "boxes.csv")


@pytest.mark.parametrize(
    ("boxes", "says"),
    [
        (np.zeros((4, 5)), r"the proposals of b.png have the shape \(4, 5\), not \(boxes, 4\)"),  # with scores
        (np.zeros((2, 3)), r"shape \(2, 3\)"),
        (np.zeros((0, 5)), r"shape \(0, 5\)"),
        ([0, 0, 4, 4], r"shape \(4,\)"),
        ([[[0, 0, 4, 4]]], r"shape \(1, 1, 4\)"),
        ([[0, 0, 4, 4], [0, 0, 4]], "the proposals of b.png are not boxes of four numbers each"),
        ([["a", 0, 4, 4]], "not boxes of four numbers"),
    ],
)
def test_what_is_no_array_of_boxes_is_named(boxes, says):
    with pytest.raises(UnlabeledError, match=says):
        checked_proposals([[], boxes], ["a.png", "b.png"], [(8, 8), (8, 8)])


def test_an_empty_list_is_no_boxes():
    found = checked_proposals([[], (), np.zeros((0, 4)), [[0, 0, 4, 4]]], list("abcd"), [(8, 8)] * 4)
    assert [boxes.shape for boxes in found] == [(0, 4), (0, 4), (0, 4), (1, 4)]
