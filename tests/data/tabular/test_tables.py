from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unlabeled.data import Vectors, read_labels
from unlabeled.data.tabular.tables import from_frame, narrowed, read_columns, read_numbers
from unlabeled.data.text.document_texts import read_texts
from unlabeled.errors import UnlabeledError


def csv(tmp_path: Path, text: str, name: str = "x.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def parquet(tmp_path: Path, columns: dict[str, Any]) -> Path:
    pq.write_table(pa.table(columns), tmp_path / "x.parquet")
    return tmp_path / "x.parquet"


def labels(vectors: Vectors) -> list[int]:
    assert vectors.labels is not None
    return vectors.labels.tolist()


def test_csv_with_ids_and_labels(tmp_path: Path) -> None:
    vectors = Vectors(csv(tmp_path, "Path,a,Class,b\nx.png,1,dog,2.5\ny.png,-3,,4e2\nz.png,0,cat,1\n"))
    assert vectors.ids == ["x.png", "y.png", "z.png"]
    assert vectors.array.tolist() == [[1, 2.5], [-3, 400], [0, 1]]
    assert vectors.columns == ["a", "b"]
    assert labels(vectors) == [1, -1, 0]
    assert vectors.classes == ["cat", "dog"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a,b\n1,2\n3,4\n", "x.csv"),
        ("a;b\n1;2\n3;4\n", "x.csv"),
        ("a\tb\n1\t2\n3\t4\n", "x.tsv"),
        ("\ufeffa,b\r\n1,2\r\n3,4\r\n", "x.CSV"),
    ],
    ids=["comma", "semicolon", "tab", "excel"],
)
def test_ways_of_writing_a_table(tmp_path: Path, text: str, name: str) -> None:
    vectors = Vectors(csv(tmp_path, text, name))
    assert vectors.columns == ["a", "b"]
    assert vectors.array.tolist() == [[1, 2], [3, 4]]


def test_cells_of_a_tsv_are_parted_by_tabs_whatever_they_hold(tmp_path: Path) -> None:
    vectors = Vectors(csv(tmp_path, "id\tincome, yearly, net, EUR\na\t1\nb\t2\n", "x.tsv"))
    assert (vectors.ids, vectors.columns) == (["a", "b"], ["income, yearly, net, EUR"])
    assert vectors.array.tolist() == [[1], [2]]


def test_a_first_line_of_numbers_is_data(tmp_path: Path) -> None:
    assert Vectors(csv(tmp_path, "1.5,2\n3,4\n")).array.tolist() == [[1.5, 2], [3, 4]]


def test_a_first_line_that_counts_the_columns_is_a_header(tmp_path: Path) -> None:
    assert Vectors(csv(tmp_path, "0,1,2\n7,8,9\n")).array.tolist() == [[7, 8, 9]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_text_is_read_in_the_encoding_that_its_mark_says(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "x.csv").write_bytes("größe,b\n1,2\n3,4\n".encode(encoding))
    vectors = Vectors(tmp_path / "x.csv")
    assert (vectors.columns, vectors.array.tolist()) == (["größe", "b"], [[1, 2], [3, 4]])


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("ann,71,f\nbob,35,m\n", 2),
        ("1,2\n3,4\n", 2),
        ("country,2019,2020\nnl,17,18\nde,83,84\n", 2),
        ("country,2019\nnl,17\n", 1),
        ("2019,3\n2020,5\n", 2),
        ("name,3d\na,1\nb,2\n", 2),
        ("a,1st\nb,2nd\n", 1),
        ('"x, y",b\n1,2\n', 1),
    ],
)
def test_a_first_line_of_data_is_no_header(tmp_path: Path, text: str, rows: int) -> None:
    assert len(read_columns(csv(tmp_path, text))[0][1]) == rows


def test_what_pandas_writes_is_read(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame([[1.0, 2.0], [3.0, 4.0]], index=["r", "s"])
    frame.to_csv(tmp_path / "x.csv")
    vectors = Vectors(tmp_path / "x.csv")
    assert vectors.ids == ["r", "s"]
    assert vectors.array.tolist() == [[1, 2], [3, 4]]


def test_a_missing_number_is_placed_by_column_name(tmp_path: Path) -> None:
    with pytest.raises(UnlabeledError, match=r"1 value that is .* nan in row 1, column 'b'"):
        Vectors(csv(tmp_path, "a,b\n1,2\n3,\n"))
    with pytest.raises(UnlabeledError, match="nan in row 0, column 'a'"):
        Vectors(parquet(tmp_path, {"a": [None, 1], "b": [1, 2]}))


def test_text_among_the_features_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnlabeledError, match=r"column 'name' holds 'Ann', which is no number.*\(1 of 2 columns"):
        Vectors(csv(tmp_path, "name,b\nAnn,2\nBob,3\n"))


