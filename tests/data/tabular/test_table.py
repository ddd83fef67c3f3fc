"""Tables of mixed columns: what becomes a feature, what is left out, and how far apart rows are."""

from __future__ import annotations

import datetime
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unlabeled.data.tabular.table import Table
from unlabeled.data.tabular.table_encoding import TableEncoding, category_names
from unlabeled.data.tabular.tables import read_columns
from unlabeled.errors import UnlabeledError


def csv(tmp_path, text, name="x.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


PEOPLE = "id,age,sex,class\nann,20,f,x\nbob,40,m,\neve,60,f,y\n"


def test_numbers_categories_ids_and_labels_are_told_apart(tmp_path):
    table = Table.read(csv(tmp_path, PEOPLE))
    assert table.ids == ["ann", "bob", "eve"]
    assert table.numbers["age"].tolist() == [20, 40, 60]
    assert table.categories["sex"].tolist() == ["f", "m", "f"]
    assert table.labels.tolist() == [0, -1, 1]
    assert (table.classes, len(table)) == (["x", "y"], 3)
    assert table.remarks == ["column 'class' is taken for labels, which are not compared"]
    assert table.columns == {"id": "id", "age": "number", "sex": "category of 2 values", "class": "label"}


def test_parquet_and_data_frames_are_read_alike(tmp_path):
    from_csv = Table.read(csv(tmp_path, PEOPLE))
    frame = pd.read_csv(tmp_path / "x.csv")
    pq.write_table(pa.Table.from_pandas(frame), tmp_path / "x.parquet")
    for table in (Table.read(frame), Table.read(tmp_path / "x.parquet")):
        assert table.ids == from_csv.ids
        assert table.features().tolist() == from_csv.features().tolist()
        assert table.labels.tolist() == from_csv.labels.tolist()


def test_a_different_category_counts_like_one_standard_deviation():
    rng = np.random.default_rng(0)
    age = rng.normal(50, 9, 400)
    table = Table({"age": age}, {"sex": np.array(["f", "m"] * 200)}, [str(i) for i in range(400)])
    rows = table.features()
    assert rows.shape == (400, 3)
    np.testing.assert_allclose(rows[:, 0], (age - age.mean()) / age.std(), rtol=1e-5, atol=1e-6)
    assert np.linalg.norm(rows[0, 1:] - rows[1, 1:]) == pytest.approx(1)
    assert np.linalg.norm(rows[0, 1:] - rows[2, 1:]) == 0
    np.testing.assert_array_equal(table.features(standardise=False)[:, 0], age.astype(np.float32))


def test_what_is_missing_takes_the_median_or_is_a_category(tmp_path):
    table = Table.read(csv(tmp_path, "a,b\n1,x\n,y\n3,\n8,x\n"))
    assert table.numbers["a"].tolist() == [1, 3, 3, 8]
    assert table.categories["b"].tolist() == ["x", "y", "missing", "x"]
    assert table.remarks == ["column 'a': 1 missing values take the median, 3"]


def test_what_groups_nothing_is_left_out_and_said(tmp_path):
    rows = [f"{i},person {i},same,7,,{i % 3},2024-01-{1 + i % 9:02d}" for i in range(60)]
    table = Table.read(csv(tmp_path, "customer_id,name,country,constant,empty,kind,day\n" + "\n".join(rows)))
    assert list(table.numbers) == ["kind"]
    assert table.categories == {}
    assert table.ids[:2] == ["0", "1"]
    said = "\n".join(table.remarks)
    assert "'name' is left out: it is text with 60 different values" in said
    for name in ("country", "constant", "empty"):
        assert f"{name!r} is left out" in said
    assert "'day' is left out: it holds neither" in said


def test_a_second_column_that_names_the_rows_is_no_feature(tmp_path):
    table = Table.read(csv(tmp_path, "id,orderId,paid\na,7,1\nb,8,0\nc,9,1\n"))
    assert (list(table.numbers), table.ids) == (["paid"], ["a", "b", "c"])
    assert table.remarks == ["column 'orderId' is left out: it names the rows"]
    assert list(Table.read(csv(tmp_path, "paid,solid\n1,1\n2,2\n0,3\n")).numbers) == ["paid", "solid"]


def test_many_short_texts_that_never_repeat_name_the_rows():
    rows = 60
    names = [f"customer {i}" for i in range(rows)]
    frame = pd.DataFrame({"who": names, "age": range(rows)})
    assert Table.read(frame).ids == names
    assert Table.read(frame.assign(who=[name * 20 for name in names])).ids == [str(i) for i in range(rows)]
    assert Table.read(frame[:5]).ids == ["0", "1", "2", "3", "4"]  # so few may be categories


def test_python_dates_in_a_frame_are_left_out():
    frame = pd.DataFrame({"a": [1, 2], "day": [datetime.date(2024, 1, 1), None]})
    assert list(Table.read(frame).numbers) == ["a"]


def test_bools_and_integers_are_numbers():
    table = Table.read(pd.DataFrame({"paid": [True, False, True], "n": [3, 4, 5]}))
    assert table.numbers["paid"].tolist() == [1, 0, 1]
    assert table.features().dtype == np.float32


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a,b\n", "no rows"),
        ("name\n" + "\n".join(f"person {i}" for i in range(60)), "no column by which rows could be compared.*'name'"),
        ("id,label\na,x\nb,y\n", "no column by which rows could be compared: it has only id, label"),
        ("a\n7\n7\n", "'a' is left out: it has the same value"),
        ("a,b\n1,2\ninf,3\n", "'a' holds inf in row 1"),
        ("a,b\n1,2\n1e300,3\n", "'a' holds 1e.300 in row 1"),
        ("a,a\n1,2\n", "several columns called 'a'"),
    ],
)
def test_what_cannot_be_compared_is_refused(text, says, tmp_path):
    with pytest.raises(UnlabeledError, match=says):
        Table.read(csv(tmp_path, text))


