"""The same texts from files, folders, tables and lists, and what is no text."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from unlabeled.data.text.document_texts import is_text, read_texts
from unlabeled.data.text.documents import Documents
from unlabeled.errors import UnlabeledError

TEXTS = ["The cat sat on the mat.", "A dog! A dog barked at the cat.", "", "mat, mat"]


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


def test_bytes_that_are_not_utf_8_are_blanks(tmp_path):
    (tmp_path / "t.txt").write_bytes(b"caf\xe9 crowd")
    assert Documents.count(tmp_path / "t.txt").words == ["caf", "crowd"]


def test_a_binary_file_in_the_folder_is_named(tmp_path):
    (tmp_path / "a.txt").write_text("cat")
    (tmp_path / "b.bin").write_bytes(b"\0\1")
    with pytest.raises(UnlabeledError, match=r"b\.bin holds NUL bytes"):
        Documents.count(tmp_path)


def test_text_is_told_from_numbers(tmp_path):
    for text in (
        ["a"],
        ("a",),
        np.array(["a", "b"]),
        pd.Series(["a"]),
        "docs",
        tmp_path,
        "x.csv",
        [tmp_path],
        [],
        [["cat"], ["dog"]],
    ):
        assert is_text(text)
    for other in ([[1, 2]], np.ones(3), np.ones((2, 2)), sp.csr_matrix((2, 2)), "x.npy", [1.0], lambda: 1, list):
        assert not is_text(other)
    with pytest.raises(UnlabeledError, match="only once"):
        is_text(iter(["a"]))


def test_a_small_file_that_unpacks_to_more_than_the_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("unlabeled.memory.free_memory", lambda: 1 << 20)
    monkeypatch.setattr("unlabeled.data.text.document_texts.AT_ONCE", 1 << 18)
    with gzip.open(tmp_path / "t.gz", "wb") as file:
        file.write(b"a b c d\n" * (1 << 20))
    with pytest.raises(UnlabeledError, match=r"t\.gz, unpacked, needs .* give it in parts"):
        read_texts(tmp_path / "t.gz")


def test_lines_end_where_editors_see_them_end(tmp_path):
    (tmp_path / "t.txt").write_bytes("a\u2028b\x0cc\x85d\r\n\re\n".encode())
    assert read_texts(tmp_path / "t.txt") == (["a\u2028b\x0cc\x85d", "e"], ["line 1", "line 3"])
