from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.feature_extraction.text import CountVectorizer

from unlabeled.data.text.documents import Documents, is_text, tidy_counts
from unlabeled.errors import UnlabeledError

TEXTS = ["The cat sat on the mat.", "A dog! A dog barked at the cat.", "", "mat, mat"]


def test_it_counts_as_scikit_learn_does():
    for settings in (
        {},
        {"stop_words": None, "min_df": 2},
        {"max_df": 0.5, "max_features": 2},
        {"stop_words": ["cat"]},
    ):
        theirs = CountVectorizer(**{"stop_words": "english"} | settings)
        expected = theirs.fit_transform(TEXTS).toarray()
        documents = Documents.count(TEXTS, **settings)
        assert documents.words == theirs.get_feature_names_out().tolist()
        assert np.array_equal(documents.counts.toarray(), expected)


def test_empty_documents_keep_their_row_and_are_told():
    documents = Documents.count(TEXTS)
    assert len(documents) == 4
    assert documents.empty == 1
    assert documents.counts[2].nnz == 0
    assert "1 without a word" in repr(documents)


def test_a_given_vocabulary_is_counted_alone_and_in_its_order():
    documents = Documents.count(["cat dog cat", "bird"], vocabulary=["dog", "cat", "cow"])
    assert documents.words == ["dog", "cat", "cow"]
    assert documents.counts.toarray().tolist() == [[1, 2, 0], [0, 0, 0]]


@pytest.fixture
def sources(tmp_path):
    folder = tmp_path / "texts"
    (folder / "inner").mkdir(parents=True)
    (folder / "a.txt").write_text(TEXTS[0])
    with gzip.open(folder / "b.txt.gz", "wt") as file:
        file.write(TEXTS[1])
    (folder / "inner" / "c.txt").write_text(TEXTS[3])
    (folder / ".hidden").write_text("hidden")
    lines = tmp_path / "lines.txt"
    lines.write_text("\n".join([TEXTS[0], "", TEXTS[1], TEXTS[3]]))
    frame = pd.DataFrame({"id": ["x", "y", "z"], "text": [TEXTS[0], TEXTS[1], TEXTS[3]], "author": ["p", "q", "r"]})
    frame.to_csv(tmp_path / "table.csv", index=False)
    frame.to_csv(tmp_path / "table.tsv", index=False, sep="\t")
    frame.to_parquet(tmp_path / "table.parquet")
    frame.to_json(tmp_path / "table.jsonl", orient="records", lines=True)
    paths = [folder / "a.txt", folder / "b.txt.gz", folder / "inner" / "c.txt"]
    return [folder, lines, paths, *(tmp_path / f"table.{suffix}" for suffix in ("csv", "tsv", "parquet", "jsonl"))]


def test_every_source_of_the_same_text_gives_the_same_counts(sources):
    expected = Documents.count([TEXTS[0], TEXTS[1], TEXTS[3]])
    for source in sources:
        documents = Documents.count(source)
        assert documents.words == expected.words
        assert np.array_equal(documents.counts.toarray(), expected.counts.toarray()), source
    assert Documents.count(sources[0]).ids == ["a.txt", "b.txt.gz", "inner/c.txt"]
    assert Documents.count(sources[1]).ids == ["line 1", "line 3", "line 4"]
    for table in sources[3:]:
        assert Documents.count(str(table)).ids == ["x", "y", "z"]
        assert set(Documents.count(table, column="author", stop_words=None, vocabulary=["p"]).words) == {"p"}
    for array in (np.array(TEXTS), pd.Series(TEXTS), tuple(TEXTS)):
        assert np.array_equal(Documents.count(array).counts.toarray(), Documents.count(TEXTS).counts.toarray())


def test_a_file_of_json_is_a_table_and_not_a_text_with_braces(tmp_path):
    (tmp_path / "t.jsonl").write_text('{"body": "cats purr", "stars": 3}\n\n{"body": null}\n')
    assert Documents.count(tmp_path / "t.jsonl").words == ["cats", "purr"]
    with pytest.raises(UnlabeledError, match=r"no column 'bdoy' of text in .*; did you mean 'body'"):
        Documents.count(tmp_path / "t.jsonl", column="bdoy")
    (tmp_path / "t.jsonl").write_text('{"body": "cats purr"}\n{"body": ')
    with pytest.raises(UnlabeledError, match="line 2 is not JSON"):
        Documents.count(tmp_path / "t.jsonl")


def test_a_missing_value_is_an_empty_document(tmp_path):
    pd.DataFrame({"text": ["cat", None, "dog"]}).to_parquet(tmp_path / "t.parquet")
    assert Documents.count(tmp_path / "t.parquet").counts.toarray().tolist() == [[1, 0], [0, 0], [0, 1]]


def test_bytes_that_are_not_utf_8_are_blanks(tmp_path):
    (tmp_path / "t.txt").write_bytes(b"caf\xe9 crowd")
    assert Documents.count(tmp_path / "t.txt").words == ["caf", "crowd"]