def test_only_ids(tmp_path: Path) -> None:
    with pytest.raises(UnlabeledError, match="no columns of numbers; it has id"):
        Vectors(csv(tmp_path, "id\na\nb\n"))


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n3\n"])
def test_malformed_csv_names_the_file(tmp_path: Path, text: str) -> None:
    with pytest.raises(UnlabeledError, match=r"cannot read .*x\.csv as a table"):
        Vectors(csv(tmp_path, text))


def test_header_without_rows(tmp_path: Path) -> None:
    with pytest.raises(UnlabeledError, match=r"no numbers"):
        Vectors(csv(tmp_path, "a,b\n"))


def test_csv_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(UnlabeledError, match="cannot read"):
        Vectors(tmp_path / "x.csv")


def test_a_column_twice(tmp_path: Path) -> None:
    with pytest.raises(UnlabeledError, match="several columns called 'a'"):
        Vectors(csv(tmp_path, "a,a\n1,2\n"))


def test_a_target_that_is_a_quantity_is_neither_feature_nor_class(tmp_path: Path) -> None:
    vectors = Vectors(csv(tmp_path, "a,target\n1,0.5\n2,0.25\n"))
    assert vectors.columns == ["a"]
    assert vectors.labels is None


def test_whole_floats_are_classes(tmp_path: Path) -> None:
    vectors = Vectors(csv(tmp_path, "a,label\n1,10.0\n2,9.0\n3,\n"))
    assert labels(vectors) == [1, 0, -1]
    assert vectors.classes == ["9", "10"]


def test_parquet_with_numeric_columns(tmp_path: Path) -> None:
    vectors = Vectors(parquet(tmp_path, {"id": [7, 8], "a": [1, 2], "b": [0.5, 1.5], "label": ["x", None]}))
    assert vectors.ids == ["7", "8"]
    assert vectors.array.tolist() == [[1, 0.5], [2, 1.5]]
    assert labels(vectors) == [0, -1]


@pytest.mark.parametrize("kind", [pa.list_(pa.float32(), 3), pa.list_(pa.float64()), pa.large_list(pa.float32())])
def test_parquet_with_a_column_of_vectors(tmp_path: Path, kind: pa.DataType) -> None:
    rows = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    columns = {"id": ["a", "b"], "vector": pa.array(rows, kind), "cluster": [1, 2], "note": ["x", "y"]}
    vectors = Vectors(parquet(tmp_path, columns))
    assert vectors.ids == ["a", "b"]
    assert vectors.array.tolist() == rows
    assert vectors.columns is None


def test_fixed_size_vectors_of_float32_are_not_copied(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(100, 8)).astype(np.float32)
    column = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), 8)
    vectors = Vectors(parquet(tmp_path, {"vector": column}))
    np.testing.assert_array_equal(vectors.array, values)


@pytest.mark.parametrize("rows", [[[1.0], [1.0, 2.0]], [[1.0], None]])
def test_lists_of_different_lengths(tmp_path: Path, rows: list[Any]) -> None:
    with pytest.raises(UnlabeledError, match="'vector' must all be there and of one length"):
        Vectors(parquet(tmp_path, {"vector": pa.array(rows, pa.list_(pa.float32()))}))


def test_two_columns_of_lists(tmp_path: Path) -> None:
    with pytest.raises(UnlabeledError, match=r"several columns of lists \(u, v\)"):
        Vectors(parquet(tmp_path, {"u": [[1.0]], "v": [[1.0]]}))


def test_data_frames() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"Filename": ["p", "q"], "a": [1, 2], "b": [0.5, np.nan], "category": ["u", "v"]})
    with pytest.raises(UnlabeledError, match=r"the data frame holds 1 value that is .* row 1, column 'b'"):
        Vectors(frame)
    vectors = Vectors(frame.fillna(9))
    assert vectors.ids == ["p", "q"]
    assert vectors.array.tolist() == [[1, 0.5], [2, 9]]
    assert (labels(vectors), vectors.classes, vectors.columns) == ([0, 1], ["u", "v"], ["a", "b"])
    with pytest.raises(UnlabeledError, match="column 'c' holds 'x'"):
        Vectors(pandas.DataFrame({"c": ["x", "y"]}))
    assert Vectors(pandas.DataFrame(np.eye(3))).array.tolist() == np.eye(3).tolist()


