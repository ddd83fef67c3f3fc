"""Tables of mixed columns: what becomes a feature, what is left out, and how far apart rows are."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unlabeled.data.table import Table
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
    assert (table.classes, table.remarks, len(table)) == (["x", "y"], [], 3)


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


def test_numbers_with_a_decimal_comma_are_pointed_out(tmp_path):
    table = Table.read(csv(tmp_path, "id;price;size\na;3,5;1\nb;-12,25;2\nc;3,5;4\n"))
    assert "price" in table.categories
    assert any("'price' holds numbers with a decimal comma, such as 3,5" in remark for remark in table.remarks)
    assert not Table.read(csv(tmp_path, "id;place;size\na;3,5;1\nb;Bern, 3;2\nc;3,5;4\n")).remarks
