"""Numbers written as text: what they are, and what is no number."""

from __future__ import annotations

import numpy as np
import pytest

from unlabeled.data.tabular.number_text import read_number_text, read_numbers_as


@pytest.mark.parametrize(
    ("text", "numbers", "unit"),
    [
        (["1,234", "5,678"], [1234, 5678], ""),
        (["1,5", "2,25"], [1.5, 2.25], ""),
        (["1.234,5", "7"], [1234.5, 7], ""),
        (["1,234.5", "2"], [1234.5, 2], ""),
        (["1 234,50 €", "99 €"], [1234.5, 99], "€"),
        (["1'000", "2"], [1000, 2], ""),
        (["12%", "-3 %"], [12, -3], "%"),
        (["5 kg", "7kg", "9"], [5, 7, 9], "kg"),
        (["1 year", "3 years"], [1, 3], "year"),
        (["(1,200)", "3"], [-1200, 3], ""),
        (["-$3.50", "$-2", "+$1"], [-3.5, -2, 1], "$"),
        (["USD 3", "USD 4.5"], [3, 4.5], "USD"),
        (["20°C", "−3 °C"], [20, -3], "°C"),
        (["1e-3", "2E5"], [0.001, 200000], ""),
        ([" .5", "1 "], [0.5, 1], ""),
    ],
)
def test_numbers_are_read_however_they_are_written(text, numbers, unit):
    found = read_number_text(text)
    assert found.values.tolist() == numbers
    assert found.style["unit"] == unit
    assert found.strays == {}
    assert read_numbers_as(text, found.style).tolist() == numbers


@pytest.mark.parametrize(
    "text",
    [
        ["12%", "3"],  # a share or a number?
        ["5 kg", "3 lb"],
        ["3 m", "2 m²"],
        ["1,5", "1,234.5"],  # two decimal signs
        ["1a", "2b"],
        ["4x4", "6x6"],
        ["1.2.3", "1.2.4"],
        ["2020-01-01", "2020-01-02"],
        ["12:30", "13:00"],
        ["1-2", "3-4"],
        ["free", "pro"],
        ["?", "n/a", ""],
        ["1", "2", "A", "B"] * 5,  # codes: one in two is no number
        [str(i) for i in range(100)] + ["a", "b", "c", "d"],  # more kinds of text than go by as missing
        [],
    ],
)
def test_what_is_no_column_of_numbers_stays_text(text):
    assert read_number_text(text) is None


def test_marks_and_stray_texts_are_missing_and_counted():
    text = ["3", "?", "n/a", "", None, float("nan"), "refused", *map(str, range(20)), "?"]
    found = read_number_text(text)
    assert np.flatnonzero(np.isnan(found.values)).tolist() == [1, 2, 3, 4, 5, 6, 27]
    assert found.strays == {"?": 2, "n/a": 1, "refused": 1}


def test_another_unit_in_a_later_column_is_no_number():
    assert np.isnan(read_numbers_as(["3 lb", "4 kg", 5, None], {"unit": "kg", "decimal": "."})).tolist() == [
        True,
        False,
        False,
        True,
    ]


def test_nothing_before_a_comma_is_no_thousand():
    assert read_number_text(["0,125", "0,250"]).values.tolist() == [0.125, 0.25]
    assert read_number_text(["1,125", "0,250"]).values.tolist() == [1.125, 0.25]
    assert read_number_text(["1,125", "2,250"]).values.tolist() == [1125, 2250]
