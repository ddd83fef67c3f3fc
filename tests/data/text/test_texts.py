import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unlabeled.data.labels import read_labels
from unlabeled.data.text.texts import Texts
from unlabeled.errors import UnlabeledError

ROWS = {"text": ["one", "two", "three"], "label": ["a", "", "b"], "id": ["x", "y", "z"]}


def write(path, rows):
    if path.suffix == ".parquet":
        pq.write_table(pa.table(rows), path)
    elif path.suffix == ".jsonl":
        path.write_text(
            "\n".join(json.dumps(dict(zip(rows, row, strict=True))) for row in zip(*rows.values(), strict=True))
        )
    else:
        pd.DataFrame(rows).to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")
    return path


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".jsonl"])
def test_tables_give_texts_ids_and_labels(tmp_path, suffix):
    texts = Texts(write(tmp_path / f"rows{suffix}", ROWS))
    assert texts.columns == (ROWS["text"],)
    assert texts.ids == ["x", "y", "z"]
    assert texts.labels.tolist() == [0, -1, 1]
    assert texts.classes == ["a", "b"]


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_pairs_are_found_by_their_columns(tmp_path, suffix):
    rows = {"premise": ["a", "b"], "hypothesis": ["c", "d"], "relatedness": [1.5, 4.0], "label": ["no", "yes"]}
    texts = Texts(write(tmp_path / f"rows{suffix}", rows))
    assert texts.columns == (["a", "b"], ["c", "d"])
    assert texts.scores.tolist() == [1.5, 4.0]
    assert texts.classes == ["no", "yes"]


def test_triples_have_three_columns(tmp_path):
    rows = {"anchor": ["a"], "positive": ["b"], "negative": ["c"]}
    assert Texts(write(tmp_path / "t.csv", rows)).columns == (["a"], ["b"], ["c"])
    assert Texts([("a", "b", "c")]).width == 3


def test_a_text_file_is_lines_paragraphs_or_one_text(tmp_path):
    path = tmp_path / "t.txt"
    path.write_bytes("\ufeffone\ntwo \xe9\n\n\nthree\n".encode() + b"\xff\n")
    assert Texts(path).texts == ["one", "two é", "three", "\ufffd"]
    assert Texts(path, unit="paragraph").texts == ["one\ntwo é", "three\n\ufffd"]
    assert len(Texts(path, unit="file")) == 1


