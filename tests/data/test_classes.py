from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unlabeled.data.classes import class_name, class_order, encode, encode_values, label_codes
from unlabeled.errors import UnlabeledError
from unlabeled.evaluation.inputs import class_labels


def test_numbers_sort_by_value_and_come_before_words() -> None:
    assert class_order(["10", "b", "9", "a", "1.5", "-2", "9"]) == ["-2", "1.5", "9", "10", "a", "b"]


def test_words_that_python_reads_as_floats_are_words() -> None:
    assert class_order(["nan", "inf", "1", "a"]) == ["1", "a", "inf", "nan"]


@given(st.lists(st.one_of(st.none(), st.text(max_size=3))))
def test_encode_is_undone_by_its_classes(names: list[str | None]) -> None:
    labels, classes = encode(names)
    assert labels.dtype == np.int64
    assert [None if code == -1 else classes[code] for code in labels] == names
    assert len(set(classes)) == len(classes)


@pytest.mark.parametrize("empty", ["", "  ", None, -1, "-1", -1.0, float("nan"), np.float32("nan")])
def test_unlabelled_cells(empty: object) -> None:
    assert class_name(empty) is None


def test_numbers_are_named_without_a_needless_fraction() -> None:
    assert [class_name(v) for v in (3, 3.0, 2.5, np.float64(4), "007", True)] == ["3", "3", "2.5", "4", "007", "True"]


@pytest.mark.parametrize("make", [list, np.array, torch.tensor])
def test_values_of_any_container(make: type) -> None:
    labels, classes = encode_values(make([30, -1, 4, 30]))
    assert labels.tolist() == [1, -1, 0, 1]
    assert classes == ["4", "30"]


def missing_in_many_ways() -> dict[str, Any]:
    """Three classes with two labels missing, as data come."""
    names = ["cat", None, "dog", "cat", None, "owl"]
    return {
        "objects": np.array(names, dtype=object),
        "string": pd.Series(names, dtype="string"),
        "category": pd.Series(names, dtype="category"),
        "categorical": pd.Categorical(names),
        "arrow": pa.array(names),
        "masked": np.ma.masked_array(["cat", "ant", "dog", "cat", "ant", "owl"], [0, 1, 0, 0, 1, 0]),
        "bytes": np.array([(name or "").encode() for name in names]),
    }


@pytest.mark.parametrize("kind", missing_in_many_ways())
def test_what_is_missing_is_no_class_however_it_is_written(kind: str) -> None:
    values = missing_in_many_ways()[kind]
    labels, classes = label_codes(values, 6)
    assert labels.tolist() == [0, -1, 1, 0, -1, 2]
    assert [getattr(name, "decode", lambda name=name: name)() for name in classes.tolist()] == ["cat", "dog", "owl"]
    assert class_labels((values, 6, "labels")).names == ("cat", "dog", "owl")


@pytest.mark.parametrize(
    "values", [pd.Series([1, None, 0], dtype="Int64"), pd.Series([True, None, False], dtype="boolean")]
)
def test_numbers_and_booleans_with_missing_ones(values: Any) -> None:
    assert label_codes(values, 3)[0].tolist() == [1, -1, 0]
    assert class_labels((values, 3, "labels")).parts[0].tolist() == [1, -1, 0]


def test_nan_beside_names_is_no_name():
    labels, classes = label_codes(["cat", float("nan"), "ant"], 3)
    assert (labels.tolist(), classes.tolist()) == ([1, -1, 0], ["ant", "cat"])


@pytest.mark.parametrize(
    "values",
    [[0, float("nan"), 2], np.array([0.0, -1.0, 2.0]), pd.array([0, None, 2], dtype="Int64"), [0.0, None, 2.0]],
)
def test_whole_numbers_beside_a_gap_stay_whole(values):
    codes, classes = label_codes(values, 3)
    assert codes.tolist() == [0, -1, 1]
    assert classes.dtype == np.int64
    assert classes.tolist() == [0, 2]


def test_numbers_beyond_those_that_floats_count_stay_as_they_are():
    assert label_codes(np.array([1e300, 2.0]), 2)[1].tolist() == [2.0, 1e300]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([0.5, 1.0], "0.5 is a quantity and no class"),
        ([float("inf"), 1.0], "a label is infinite"),
        ([0.5, None], "0.5 is a quantity and no class"),
    ],
)
def test_what_is_no_class_is_refused(values, says):
    with pytest.raises(UnlabeledError, match=says):
        label_codes(values, 2)
