"""Texts with labels out of tables."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unlabeled.data.text.labelled_texts import LabelledTexts
from unlabeled.errors import UnlabeledError


def test_numbers_and_names_are_classes_and_what_is_missing_is_none(tmp_path):
    pq.write_table(
        pa.table({"id": ["a", "b", "c"], "label": [3, None, 10], "text": ["x", None, "z"], "stars": [1, 2, 3]}),
        tmp_path / "t.parquet",
    )
    found = LabelledTexts.read(tmp_path / "t.parquet")
    assert (found.texts, found.labels, found.classes) == (["x", "", "z"], ["3", None, "10"], ["3", "10"])
    assert found.codes(["10", "3"]).tolist() == [1, -1, 0]
    assert found.part(np.array([2])) == LabelledTexts(["z"], ["10"])


def test_the_column_of_labels_is_never_the_text(tmp_path):
    (tmp_path / "t.csv").write_text('message,class\n"good, I think\nyes",up\nbad,down\n')
    found = LabelledTexts.read(tmp_path / "t.csv")
    assert (found.texts, found.labels) == (["good, I think\nyes", "bad"], ["up", "down"])


@pytest.mark.parametrize(
    ("content", "column", "says"),
    [
        ("text,stars\na,1\n", None, "no column of labels: one called label, class, category or target"),
        ("one,two,label\na,b,1\n", None, "not clear which column"),
        ("one,two,label\na,b,1\n", "three", "no column 'three'"),
        ("text,label\n", None, "has no rows"),
    ],
)
def test_what_is_missing_is_said(content, column, says, tmp_path):
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(UnlabeledError, match=says):
        LabelledTexts.read(tmp_path / "t.csv", column)