def test_a_file_that_is_not_there_is_named(tmp_path):
    csv(tmp_path, PEOPLE, "people.csv")
    with pytest.raises(UnlabeledError, match=r"did you mean people\.csv"):
        Table.read(tmp_path / "poeple.csv")


def test_text_that_holds_numbers_is_read_as_numbers_and_said(tmp_path):
    rows = [f"{'?' if i == 7 else i / 10};{i % 30}%;${1000 + i}.50;{i % 7},5" for i in range(100)]
    table = Table.read(csv(tmp_path, "score;discount;price;size\n" + "\n".join(rows)))
    assert list(table.numbers) == ["score", "discount", "price", "size"]
    assert table.numbers["price"][:2].tolist() == [1000.5, 1001.5]
    assert table.numbers["size"][:3].tolist() == [0.5, 1.5, 2.5]
    assert table.columns["discount"] == "number (%)"
    said = "\n".join(table.remarks)
    assert "'?' (1) counts as missing" in said
    assert "column 'score': 1 missing values take the median" in said
    assert "such as '0%', which is read as numbers with the unit %" in said
    assert "such as '0,5', which is read as numbers with a decimal comma" in said


def test_a_column_called_category_is_said_to_be_the_label(tmp_path):
    table = Table.read(csv(tmp_path, "category,a\nx,1\ny,2\n"))
    assert table.columns == {"category": "label", "a": "number"}
    assert table.remarks == ["column 'category' is taken for labels, which are not compared"]


def test_rows_of_a_later_table_are_encoded_as_those_of_the_first(tmp_path):
    first = Table.read(csv(tmp_path, "age,price,plan\n20,$1,free\n40,$2,pro\n60,$6,pro\n"))
    encoding = TableEncoding.from_dict(json.loads(json.dumps(first.encoding().to_dict())))
    again, remarks = encoding.encode(dict(read_columns(tmp_path / "x.csv")), "x.csv")
    np.testing.assert_allclose(again, first.features(), rtol=1e-6)
    assert remarks == []
    other = csv(tmp_path, "plan,extra,price,age\ngold,1,$2,40\n,1,free,x\n", "y.csv")
    rows, remarks = encoding.encode(dict(read_columns(other)), "y.csv")
    np.testing.assert_allclose(rows[0], [0, (2 - 3) / np.std([1, 2, 6]), 0, 0], atol=1e-12)
    np.testing.assert_allclose(rows[1], rows[0], atol=1e-12)  # the medians stand for what is missing
    assert remarks == [
        "column 'age': 1 values are no numbers and take 40",
        "column 'price': 1 values are no numbers and take 2",
        "column 'plan': 2 values have not been seen before, such as 'gold'",
    ]
    with pytest.raises(UnlabeledError, match="no column 'price'; the columns that are needed are age, price, plan"):
        encoding.encode({"age": np.array([1.0])}, "z.csv")


