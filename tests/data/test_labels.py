from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlabeled.data import LabelTable, read_labels
from unlabeled.data.labels import label_table, labels_of
from unlabeled.errors import UnlabeledError


def table(**rows: str | None) -> LabelTable:
    """A table whose keywords are ids, with `__` for a slash and `_` for a point."""
    ids = [name.replace("__", "/").replace("_", ".") for name in rows]
    return LabelTable("labels.csv", ids, list(rows.values()), list(range(2, len(rows) + 2)))


def written(tmp_path: Path, text: str, name: str = "labels.csv") -> Path:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path / name


# Reading


@pytest.mark.parametrize("identity", ["path", "ID", "File", "filename", "image"])
@pytest.mark.parametrize("label", ["label", "CLASS", "category", "Target"])
def test_column_names(tmp_path: Path, identity: str, label: str) -> None:
    labels = read_labels(written(tmp_path, f"other,{label},{identity}\n1,dog,a.png\n2,cat,b.png\n"))
    assert labels.ids == ["a.png", "b.png"]
    assert labels.names == ["dog", "cat"]
    assert labels.lines == [2, 3]
    assert len(labels) == 2


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("path,label\na,x\nb,y\n", "l.csv"),
        ("path;label\na;x\nb;y\n", "l.csv"),
        ("path\tlabel\na\tx\nb\ty\n", "l.tsv"),
        ("path\tlabel\tby, when, why\na\tx\t,\nb\ty\t,\n", "l.TSV"),
        ("\ufeffpath,label\r\na,x\r\nb,y\r\n", "l.CSV"),
        ('"path","label"\n"a","x"\n\n"b", y \n', "l.csv"),
    ],
    ids=["comma", "semicolon", "tab", "tab beside commas", "excel", "quotes and a blank line"],
)
def test_ways_of_writing_a_table(tmp_path: Path, text: str, name: str) -> None:
    labels = read_labels(written(tmp_path, text, name))
    assert (labels.ids, labels.names) == (["a", "b"], ["x", "y"])


def test_cells_are_text_and_lines_are_those_of_the_file(tmp_path: Path) -> None:
    labels = read_labels(written(tmp_path, 'path,label,note\n007,01,"two\nlines"\n\n1e3,2,\n'))
    assert (labels.ids, labels.names) == (["007", "1e3"], ["01", "2"])
    assert labels.lines[1] == 5


def test_empty_and_minus_one_cells_are_unlabelled(tmp_path: Path) -> None:
    assert read_labels(written(tmp_path, "id,label\na,\nb,-1\nc, \nd,0\n")).names == [None, None, None, "0"]


def test_a_file_without_header_is_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(UnlabeledError, match=r"no column for the instance .* first line is a\.png, cat.*path,label"):
        read_labels(written(tmp_path, "a.png,cat\nb.png,dog\n"))
    with pytest.raises(UnlabeledError, match=r"no column for the class \(label, class, category, target\)"):
        read_labels(written(tmp_path, "path,species\na.png,cat\n"))


def test_short_lines_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnlabeledError, match="line 3: 1 cells"):
        read_labels(written(tmp_path, "path,label\na,x\nb\n"))


def test_nameless_rows_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnlabeledError, match="line 3: the instance has no name"):
        read_labels(written(tmp_path, "path,label\na,x\n,y\n"))


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("path,label\n", "l.csv", "no rows"),
        ("", "l.csv", "no column"),
        ("path,label\na,x\n", "l.xlsx", "is a workbook; save the sheet"),
        ("path,label\na,x\n", "l.json", r"not \.json"),
        ("no parquet", "l.parquet", "as parquet"),
    ],
)
def test_unusable_files(tmp_path: Path, text: str, name: str, message: str) -> None:
    with pytest.raises(UnlabeledError, match=message):
        read_labels(written(tmp_path, text, name))


def test_missing_and_binary_files(tmp_path: Path) -> None:
    written(tmp_path, "path,label\na,x\n")
    with pytest.raises(UnlabeledError, match=r"did you mean labels\.csv"):
        read_labels(tmp_path / "label.csv")
    (tmp_path / "b.csv").write_bytes(b"path,label\n\xff\xfe,x\n")
    with pytest.raises(UnlabeledError, match="UTF-8"):
        read_labels(tmp_path / "b.csv")