def test_a_small_file_of_more_rows_than_memory_holds_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = parquet(tmp_path, {"a": np.zeros(100_000), "b": np.zeros(100_000)})
    assert path.stat().st_size < 3_000  # runs of equal numbers take next to nothing
    monkeypatch.setattr("unlabeled.memory.free_memory", lambda: 1_000_000)
    with pytest.raises(UnlabeledError, match=r"x\.parquet with 100,000 rows needs"):
        Vectors(path)


def test_ids_are_text_whatever_they_look_like(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("id,a\n007,1\n12345678901234567890123,2\n,3\n")
    assert read_numbers(path).ids == ["007", "12345678901234567890123", ""]
    frame = pd.DataFrame({"id": [1, None, 3], "a": [1, 2, 3]})  # whose gap makes fractions of the ids
    assert from_frame(frame).ids == ["1", "", "3"]
    frame.to_parquet(tmp_path / "x.parquet")
    assert read_numbers(tmp_path / "x.parquet").ids == ["1", "", "3"]


def test_columns_of_one_name_are_refused_in_frames_too():
    with pytest.raises(UnlabeledError, match="several columns called 'a'"):
        from_frame(pd.DataFrame(np.ones((3, 3)), columns=["a", "a", "b"]))


@pytest.mark.parametrize("at", ["header", "first lines", "end"])
def test_a_table_that_is_not_utf8_is_refused_wherever_that_shows(tmp_path, at):
    rows = [f"{'x' * 20},{i}" for i in range(2000)]
    rows[{"header": 0, "first lines": 1, "end": -1}[at]] = "\u00e4,5"
    (tmp_path / "x.csv").write_bytes("\n".join(rows).encode("latin-1"))
    with pytest.raises(UnlabeledError, match="as UTF-8"):
        read_columns(tmp_path / "x.csv")


def test_a_line_that_tells_excel_the_separator_is_no_header(tmp_path):
    (tmp_path / "x.csv").write_text("sep=;\nid;a\n007;1\n008;2\n")
    assert [(name, values.tolist()) for name, values in read_columns(tmp_path / "x.csv")] == [
        ("id", ["007", "008"]),
        ("a", [1, 2]),
    ]
    (tmp_path / "l.csv").write_text("sep=|\nid|label\n007|a, b\n")
    assert read_labels(tmp_path / "l.csv").names == ["a, b"]
    (tmp_path / "t.csv").write_text('"sep=;"\nid;text\n007;a, b\n')
    assert read_texts(tmp_path / "t.csv") == (["a, b"], ["007"])


def test_numbers_too_small_or_too_large_for_float32_stay_float64() -> None:
    for scale in (1e-50, 1e-41, 1e50, 1e300):
        rows = np.array([[1.0], [2.0], [4.0]]) * scale
        assert np.array_equal(narrowed(rows), rows)
    assert narrowed(np.array([[1e-30], [2e-30]])).dtype == np.float32
    assert np.array_equal(narrowed(np.full((3, 1), 1e50)), np.full((3, 1), 1e50))


def test_ids_beyond_the_whole_numbers_of_fractions_are_kept_beside_a_gap(tmp_path: Path) -> None:
    ids = [2**53 + 1, 2**53, None]
    vectors = Vectors(parquet(tmp_path, {"id": pa.array(ids, pa.int64()), "a": [1.0, 2.0, 3.0]}))
    assert vectors.ids == ["9007199254740993", "9007199254740992", ""]
    few = read_columns(parquet(tmp_path, {"a": pa.array([1, None], pa.int64())}))
    assert few[0][1].dtype == np.float64


def test_numbers_that_are_categories_by_their_type_are_no_numbers() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0], "code": pd.Categorical([1, 2]), "label": pd.Categorical([3, 4])})
    with pytest.raises(UnlabeledError, match="numbers in column 'code' are categories by the column's type"):
        from_frame(frame)
    found = from_frame(frame.drop(columns="code"))
    assert (found.columns, found.labels.tolist()) == (["a"], [3, 4])
