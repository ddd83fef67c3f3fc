from __future__ import annotations

from unlabeled.data.tabular.columns import ID_COLUMNS, LABEL_COLUMNS, find_column


def test_case_and_spaces_do_not_count() -> None:
    assert find_column(["x", " Filename ", "y"], ID_COLUMNS) == 1
    assert find_column(["x", "TARGET"], LABEL_COLUMNS) == 1


def test_the_first_of_the_wanted_names_wins() -> None:
    assert find_column(["image", "id", "path"], ID_COLUMNS) == 2
    assert find_column(["target", "label"], LABEL_COLUMNS) == 1


def test_none() -> None:
    assert find_column(["x", "labels of"], LABEL_COLUMNS) is None
