"""Tables of texts as programs and people write them."""

from __future__ import annotations

import pandas as pd
import pytest

from unlabeled.data.text.documents import Documents
from unlabeled.data.text.text_tables import read_columns
from unlabeled.data.text.texts import Texts
from unlabeled.errors import UnlabeledError


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
def test_only_what_is_needed_becomes_lists(tmp_path, suffix):
    path = tmp_path / f"t.{suffix}"
    frame = pd.DataFrame({"ID": [7, 8], "text": ["a", "b"], "stars": [1, 2], "Score": [0.5, 1.0], "author": ["p", "q"]})
    if suffix == "parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False, sep="\t" if suffix == "tsv" else ",")
    assert list(read_columns(path)) == ["ID", "text", "stars", "Score", "author"]
    assert read_columns(path, ["id", "score"]) == {
        "ID": [7, 8] if suffix == "parquet" else ["7", "8"],
        "text": ["a", "b"],
        "Score": [0.5, 1.0],
        "author": ["p", "q"],
    }


def test_a_table_without_text_is_not_one_without_rows(tmp_path):
    pd.DataFrame({"n": [1, 2]}).to_parquet(tmp_path / "t.parquet")
    assert read_columns(tmp_path / "t.parquet", ["id"]) == {}
    with pytest.raises(UnlabeledError, match=r"not clear which column .*Its columns of text: none"):
        Documents.count(tmp_path / "t.parquet")


def test_two_columns_called_alike_are_read(tmp_path):
    (tmp_path / "t.csv").write_text("id,text,n,n\n1,cats purr,2,3\n")
    assert Documents.count(tmp_path / "t.csv").words == ["cats", "purr"]


def test_the_two_texts_of_a_pair_are_no_document(tmp_path):
    (tmp_path / "t.csv").write_text("sentence1,sentence2\ncats purr,dogs bark\n")
    with pytest.raises(UnlabeledError, match="not clear which column"):
        Documents.count(tmp_path / "t.csv")


def test_a_file_of_json_is_a_table_and_not_a_text_with_braces(tmp_path):
    (tmp_path / "t.jsonl").write_text('{"body": "cats purr", "stars": 3}\n\n{"body": null}\n')
    assert Documents.count(tmp_path / "t.jsonl").words == ["cats", "purr"]
    with pytest.raises(UnlabeledError, match=r"no column 'bdoy' in .*; did you mean 'body'"):
        Documents.count(tmp_path / "t.jsonl", column="bdoy")
    (tmp_path / "t.jsonl").write_text('{"body": "cats purr"}\n{"body": ')
    with pytest.raises(UnlabeledError, match="line 2 is not JSON"):
        Documents.count(tmp_path / "t.jsonl")


def test_a_missing_value_is_an_empty_document(tmp_path):
    pd.DataFrame({"text": ["cat", None, "dog"]}).to_parquet(tmp_path / "t.parquet")
    assert Documents.count(tmp_path / "t.parquet").counts.toarray().tolist() == [[1, 0], [0, 0], [0, 1]]


def test_tables_without_an_obvious_column_are_refused_in_words(tmp_path):
    path = tmp_path / "t.csv"
    pd.DataFrame({"a": ["x"], "b": ["y"], "n": [1]}).to_csv(path, index=False)
    with pytest.raises(UnlabeledError, match=r"not clear which column.*Its columns of text: a, b\."):
        Documents.count(path)
    with pytest.raises(UnlabeledError, match="no column 'c'"):
        Documents.count(path, column="c")
    with pytest.raises(UnlabeledError, match=r"'n'.* holds 1 in row 0, where a text belongs"):
        Documents.count(path, column="n")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(UnlabeledError, match=r"cannot read .*bad\.parquet"):
        Documents.count(tmp_path / "bad.parquet")


def test_tables_as_spreadsheets_write_them(tmp_path):
    (tmp_path / "semicolons.csv").write_text("id;text\n7;the cat, the dog\n8;a dog, no cat\n")
    documents = Documents.count(tmp_path / "semicolons.csv")
    assert (documents.ids, documents.words) == (["7", "8"], ["cat", "dog"])
    (tmp_path / "latin.csv").write_bytes("text,id\ncafé crowd,7\n,8\n".encode("latin-1"))
    documents = Documents.count(tmp_path / "latin.csv")
    assert (documents.ids, documents.words, documents.empty) == (["7", "8"], ["caf", "crowd"], 1)
    (tmp_path / "header.csv").write_text("text,id\n")
    with pytest.raises(UnlabeledError, match=r"header\.csv has no rows"):
        Documents.count(tmp_path / "header.csv")
    (tmp_path / "empty.txt").touch()
    with pytest.raises(UnlabeledError, match=r"no documents: .*empty\.txt holds none"):
        Documents.count(tmp_path / "empty.txt")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_a_table_may_be_in_another_unicode(tmp_path, encoding):
    for separator, name in ((",", "t.csv"), (";", "s.csv"), ("\t", "t.tsv")):
        (tmp_path / name).write_text(f"id{separator}text\nx{separator}çok cats\n", encoding=encoding)
        documents = Documents.count(tmp_path / name)
        assert (documents.words, documents.ids) == (["cats", "çok"], ["x"])


def test_a_table_without_a_header_loses_no_text(tmp_path):
    (tmp_path / "t.csv").write_text("the first text is not the name of a column\nthe second text\n")
    with pytest.raises(UnlabeledError, match=r"the first row of .*t\.csv does not name the columns"):
        Documents.count(tmp_path / "t.csv")


def test_the_first_row_of_the_only_column_is_not_lost_unsaid(tmp_path):
    """A list of short texts without a row of names, as people save it."""
    path = tmp_path / "short.csv"
    path.write_text("great phone\nbad battery\n")
    with pytest.warns(UserWarning, match=r"the first row of .*short.csv, 'great phone', is taken for the name"):
        assert Texts(path).texts == ["bad battery"]


@pytest.mark.parametrize(
    ("content", "column"), [("Text\na cat\n", None), ("remark\na cat\n", "remark"), ("remark,n\na cat,1\n", None)]
)
def test_a_column_that_has_a_name_is_read_in_silence(tmp_path, content, column):
    (tmp_path / "t.csv").write_text(content)
    assert Texts(tmp_path / "t.csv", column=column).texts == ["a cat"]


def test_rows_that_an_open_quotation_mark_swallows_are_told(tmp_path):
    path = tmp_path / "t.tsv"
    path.write_text('label\ttext\n1\t"I think so\n0\tit rains "a lot" today\n1\tthe dog\n')
    with pytest.warns(UserWarning, match=r"t\.tsv: 1 cells of column 'text' hold a tab and a line end"):
        assert len(read_columns(path)["text"]) == 2
    path.write_text('label\ttext\n1\t"two\nlines, ""quoted"""\n0\tthe "dog" barks\n')
    assert read_columns(path)["text"] == ['two\nlines, "quoted"', 'the "dog" barks']
