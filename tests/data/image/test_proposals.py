import pytest

from unlabeled.data.image.proposals import read_proposals
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