def test_a_folder_is_a_text_a_file(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.txt").write_text("one\ntwo")
    (tmp_path / "sub" / "b.txt").write_text("three")
    texts = Texts(tmp_path)
    assert texts.texts == ["one\ntwo", "three"]
    assert texts.ids == ["a.txt", "sub/b.txt"]


def test_objects_in_memory(tmp_path):
    assert Texts(pd.Series(["a", None, "b"])).texts == ["a", "", "b"]
    assert Texts(np.array(["a", "b"])).texts == ["a", "b"]
    assert Texts(pd.DataFrame(ROWS)).labels.tolist() == [0, -1, 1]
    assert Texts([("a", "b"), ("c", None)]).columns == (["a", "c"], ["b", ""])
    path = tmp_path / "f.txt"
    path.write_text("inside")
    assert Texts([path]).texts == ["inside"]


class Frame:
    """A data frame as that of polars: it yields its columns and not their names."""

    def __init__(self, rows):
        self.rows, self.columns = rows, list(rows)

    def __getitem__(self, name):
        return tuple(self.rows[name])

    def __iter__(self):
        return iter(self.rows.values())

    def to_numpy(self):
        return np.array(list(self), dtype=object).T


@pytest.mark.parametrize("table", [pd.DataFrame, pa.table, Frame, dict])
def test_tables_in_memory_are_read_alike(table):
    read = Texts(table({**ROWS, "other": ["p", "q", "r"]}))
    assert (read.texts, read.ids, read.labels.tolist()) == (ROWS["text"], ROWS["id"], [0, -1, 1])
    assert Texts(table({**ROWS, "other": ["p", None, "r"]}), column="other").texts == ["p", "", "r"]
    pairs = Texts(table({"premise": ["a", "b"], "hypothesis": ["c", "d"], "score": [0.5, 1.0]}))
    assert pairs.columns == (["a", "b"], ["c", "d"])
    assert pairs.scores.tolist() == [0.5, 1.0]
    with pytest.raises(UnlabeledError, match="there is no column 'txt' in"):
        Texts(table(ROWS), column="txt")


@pytest.mark.parametrize("values", ["one text", 3, None])
def test_a_column_is_a_list(values):
    with pytest.raises(UnlabeledError, match=r"column 'text' of the dict is .* and no list of values"):
        Texts({"text": values})


def test_a_name_that_two_columns_have_is_told():
    for table in (
        pa.table([["a"], ["b"]], names=["text", "text"]),
        pd.DataFrame([["a", "b"]], columns=["text", "text"]),
    ):
        with pytest.raises(UnlabeledError, match="several columns called 'text'"):
            Texts(table)


def test_a_part_keeps_what_belongs_to_its_rows():
    texts = Texts(pd.DataFrame(ROWS)).part([2, 0])
    assert (texts.texts, texts.ids, texts.labels.tolist()) == (["three", "one"], ["z", "x"], [1, 0])


def test_labels_may_be_a_file(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("id,label\nz,bird\nx,cat\n")
    for labels in (path, str(path), read_labels(path)):
        texts = Texts(pd.DataFrame(ROWS), labels=labels)
        assert (texts.labels.tolist(), texts.classes) == ([1, -1, 0], ["bird", "cat"])
    path.write_text("id,label\nq,bird\n")
    with pytest.raises(UnlabeledError, match="names none of the 3 instances"):
        Texts(pd.DataFrame(ROWS), labels=path)


def test_the_fingerprint_is_of_the_content():
    assert Texts(["a", "b"]).fingerprint == Texts(("a", "b")).fingerprint
    assert Texts(["ab", ""]).fingerprint != Texts(["a", "b"]).fingerprint


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ([], {}, "no texts"),
        ([1.5, 2.0], {}, "holds 1.5 in row 0, where a text belongs"),
        (["a", 3], {}, "holds 3 in row 1"),
        ([("a", "b"), ("c",)], {}, "row 1 .* not 2 texts"),
        ([("a",)], {}, "rows of 1 values"),
        ("a text that is\nno path", {}, "give a list of strings"),
        (pd.DataFrame(ROWS), {"column": "txet"}, "did you mean 'text'"),
        (pd.DataFrame({"n": [1]}), {"column": "n"}, "column 'n' .* holds 1"),
        (pd.DataFrame({"u": ["a"], "v": ["b"]}), {}, "not clear which column"),
        (["a"], {"column": "text"}, "is for tables"),
        (["a"], {"labels": [1, 2]}, "2 labels for 1 instances"),
        (["a"], {"unit": "lines"}, "did you mean 'line'"),
        (iter(["a"]), {}, "texts come as"),
    ],
)
def test_what_is_no_text_is_an_error(source, options, message):
    with pytest.raises(UnlabeledError, match=message):
        Texts(source, **options)


def test_files_that_cannot_be_read_are_errors(tmp_path):
    bad = tmp_path / "rows.jsonl"
    bad.write_text('{"text": "a"}\n{oops}\n')
    with pytest.raises(UnlabeledError, match="line 2 is not JSON"):
        Texts(bad)
    bad.write_text("[1]\n")
    with pytest.raises(UnlabeledError, match="line 1 is not a JSON object"):
        Texts(bad)
    bad.write_text("\n")
    with pytest.raises(UnlabeledError, match="no rows"):
        Texts(bad)
    with pytest.raises(UnlabeledError, match=r"did you mean rows\.jsonl"):
        Texts(tmp_path / "row.jsonl")
    with pytest.raises(UnlabeledError, match="names a file"):
        Texts([str(bad)])


def test_half_a_character_is_replaced(tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"text": "caf\\udce9"}\n{"text": "\\ud83d\\ude00"}\n')
    assert Texts(tmp_path / "rows.jsonl").texts == ["caf\ufffd", "\U0001f600"]
    assert Texts([("caf\udce9", "a"), ("b", "\ud83d\ude00")]).columns == (["caf\ufffd", "b"], ["a", "\U0001f600"])


def test_a_unit_is_one_of_text_files(tmp_path):
    (tmp_path / "t.csv").write_text("text\na dog\n")
    for source in (tmp_path / "t.csv", tmp_path, ["a dog"]):
        with pytest.raises(UnlabeledError, match="unit='paragraph' is for text files"):
            Texts(source, unit="paragraph")


def test_a_missing_value_is_the_empty_text_whatever_stands_for_it():
    for missing in (None, float("nan"), pd.NA, np.ma.masked):
        assert Texts(["a", missing]).texts == ["a", ""]
    assert Texts(pd.Series(["a", pd.NA], dtype="string")).texts == ["a", ""]
    with pytest.raises(UnlabeledError, match="row 1, where a text belongs"):
        Texts(["a", np.array(["b", "c"])])


def test_two_columns_of_one_name_are_refused():
    with pytest.raises(UnlabeledError, match="several columns called 'text'"):
        Texts(pd.DataFrame([["a", "b"]], columns=["text", "text"]))
