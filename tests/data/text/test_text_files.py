from __future__ import annotations

import gzip
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from unlabeled.data import Corpus, spool
from unlabeled.errors import UnlabeledError

LECTURE = ["I like deep learning.", "I like NLP.", "I enjoy flying."]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ([], "there is no text: the list gave nothing$"),
        (iter([]), "gave nothing; a generator gives its items only once: make a fresh one"),
        (["", " \n.,!"], "the text holds no words"),
        ([[], []], "the text holds no words"),
        (b"frog", "given as bytes; decode them"),
        ({"a": 1}, r"got a dict; choose the column of text"),
        (None, "cannot read text from NoneType"),
        (3, "cannot read text from int"),
        ([1, 2], "item 0 of the text is 1: no string, path or list of words"),
        ([b"frog"], "item 0 of the text is b'frog': no string"),
        (["frog", 7], "item 1 of the text is 7, not a string like those before it"),
        (["frog", ["toad"]], r"item 1 of the text is \['toad'\], not a string"),
        ([["frog"], "toad"], "item 1 of the text is 'toad', not a list of words"),
        ([["frog"], None], "item 1 of the text is None, not a list of words"),
        ([["frog"], ["toad", 3]], r"sentence 1: words are strings, got 3 \(int\)"),
        ([["frog", ["toad"]]], "sentence 0: words are strings"),
        ([["frog", b"toad"]], r"sentence 0: words are strings, got b'toad' \(bytes\)"),
        ([["frog", ""]], r"sentence 0: an empty string is no word; text.split\(\) gives none"),
        ([["\ud800"]], r"sentence 0: the word '\\ud800' holds a surrogate"),
        (["a\ud800"], "the list of strings, line 1: not UTF-8"),
        (["frog", "to\0ad"], "the list of strings, line 2: a NUL byte"),
        ([Path(__file__), "frog"], "item 1 is 'frog', but item 0 is a path"),
        ([__file__], r"names a file, but a list of strings is text; to read files, give \[pathlib.Path\("),
    ],
)
def test_what_is_no_text_is_refused(source: Any, message: str) -> None:
    with pytest.raises(UnlabeledError, match=message):
        Corpus.encode(source)


def test_a_used_generator_is_recognised() -> None:
    generator = (line for line in LECTURE)
    Corpus.encode(generator)
    with pytest.raises(UnlabeledError, match="make a fresh one"):
        Corpus.encode(generator)


def test_a_data_frame_is_refused() -> None:
    import pandas as pd

    with pytest.raises(UnlabeledError, match="choose the column of text"):
        Corpus.encode(pd.DataFrame({"text": LECTURE}))


def test_a_string_is_a_path(tmp_path: Path) -> None:
    (tmp_path / "corpus.txt").write_text("frog")
    assert Corpus.encode(str(tmp_path / "corpus.txt")).vocabulary.words == ["frog"]
    with pytest.raises(UnlabeledError, match=r"does not exist; did you mean corpus.txt\?"):
        Corpus.encode(str(tmp_path / "corpsu.txt"))
    with pytest.raises(UnlabeledError, match=r"I like NLP. does not exist; for text in memory, give a list of strings"):
        Corpus.encode("I like NLP.")
    with pytest.raises(UnlabeledError, match=r"'I like deep learning.*'\.\.\. cannot be one; .* \[text\]"):
        Corpus.encode("\n".join(LECTURE))
    with pytest.raises(UnlabeledError, match=r"does not exist"):
        Corpus.encode([tmp_path / "corpus.txt", tmp_path / "no.txt"])


def test_files_that_are_no_text(tmp_path: Path) -> None:
    import pyarrow as pa

    def refused(data: bytes, message: str) -> None:
        (tmp_path / "a.txt").write_bytes(data)
        for tokenizer in ("words", "whitespace", str.split):
            with pytest.raises(UnlabeledError, match=message):
                Corpus.encode(tmp_path / "a.txt", tokenizer=tokenizer)

    refused(b"frog\ntoad \xff newt", r"a.txt, line 2: not UTF-8. Convert it .*errors='replace'")
    refused(b"frog\n" * 100_000 + b"caf\xe9", "a.txt, line 100001: not UTF-8")
    refused(b"frog\n\nto\x00ad", "a.txt, line 3: a NUL byte; this is no text")
    refused(gzip.compress(b"frog " * 10_000)[:-20], r"cannot read .*a.txt: ")
    refused(b"\x1f\x8bfrog and toad", r"cannot read .*a.txt: ")
    refused(pa.compress(b"frog " * 10_000, "zstd", asbytes=True)[:-5], r"cannot read .*a.txt: ")
    refused(b"PAR1\x15\x04", "a.txt is a parquet file; read a column of it")
    refused(b"", "a.txt holds no words")