@pytest.mark.parametrize(
    ("source", "settings", "says"),
    [
        (["the and of", "a"], {}, "no vocabulary can be made of 2 documents, of which 2 hold any text.*stop words"),
        (["", " "], {}, "2 documents, of which 0 hold any text"),
        (["cat", "dog"], {"min_df": 2}, "no terms remain.*min_df=2"),
        (["cat", "cat"], {"max_df": 0.5}, "no vocabulary.*max_df=0.5"),
        (["cat", "dog"], {"min_df": 3, "max_df": 0.5}, "max_df corresponds to"),
        (["cat", 3], {}, "item 1 of the text is 3"),
        ([], {}, "there is no text"),
        ("/nowhere/x", {}, "does not exist"),
        (["cat"], {"column": "text"}, "for tables"),
    ],
)
def test_what_cannot_be_counted_is_refused_in_words(source, settings, says):
    with pytest.raises(UnlabeledError, match=says):
        Documents.count(source, **settings)


def test_tables_without_an_obvious_column_are_refused_in_words(tmp_path):
    path = tmp_path / "t.csv"
    pd.DataFrame({"a": ["x"], "b": ["y"], "n": [1]}).to_csv(path, index=False)
    with pytest.raises(UnlabeledError, match=r"not clear which column.*a, b, n"):
        Documents.count(path)
    with pytest.raises(UnlabeledError, match="no column 'c'"):
        Documents.count(path, column="c")
    with pytest.raises(UnlabeledError, match=r"'n'.*int64, no text"):
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


def test_a_binary_file_in_the_folder_is_named(tmp_path):
    (tmp_path / "a.txt").write_text("cat")
    (tmp_path / "b.bin").write_bytes(b"\0\1")
    with pytest.raises(UnlabeledError, match=r"b\.bin holds NUL bytes"):
        Documents.count(tmp_path)


def test_ready_counts_are_taken_and_checked():
    counts = np.array([[0, 2], [1, 0]])
    documents = Documents.of_counts(sp.csr_matrix(counts), ["a", "b"])
    assert np.array_equal(documents.counts.toarray(), counts)
    assert Documents.count(documents) is documents
    assert Documents.of_counts(counts * 1.0, ["a", "b"], ["x", "y"]).ids == ["x", "y"]
    for wrong, says in [
        (np.array([[0, 1], [0, -1]]), "document 1 has -1 in column 1"),
        (np.array([[0, 1], [0.5, 1]]), "document 1 has 0.5 in column 0.*whole numbers"),
        (np.array([[0, np.nan]]), "document 0 has nan in column 1"),
        (np.zeros((3, 2)), "all 3 documents are empty"),
        (np.ones((2, 3)), "do not go with 2 words"),
        (np.ones(3), "must be a matrix"),
    ]:
        with pytest.raises(UnlabeledError, match=says):
            Documents.of_counts(wrong, ["a", "b"])


def test_tidying_leaves_the_input_alone():
    matrix = sp.csr_matrix((np.array([1.0, 2.0, 0.0]), np.array([1, 1, 0]), np.array([0, 3])), shape=(1, 2))
    assert tidy_counts(matrix).toarray().tolist() == [[0, 3]]
    assert tidy_counts(matrix).nnz == 1
    assert matrix.nnz == 3


def test_text_is_told_from_numbers(tmp_path):
    for text in (["a"], ("a",), np.array(["a", "b"]), pd.Series(["a"]), "docs", tmp_path, "x.csv", [tmp_path], []):
        assert is_text(text)
    for other in ([[1, 2]], np.ones(3), np.ones((2, 2)), sp.csr_matrix((2, 2)), "x.npy", [1.0], lambda: 1, list):
        assert not is_text(other)
    with pytest.raises(UnlabeledError, match="only once"):
        is_text(iter(["a"]))


def test_contractions_are_whole_and_are_stop_words():
    assert Documents.count(["They've cats, don't they", "I don’t have cats"]).words == ["cats"]
    assert Documents.count(["They've cats"], stop_words=["they've"]).words == ["cats"]


def test_the_tokenizer_and_the_stop_words_can_be_chosen():
    assert Documents.count(["A-b A-b c"], tokenizer="whitespace", stop_words=None).words == ["A-b", "c"]
    assert Documents.count(["a,b"], tokenizer=lambda text: text.split(","), stop_words=["b"]).words == ["a"]
    assert Documents.count(["der Hund und die Katze"], stop_words="german").words == ["hund", "katze"]
    assert Documents.count(["好 a 😀 é ok"], stop_words=None).words == ["ok", "好", "😀"]


def test_lists_of_words_are_counted_as_they_are():
    documents = Documents.count([["Cat", "a", "cat"], [], ["cat"]], stop_words=None)
    assert (documents.words, documents.empty) == (["Cat", "a", "cat"], 1)
    assert documents.counts.toarray().tolist() == [[1, 1, 1], [0, 0, 0], [0, 0, 1]]
    assert is_text([["cat"], ["dog"]])
    with pytest.raises(UnlabeledError, match="document 1 is no list of words"):
        Documents.count([["cat"], "dog"])


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
