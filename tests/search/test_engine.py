import pyarrow as pa
import pytest

from unlabeled.search.engine import positions_where

ROWS = pa.table({"id": ["a", "b", "c", "d"], "position": [0, 1, 2, 3], "odd name": [5, 6, 7, None]})


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("position > 0", [1, 2, 3]),
        ("`odd name` < 7 AND id != 'a'", [1]),
        ("id IN ('d', 'a')", [0, 3]),
        ("`odd name` IS NULL", [3]),
        ("id LIKE 'z%'", []),
    ],
)
def test_conditions(where, expected):
    assert positions_where(ROWS, where).tolist() == expected


def test_each_call_has_a_table_of_its_own():
    assert positions_where(ROWS.slice(0, 1), "position >= 0").tolist() == [0]
    assert positions_where(ROWS, "position >= 0").tolist() == [0, 1, 2, 3]