def test_a_file_without_ends_of_words_is_refused(tmp_path: Path) -> None:
    (tmp_path / "genome").write_bytes(b"ACGT" * 500_000)
    with pytest.raises(UnlabeledError, match=r"line 1: more than 1,048,576 bytes and no end of a word; is this text\?"):
        Corpus.encode(tmp_path / "genome")


def test_a_file_that_vanishes(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_text("frog toad")

    def vanish(done: int, total: int) -> None:
        (tmp_path / "b").unlink(missing_ok=True)

    with pytest.raises(UnlabeledError, match=r"cannot read .*b: No such file"):
        Corpus.encode(tmp_path, progress=vanish)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes on this system")
def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=[gzip.compress(b"frog toad\n" * 100_000)])
    writer.start()
    assert Corpus.encode(tmp_path / "pipe").tokens == 200_000
    writer.join()
    with pytest.raises(UnlabeledError, match="cannot recognise text that does not come from files"):
        Corpus.encode(tmp_path / "pipe", cache=tmp_path / "cache")


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(UnlabeledError, match=r"the folder .* is empty"):
        Corpus.encode(tmp_path)


def test_settings_are_checked() -> None:
    for name in ("min_count", "max_vocab"):
        for value in (0, -1, 1.5, "2", True):
            with pytest.raises(UnlabeledError, match=f"{name} must be a whole number of at least 1"):
                Corpus.encode(LECTURE, **{name: value})
    with pytest.raises(UnlabeledError, match="unknown tokenizer 'word'; did you mean 'words'"):
        Corpus.encode(LECTURE, tokenizer="word")
    with pytest.raises(UnlabeledError, match=r"a tokenizer is one of words, whitespace, .* or a callable, not 3"):
        Corpus.encode(LECTURE, tokenizer=3)  # type: ignore[arg-type]  # the mistake under test
    with pytest.raises(UnlabeledError, match="unknown setting of errors 'ignore'"):
        Corpus.encode(LECTURE, errors="ignore")  # type: ignore[arg-type]  # the mistake under test
    with pytest.raises(UnlabeledError, match="no word is seen 5 times: the most frequent of 7 is seen 3 times"):
        Corpus.encode(LECTURE, min_count=5)


def test_tokenizers_that_give_no_list_of_words() -> None:
    with pytest.raises(UnlabeledError, match="the tokenizer must give a list of strings, but for 'I like deep"):
        Corpus.encode(LECTURE, tokenizer=str.lower)
    with pytest.raises(UnlabeledError, match="gave None"):
        Corpus.encode(LECTURE, tokenizer=lambda line: None)  # type: ignore[arg-type,return-value]


def test_a_full_disk_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any, **settings: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool, "IN_MEMORY", 10)
    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with pytest.raises(UnlabeledError, match=r"no room for the encoded text in .*\(No space left on device\).*TMPDIR"):
        Corpus.encode(LECTURE)


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", *(f"utf-{bits}{order}" for bits in (16, 32) for order in ("", "-le", "-be"))]
)
def test_the_encoding_is_told_by_the_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    text = "frog 𝔸 çok\n" * 50_000  # several pieces, which end within a character
    mark = "\ufeff" if encoding.endswith(("-le", "-be")) else ""
    (tmp_path / "a.txt").write_bytes((mark + text).encode(encoding))
    corpus = Corpus.encode(tmp_path / "a.txt")
    assert corpus.vocabulary.words == ["frog", "𝔸", "çok"]
    assert len(corpus) == 50_000


def test_what_only_begins_like_utf_16_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\x00\xd8x")
    with pytest.raises(UnlabeledError, match=r"a\.txt begins as UTF-16 text, but is not"):
        Corpus.encode(tmp_path / "a.txt")