def test_numbers_far_from_zero_keep_their_differences():
    values = 1e8 + np.arange(6.0) / 4
    table = Table({"t": values}, {}, list("abcdef"))
    assert np.ptp(table.features(standardise=False)) == 1.25
    assert table.features().dtype == np.float32


@pytest.mark.parametrize("kind", ["boolean", "string", "Int64", "category", "object"])
def test_what_is_missing_in_a_frame_of_any_type_is_missing(kind):
    values = {"boolean": [True, False, pd.NA], "string": ["x", "y", pd.NA], "Int64": [1, 5, pd.NA]}
    frame = pd.DataFrame({"a": pd.Series(values.get(kind, ["x", "y", pd.NA]) * 4, dtype=kind), "b": range(12)})
    table = Table.read(frame)
    if kind == "Int64":
        assert table.missing["a"].tolist() == [False, False, True] * 4
    else:
        assert table.categories["a"].tolist() == [*map(str, values.get(kind, ["x", "y"])[:2]), "missing"] * 4


def test_cells_that_hold_lists_are_no_categories():
    for cell in (np.ones(3), [1, 2], {"a": 1}):
        table = Table.read(pd.DataFrame({"v": [cell] * 4, "b": range(4)}))
        assert table.columns == {"v": "left out", "b": "number"}
        assert table.remarks == ["column 'v' is left out: it holds neither numbers nor categories"]


@pytest.mark.parametrize("date", ["{:02d}.01.2020", "01/{:02d}/2020", "{:02d}/01/20", "2020/01/{:02d} 12:30"])
def test_dates_of_spreadsheets_are_left_out(tmp_path, date):
    lines = "".join(f"{date.format(1 + i % 28)};{i}\n" for i in range(40))
    assert Table.read(csv(tmp_path, "day;b\n" + lines)).columns == {"day": "left out", "b": "number"}


def test_versions_are_no_dates(tmp_path):
    table = Table.read(csv(tmp_path, "v,b\n" + "".join(f"1.2.{i % 3},{i}\n" for i in range(9))))
    assert table.columns["v"] == "category of 3 values"


def test_a_column_without_values_is_told(tmp_path):
    table = Table.read(csv(tmp_path, "a,b,c\n1,,\n2,,\n3,,\n"))
    assert table.remarks == [f"column {name!r} is left out: it has no values" for name in "bc"]


def test_numbers_that_are_categories_by_their_type_are_categories(tmp_path):
    frame = pd.DataFrame({"size": [1.0, 2.0, 4.0, 3.0], "code": pd.Categorical([10, 2, None, 10])})
    frame["text"] = pd.Categorical(["1", "2", "2", "1"])
    frame.to_parquet(tmp_path / "x.parquet")
    for source in (frame, tmp_path / "x.parquet"):
        table = Table.read(source)
        assert list(table.numbers) == ["size"]
        assert {name: values.tolist() for name, values in table.categories.items()} == {
            "code": ["10", "2", "missing", "10"],
            "text": ["1", "2", "2", "1"],
        }
        assert any("'code' is categorical by its type" in remark for remark in table.remarks)
    plain = frame.astype({"code": float})  # as a table without types has them
    columns = {name: plain[name].to_numpy() for name in plain.columns}
    encoding = table.encoding()
    assert encoding.matrix(table.numbers, table.categories)[:, 1:].tolist() == (
        encoding.matrix(table.numbers, {name: category_names(columns[name]) for name in table.categories})[
            :, 1:
        ].tolist()
    )