def test_duplicates_that_agree_are_fine_and_others_name_id_and_lines(tmp_path: Path) -> None:
    assert len(read_labels(written(tmp_path, "id,label\na,x\na,x\n"))) == 2
    with pytest.raises(UnlabeledError, match=r"'a' twice: 'x' on line 2, 'y' on line 4"):
        read_labels(written(tmp_path, "id,label\na,x\nb,x\na,y\n"))
    with pytest.raises(UnlabeledError, match="'x' on line 2, None on line 3"):
        read_labels(written(tmp_path, "id,label\na,x\na,\n"))


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "l.parquet"
    pq.write_table(pa.table({"Id": [1, 2, 3, 4], "Label": [1.0, None, 10.0, -1.0]}), path)
    labels = read_labels(path)
    assert (labels.ids, labels.names) == (["1", "2", "3", "4"], ["1", None, "10", None])
    pq.write_table(pa.table({"id": ["a", "a"], "label": ["x", "y"]}), path)
    with pytest.raises(UnlabeledError, match="'x' on row 1, 'y' on row 2"):
        read_labels(path)


def test_parquet_with_named_classes(tmp_path: Path) -> None:
    features = {"label": {"_type": "ClassLabel", "names": ["cat", "dog"]}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    columns = pa.table({"path": ["a", "b", "c"], "label": [1, 0, -1]}).replace_schema_metadata(metadata)
    pq.write_table(columns, tmp_path / "l.parquet")
    assert read_labels(tmp_path / "l.parquet").names == ["dog", "cat", None]


# Matching


def test_labels_follow_the_instances_and_the_rest_is_minus_one() -> None:
    labels, classes, unmatched = table(b_png="dog", a_png="cat", z_png="owl").match(["a.png", "c.png", "b.png"])
    assert labels.tolist() == [0, -1, 1]
    assert labels.dtype == np.int64
    assert classes == ["cat", "dog", "owl"]
    assert unmatched == ["z.png"]


def test_classes_are_those_of_the_file_whatever_part_of_the_data_is_matched() -> None:
    labels = table(a="10", b="9", c="2")
    assert labels.match(["a"]).classes == labels.match(["c"]).classes == ["2", "9", "10"]
    assert labels.match(["a"]).labels.tolist() == [2]


@pytest.mark.parametrize(
    ("row", "instance"),
    [
        ("cat/a.png", "cat/a.png"),
        ("./cat/a.png", "cat/a.png"),
        ("cat\\a.png", "cat/a.png"),
        ("cat//x/../a.png", "cat/a.png"),
        ("a.png", "cat/a.png"),  # the end of the instance's path
        ("photos/cat/a.png", "cat/a.png"),  # the instance's path is the end of the row's
        ("/home/me/photos/cat/a.png", "cat/a.png"),
        ("a", "cat/a.png"),
        ("cat/a", "cat/a.png"),
        ("a.jpeg", "cat/a.png"),
        ("0", "0"),
    ],
)
def test_ways_to_name_an_instance(row: str, instance: str) -> None:
    labels = LabelTable("t", [row], ["x"], [1])
    assert labels.match(["dog/b.png", instance]).labels.tolist() == [-1, 0]


def test_a_path_in_another_folder_is_not_matched_by_its_name() -> None:
    # A row about cat/1.png must never label dog/1.png.
    assert table(cat__1_png="cat", ok="x").match(["dog/1.png", "ok"]).unmatched == ["cat/1.png"]


def test_the_strictest_match_wins() -> None:
    labels = table(a_png="exact", sub__a_png="other")
    assert labels.match(["a.png", "sub/a.png"]).labels.tolist() == [0, 1]
    # 'a' is an instance itself, so it does not stand for a.png.
    assert table(a="x").match(["a", "a.png"]).labels.tolist() == [0, -1]
    # The name with its suffix comes before the name without.
    assert table(a_png="x").match(["s/a.png", "s/a.jpg"]).labels.tolist() == [0, -1]


def test_the_longest_agreement_wins() -> None:
    row = LabelTable("t", ["photos/a/b.png"], ["x"], [1])
    assert row.match(["b.png", "a/b.png"]).labels.tolist() == [-1, 0]


def test_one_name_in_very_many_folders_is_matched_quickly() -> None:
    count = 20_000  # walking over all of one name for each row would be 400 million steps
    labels = LabelTable("t", [f"root/{i}/scan.png" for i in range(count)], ["x"] * count, list(range(count)))
    assert labels.match([f"{i}/scan.png" for i in range(count)]).unmatched == []


def test_ambiguous_rows_are_errors() -> None:
    with pytest.raises(UnlabeledError, match=r"line 2: 'a\.png' could be 'cat/a\.png' or 'dog/a\.png'"):
        table(a_png="x").match(["dog/a.png", "cat/a.png"])
    with pytest.raises(UnlabeledError, match=r"'a' could be 'a\.jpg' or 'a\.png'"):
        table(a="x").match(["a.png", "a.jpg"])


def test_an_instance_given_twice_gets_its_label_twice() -> None:
    assert table(a="x").match(["a", "b", "a"]).labels.tolist() == [0, -1, 0]


def test_two_rows_for_one_instance_must_agree() -> None:
    assert table(a_png="x", s__a_png="x").match(["s/a.png"]).labels.tolist() == [0]
    with pytest.raises(UnlabeledError, match="'x' on line 2, 'y' on line 3"):
        table(a_png="x", s__a_png="y").match(["s/a.png"])


def test_nothing_matched_shows_both_sides() -> None:
    with pytest.raises(UnlabeledError, match=r"none of the 3 instances: it has 'x', 'y', they are called 'a', 'b'$"):
        table(x="1", y="2", z="3").match(["a", "b", "c"])


def test_zeros_that_a_spreadsheet_program_dropped_are_named() -> None:
    with pytest.raises(
        UnlabeledError, match="Leading zeros are missing, as when a spreadsheet program has saved the file"
    ):
        table(**{"7": "cat", "12": "dog"}).match(["photos/0007.jpg", "photos/0012.jpg"])
    with pytest.raises(UnlabeledError, match=r"called '0008.jpg'$"):
        table(**{"7": "cat"}).match(["0008.jpg"])


def test_a_matched_row_may_be_unlabelled() -> None:
    labels, classes, unmatched = table(a=None).match(["a", "b"])
    assert (labels.tolist(), classes, unmatched) == ([-1, -1], [], [])


@given(st.lists(st.text("ab/.\\", min_size=1, max_size=6), unique=True, min_size=1, max_size=8), st.data())
def test_exact_ids_always_match_themselves(ids: list[str], data: st.DataObject) -> None:
    names: list[str | None] = data.draw(st.lists(st.sampled_from(["x", "y"]), min_size=len(ids), max_size=len(ids)))
    labels, classes, unmatched = LabelTable("t", ids, names, list(range(len(ids)))).match(ids)
    assert [classes[code] for code in labels] == names
    assert unmatched == []


# Labels in any form


def test_labels_of(tmp_path: Path) -> None:
    ids = ["a", "b"]
    path = written(tmp_path, "id,label\nb,x\n")
    for given_labels in (path, str(path), read_labels(path)):
        labels, classes = labels_of(given_labels, ids)
        assert (labels.tolist(), classes) == ([-1, 0], ["x"])
    assert labels_of(np.array([4, 2]), ids)[0].tolist() == [1, 0]
    with pytest.raises(UnlabeledError, match="1 labels for 2 instances"):
        labels_of([0], ids)


@pytest.mark.parametrize(
    "labels",
    [
        {"b": "x", "a": None},
        pd.DataFrame({"other": [1, 2], "ID": ["b", "a"], "Label": ["x", ""]}),
        pd.DataFrame({"path": ["b"], "class": ["x"]}, index=[7]),
        pa.table({"id": ["b", "a"], "label": ["x", None]}),
        [None, "x"],
        np.array(["-1", "x"]),
        pd.Series([np.nan, "x"], index=["q", "r"]),
        LabelTable("t", ["b"], ["x"], [1]),
    ],
)
def test_labels_in_memory(labels: object) -> None:
    labels_found, classes = labels_of(labels, ["a", "b"])
    assert (labels_found.tolist(), classes) == ([-1, 0], ["x"])
    matched = label_table(labels, ["a", "b"]).match(["a", "b"])
    assert (matched.labels.tolist(), matched.classes) == ([-1, 0], ["x"])


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (None, "labels come as a file, a mapping .* not as None"),
        (3, "not as 3"),
        (pd.DataFrame({"a": [1, 2]}), "the table has no column for the instance"),
        ({"x", "y"}, "labels come as a file, a mapping .* not as"),
        (
            pd.DataFrame({"id": ["a", "a"], "label": ["x", "y"]}),
            "labels 'a' twice: 'x' on row 1, 'y' on row 2",
        ),
        (["x"], "1 labels for 2 instances"),
    ],
)
def test_labels_that_are_none_are_told(labels: object, says: str) -> None:
    with pytest.raises(UnlabeledError, match=says):
        label_table(labels, ["a", "b"])
