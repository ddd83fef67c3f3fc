"""Files of word vectors: what is written is read back the same, and what is malformed is named."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from unlabeled import WordVectors
from unlabeled.errors import UnlabeledError
from unlabeled.methods.words.formats import text_format

TEXT = ["a.txt", "a.vec", "a.txt.gz", "a.vec.gz"]
PLAIN = [*TEXT, "a.bin", "a.bin.gz"]
ALL = [*PLAIN, "a.safetensors"]

any_word = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)
plain_word = any_word.filter(lambda word: not re.search(r"[ \t\n\v\f\r]", word))
float32 = st.floats(width=32, allow_nan=False, allow_infinity=False)


@st.composite
def tables(draw, word, least_dim=1):
    words = draw(st.lists(word, min_size=1, max_size=6, unique=True))
    return words, draw(arrays(np.float32, (len(words), draw(st.integers(least_dim, 5))), elements=float32))


def same_bits(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


lossless = settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("name", PLAIN)
@lossless
@given(table=tables(plain_word))
def test_what_is_saved_is_loaded_bit_for_bit(name, table, tmp_path):
    words, vectors = table
    WordVectors(words, vectors).save(tmp_path / name)
    loaded = WordVectors.load(tmp_path / name)
    assert loaded.words == tuple(words)
    assert same_bits(loaded.vectors, vectors)
    assert loaded.counts is None


@pytest.mark.parametrize("mmap", [False, True])
@lossless
@given(table=tables(any_word), half=st.booleans(), counted=st.booleans())
def test_safetensors_holds_any_word_and_the_counts(table, half, counted, mmap, tmp_path):
    words, vectors = table
    vectors = np.clip(vectors, -6e4, 6e4).astype(np.float16) if half else vectors
    counts = np.arange(len(words))[::-1] if counted else None
    WordVectors(words, vectors, counts).save(tmp_path / "a.safetensors")
    loaded = WordVectors.load(tmp_path / "a.safetensors", mmap=mmap)
    assert loaded.words == tuple(words)
    assert same_bits(np.asarray(loaded.vectors), vectors)
    assert (loaded.counts.tolist() if counted else loaded.counts) == (counts.tolist() if counted else None)


@pytest.mark.parametrize("mmap", [False, True])
@pytest.mark.parametrize(("oov", "kept"), [("raise", "raise"), ("zero", "zero"), (lambda word: [1, 2], "raise")])
def test_safetensors_holds_what_is_done_with_unknown_words(oov, kept, mmap, tmp_path):
    WordVectors(["cat", "dog"], [[1, 2], [3, 4]], oov=oov).save(tmp_path / "a.safetensors")
    for limit in (None, 1):
        assert WordVectors.load(tmp_path / "a.safetensors", mmap=mmap, limit=limit).oov == kept


@lossless
@given(table=tables(plain_word, least_dim=2))
def test_glove_has_no_header(table, tmp_path):
    words, vectors = table
    WordVectors(words, vectors).save(tmp_path / "g.txt", format="glove")
    assert len((tmp_path / "g.txt").read_bytes().rstrip(b"\n").split(b"\n")) == len(words)
    loaded = WordVectors.load(tmp_path / "g.txt")
    assert loaded.words == tuple(words)
    assert same_bits(loaded.vectors, vectors)


@lossless
@given(st.lists(float32, min_size=1, max_size=30))
def test_numbers_in_text_are_the_shortest_that_read_back(numbers):
    import io

    out = io.BytesIO()
    text_format.write_text(out, ["w"], np.array([numbers], np.float32), header=False)
    for written, number in zip(out.getvalue().split()[1:], np.array(numbers, np.float32), strict=True):
        assert np.float32(written.decode()) == number
        digits = len(written.lower().partition(b"e")[0].replace(b".", b"").strip(b"-0"))
        # Python's repr of a float32 is the shortest; trailing zeros of whole numbers are not digits.
        assert digits <= max(1, len(repr(float(str(number))).lower().partition("e")[0].replace(".", "").strip("-0")))


@lossless
@given(table=tables(plain_word), block=st.integers(1, 40))
def test_blocks_may_end_anywhere(table, block, tmp_path):
    words, vectors = table
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_format, "BLOCK", block)
        patch.setattr(text_format, "NUMBERS", 2)
        patch.setattr("unlabeled.methods.words.formats.binary_format.BLOCK", block)
        for name in ("a.txt", "a.bin"):
            WordVectors(words, vectors).save(tmp_path / name)
            loaded = WordVectors.load(tmp_path / name)
            assert loaded.words == tuple(words)
            assert same_bits(loaded.vectors, vectors)


@lossless
@given(table=tables(plain_word))
def test_the_quick_and_the_careful_parser_agree(table, tmp_path):
    words, vectors = table
    WordVectors(words, vectors).save(tmp_path / "a.txt")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_format, "_parsed_by_arrow", lambda block, dim: ([], np.array([np.nan])))
        careful = WordVectors.load(tmp_path / "a.txt")
    assert careful.words == tuple(words)
    assert same_bits(careful.vectors, vectors)


ROWS = b"cat 1 2.5 -3\ndog 0.1 1e-7 4\n"


@pytest.mark.parametrize("name", PLAIN)
def test_half_precision_is_kept_in_value(name, tmp_path):
    half = np.array([[0.1, 65504, 6e-8], [1 / 3, -0.0, 2]], np.float16)
    WordVectors(["a", "b"], half).save(tmp_path / name)
    assert same_bits(WordVectors.load(tmp_path / name).vectors, half.astype(np.float32))


NUMBERS = [[1, 2.5, -3], [0.1, 1e-7, 4]]


@pytest.mark.parametrize(
    "content",
    [
        ROWS,
        b"2 3\n" + ROWS,
        b"2 3\r\n" + ROWS.replace(b"\n", b"\r\n"),
        b"2 3\n" + ROWS.replace(b"\n", b" \n"),  # as word2vec and fastText write
        ROWS.replace(b"\n", b" \n"),
        ROWS.replace(b"3\n", b"3 \n"),  # one line so, another not
        ROWS.rstrip(b"\n"),
        ROWS + b"\n\n",
        b"\xef\xbb\xbf2 3\n" + ROWS,
        gzip.compress(b"2 3\n" + ROWS, mtime=0),
    ],
)
def test_the_dialects_of_text(content, tmp_path):
    path = tmp_path / "any.name"
    path.write_bytes(content)
    loaded = WordVectors.load(path)
    assert loaded.words == ("cat", "dog")
    assert loaded.vectors.tolist() == np.array(NUMBERS, np.float32).tolist()


@pytest.mark.parametrize("line_break", [b"", b"\n"])
def test_the_dialects_of_binary(line_break, tmp_path):
    path = tmp_path / "any.name"
    rows = [word + b" " + np.array(row, "<f4").tobytes() for word, row in zip([b"cat", b"dog"], NUMBERS, strict=True)]
    path.write_bytes(b"2 3\n" + line_break.join(rows) + line_break)
    loaded = WordVectors.load(path)
    assert loaded.words == ("cat", "dog")
    assert loaded.vectors.tolist() == np.array(NUMBERS, np.float32).tolist()


def test_words_with_spaces_as_in_gloves_own_files(tmp_path):
    path = tmp_path / "glove.txt"
    path.write_bytes(b"the 1 2\n. . . 3 4\nat name@domain.com 5 6\n\xc2\xa0 7 8\n\xe2\x80\xa8x 9 10\n")
    loaded = WordVectors.load(path)
    assert loaded.words == ("the", ". . .", "at name@domain.com", "\xa0", "\u2028x")
    assert loaded[". . ."].tolist() == [3, 4]


def test_words_that_look_like_something_else(tmp_path):
    words = ["NaN", "null", '"quoted"', "1", "-1e5", "#", "\\N", "inf", "<unk>", "</s>", "'", ",", "\x1c", "\x85", "\0"]
    vectors = np.arange(2 * len(words), dtype=np.float32).reshape(-1, 2)
    for name in PLAIN:
        WordVectors(words, vectors).save(tmp_path / name)
        assert WordVectors.load(tmp_path / name).words == tuple(words)


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("word", ["two words", "tab\t", "line\nbreak", "\r", "\x0b", "\x0c"])
def test_a_word_that_a_format_cannot_hold_is_refused_and_nothing_is_written(name, word, tmp_path):
    (tmp_path / name).write_text("as it was")
    with pytest.raises(UnlabeledError, match=r"row 1\) holds white space.*safetensors"):
        WordVectors(["fine", word], np.eye(2)).save(tmp_path / name)
    assert (tmp_path / name).read_text() == "as it was"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"2 3\n", "holds no words"),
        (b"0 3\n", "holds no words"),
        (b"2 0\ncat\ndog\n", "line 1: the header says that vectors have 0 numbers"),
        (b"2 99999999999\ncat 1 2\n", "line 1: the header says that vectors have 99,999,999,999 numbers"),
        (b"2 9999\ncat 1 2\n", "line 2: expected a word and 9999 numbers, found 3"),
        (b"cat\ndog\n", "line 1: expected a word and its numbers"),
        (b"cat 1 2\ndog 1\n", "line 2: expected a word and 2 numbers, found 2 columns"),
        (b"cat 1 2\ndog 1 2 3\n", "line 2: expected a word and 2 numbers, found 4 columns"),
        (b"2 2\ncat 1 2\ndog 1 2 3\n", "line 3: expected a word and 2 numbers, found 4 columns"),
        (b"2 3\ncat 1 2\ndog 1 2\n", "line 2: expected a word and 3 numbers, found 3 columns"),
        (b"cat 1 2\n\ndog 1 2\n", r"line 2: .* \(the line is empty\)"),
        (b"cat 1 2\ndog 1 two\n", "line 2: 'two' is not a finite float32 number"),
        (b"cat 1 2\ndog  1\n", "line 2: expected a word and 2 numbers, found 2 columns"),
        (b"cat 1 nan\n", "line 1: 'nan' is not a finite"),
        (b"2 2\ncat 1 2\ndog inf 2\n", "line 3: 'inf' is not a finite"),
        (b"cat 1 2\ndog 1 1e39\n", "line 2: '1e39' is not a finite"),
        (b"cat 1 2\ndog 1 0x2\n", "line 2: '0x2' is not a finite"),
        (b"cat 1 2\ndog 1 1_0\n", "line 2: '1_0' is not a finite"),
        (b"cat 1 2\n 3 4\n", "line 2: there is no word"),
        (b"cat 1 2\nd\xf6g 1 2\n", r"line 2: the word .* is not valid UTF-8"),
        (b"\x80\x04\x95\x10", "is a pickle"),
        (b"\x1f\x8b\x08\x00broken", "cannot read"),
        (gzip.compress(b"cat 1 2\n" * 1000, mtime=0)[:-9], "cannot read"),
        (gzip.compress(b"\x80\x04\x95\x10", mtime=0), "is a pickle"),
        (b"\x10\0\0\0\0\0\0\0{broken json ***", "cannot be read"),
    ],
)
def test_a_malformed_file_is_named_with_the_line(content, message, tmp_path):
    path = tmp_path / "bad.txt"
    path.write_bytes(content)
    with pytest.raises(UnlabeledError, match=message) as caught:
        WordVectors.load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("end", range(1, 42))
def test_a_binary_file_cut_anywhere_is_refused(end, tmp_path):
    WordVectors(["cat", "dog"], NUMBERS).save(tmp_path / "whole.bin")
    whole = (tmp_path / "whole.bin").read_bytes()
    assert len(whole) == 4 + 2 * (3 + 1 + 12 + 1)
    (tmp_path / "cut.bin").write_bytes(whole[: min(end, len(whole) - 2)])
    with pytest.raises(UnlabeledError, match=r"cut\.bin"):
        WordVectors.load(tmp_path / "cut.bin")


@pytest.mark.parametrize(
    ("words", "more", "message"),
    [
        ([b"cat", b"d\xf6g"], b"", "row 2: the word .* not valid UTF-8"),
        ([b"cat", b""], b"", "row 2: there is no word"),
        ([b"cat", b"dog"], b"more", "more after the last"),
    ],
)
def test_a_malformed_binary_file_is_named_with_the_row(words, more, message, tmp_path):
    path = tmp_path / "bad.bin"
    path.write_bytes(b"2 3\n" + b"\n".join(word + b" " + np.ones(3, "<f4").tobytes() for word in words) + more)
    with pytest.raises(UnlabeledError, match=message) as caught:
        WordVectors.load(path)
    assert str(path) in str(caught.value)


def test_nan_in_a_binary_file_is_named(tmp_path):
    path = tmp_path / "bad.bin"
    path.write_bytes(b"1 3\ncat " + np.array([1, np.nan, 2], "<f4").tobytes())
    with pytest.raises(UnlabeledError, match=r"bad\.bin: the vector of 'cat' holds NaN"):
        WordVectors.load(path)


def test_a_damaged_or_foreign_safetensors_file_is_named(tmp_path):
    from safetensors.numpy import save_file

    good, foreign, wrong = (
        tmp_path / "good.safetensors",
        tmp_path / "foreign.safetensors",
        tmp_path / "wrong.safetensors",
    )
    WordVectors(["cat", "dog"], NUMBERS).save(good)
    save_file({"weight": np.eye(2)}, foreign)
    letters, ends = np.frombuffer(b"catdog", np.uint8), np.array([3, 9])
    save_file({"vectors": np.eye(2, dtype=np.float32), "words": letters, "word_ends": ends}, wrong)
    with pytest.raises(UnlabeledError, match=r"foreign\.safetensors holds weight, not"):
        WordVectors.load(foreign)
    with pytest.raises(UnlabeledError, match=r"wrong\.safetensors: the words do not end"):
        WordVectors.load(wrong)
    (tmp_path / "cut.safetensors").write_bytes(good.read_bytes()[:-5])
    with pytest.raises(UnlabeledError, match=r"cut\.safetensors cannot be read"):
        WordVectors.load(tmp_path / "cut.safetensors")


def test_only_safetensors_can_be_left_on_disk(tmp_path):
    vectors = WordVectors(["cat", "dog"], NUMBERS)
    for name in ("a.txt", "a.bin"):
        vectors.save(tmp_path / name)
        with pytest.raises(UnlabeledError, match=r"save it as \.safetensors"):
            WordVectors.load(tmp_path / name, mmap=True)
    vectors.save(tmp_path / "a.safetensors")
    mapped = WordVectors.load(tmp_path / "a.safetensors", mmap=True)
    assert isinstance(mapped.vectors, np.memmap)
    assert mapped[["dog"]].tolist() == vectors[["dog"]].tolist()
    assert mapped.to_embedding().weight.tolist() == vectors.vectors.tolist()
    assert mapped.most_similar("cat") == vectors.most_similar("cat")


@pytest.mark.parametrize(
    ("name", "keywords", "message"),
    [
        ("a.kv", {}, "the ending should be one of .txt, .vec, .bin, .safetensors"),
        ("a.txt", {"format": "glvoe"}, "did you mean 'glove'"),
        ("a.safetensors.gz", {}, "is not compressed"),
    ],
)
def test_an_unknown_format_is_refused(name, keywords, message, tmp_path):
    with pytest.raises(UnlabeledError, match=message):
        WordVectors(["cat", "dog"], NUMBERS).save(tmp_path / name, **keywords)
    assert not list(tmp_path.iterdir())


def test_a_first_line_that_looks_like_a_header_is_refused(tmp_path):
    with pytest.raises(UnlabeledError, match="would be taken for"):
        WordVectors(["7", "a"], [[1], [2]]).save(tmp_path / "a.txt", format="glove")


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    for path in (tmp_path / "missing.txt", tmp_path):
        with pytest.raises(UnlabeledError, match=f"cannot read {path}"):
            WordVectors.load(path)


def test_what_holds_no_vectors_is_said_to_be_none(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros(3))
    with pytest.raises(UnlabeledError, match=r"x\.npy holds no word vectors"):
        WordVectors.load(tmp_path / "x.npy")
    (tmp_path / "model.json").touch()
    with pytest.raises(UnlabeledError, match=r"folder of a saved model; take unlabeled\.load"):
        WordVectors.load(tmp_path)


def test_more_rows_than_one_block_of_a_real_size(tmp_path):
    rng = np.random.default_rng(0)
    words = [f"w{row}" for row in range(20_000)]
    vectors = WordVectors(words, rng.normal(size=(20_000, 25)).astype(np.float32))
    for name in ("a.txt", "a.bin"):
        vectors.save(tmp_path / name)
        loaded = WordVectors.load(tmp_path / name)
        assert loaded.words == vectors.words
        assert same_bits(loaded.vectors, np.asarray(vectors.vectors))


@pytest.mark.parametrize("promised", [1, 3, 999_999_999_999])
def test_a_wrong_header_is_told_and_every_row_read(promised, tmp_path):
    (tmp_path / "v.vec").write_text(f"{promised} 2\ncat 1 2\ndog 3 4\n")
    with pytest.warns(UserWarning, match=f"promises {promised:,} words, but there are 2"):
        vectors = WordVectors.load(tmp_path / "v.vec")
    assert vectors.words == ("cat", "dog")


def test_of_a_word_that_comes_twice_the_first_vector_is_kept(tmp_path):
    (tmp_path / "v.vec").write_text("3 2\ncat 1 2\ndog 3 4\ncat 5 6\n")
    rows = b"\n".join(word + b" " + np.full(2, i, "<f4").tobytes() for i, word in enumerate([b"cat", b"dog", b"cat"]))
    (tmp_path / "v.bin").write_bytes(b"3 2\n" + rows)
    for name in ("v.vec", "v.bin"):
        with pytest.warns(UserWarning, match=r"1 rows repeat a word .* such as 'cat'; the first"):
            vectors = WordVectors.load(tmp_path / name)
        assert vectors.words == ("cat", "dog")
    assert vectors.vectors.tolist() == [[0, 0], [1, 1]]


@pytest.mark.parametrize("name", ["v.vec", "v.bin", "v.txt", "v.safetensors", "v.vec.gz"])
def test_a_part_of_a_file_can_be_loaded(name, tmp_path):
    words = ["cat", "dog", "eel", "fox"]
    WordVectors(words, np.arange(8).reshape(4, 2), [4, 3, 2, 1]).save(tmp_path / name)
    first = WordVectors.load(tmp_path / name, limit=2)
    assert first.words == ("cat", "dog")
    assert first.vectors.tolist() == [[0, 1], [2, 3]]
    some = WordVectors.load(tmp_path / name, words=["fox", "dog", "gnu"])
    assert some.words == ("dog", "fox")
    assert some.vectors.tolist() == [[2, 3], [6, 7]]
    assert WordVectors.load(tmp_path / name, words=["fox", "dog"], limit=1).words == ("dog",)
    with pytest.raises(UnlabeledError, match="none of the words"):
        WordVectors.load(tmp_path / name, words=["gnu"])
    with pytest.raises(UnlabeledError, match="words is empty"):
        WordVectors.load(tmp_path / name, words=[])
    for wrong in ([1], [["cat"]]):
        with pytest.raises(UnlabeledError, match="words is a list of strings"):
            WordVectors.load(tmp_path / name, words=wrong)
    with pytest.raises(UnlabeledError, match="limit must be a whole number"):
        WordVectors.load(tmp_path / name, limit=0)


def test_what_comes_after_the_limit_is_not_read(tmp_path):
    (tmp_path / "v.txt").write_text("cat 1 2\n" + "dog 3 4\n" * 3 + "x" * 100)
    with pytest.raises(UnlabeledError, match="line 5: expected a word and 2 numbers"):
        WordVectors.load(tmp_path / "v.txt")
    (tmp_path / "v.bin").write_bytes(b"2 1\ncat " + np.ones(1, "<f4").tobytes() + b"\ncut")
    assert WordVectors.load(tmp_path / "v.bin", limit=1).words == ("cat",)


def test_words_cut_within_a_character_can_be_loaded(tmp_path):
    (tmp_path / "v.vec").write_bytes(b"2 1\n\xd0\xb0\xd0 1\nb 2\n")
    (tmp_path / "v.bin").write_bytes(b"2 1\n\xd0\xb0\xd0 " + b"\0\0\0\0\nb \0\0\0\0\n")
    for name in ("v.vec", "v.bin"):
        with pytest.raises(UnlabeledError, match="errors='replace'"):
            WordVectors.load(tmp_path / name)
        assert WordVectors.load(tmp_path / name, errors="replace").words == ("а\ufffd", "b")


@pytest.mark.parametrize("header", ["", "2 2\n"])
def test_spaces_may_be_doubled(header, tmp_path):
    (tmp_path / "v.txt").write_text(header + "cat  1 2\n. .  3   4\n")
    vectors = WordVectors.load(tmp_path / "v.txt")
    assert vectors.words == ("cat", ". .")
    assert vectors.vectors.tolist() == [[1, 2], [3, 4]]


def test_a_word_may_begin_with_a_byte_order_mark(tmp_path):
    vectors = WordVectors(["\ufeffa", "a"], [[1, 2], [3, 4]])
    for name in ("v.vec", "v.bin", "v.safetensors"):
        vectors.save(tmp_path / name)
        assert WordVectors.load(tmp_path / name).words == ("\ufeffa", "a")
    with pytest.raises(UnlabeledError, match="without a header, the mark"):
        vectors.save(tmp_path / "v.txt", "glove")
    (tmp_path / "marked.txt").write_text("\ufeffa 1 2\nb 3 4\n")
    assert WordVectors.load(tmp_path / "marked.txt").words == ("a", "b")


def test_the_first_word_of_a_file_without_header_may_hold_spaces(tmp_path):
    (tmp_path / "v.txt").write_text(". . . 1 2\nat name@domain.com 3 4\n2 5 6\n")
    assert WordVectors.load(tmp_path / "v.txt").words == (". . .", "at name@domain.com", "2")


def test_every_usual_compression_is_undone(tmp_path):
    content = b"2 2\ncat 1 2\ndog 3 4\n"
    (tmp_path / "v.bz2").write_bytes(bz2.compress(content))
    (tmp_path / "v.xz").write_bytes(lzma.compress(content))
    with zipfile.ZipFile(tmp_path / "v.zip", "w") as archive:
        archive.writestr("folder/", "")
        archive.writestr("folder/v.txt", content)
        archive.writestr("__MACOSX/v.txt", "")
    for name in ("v.bz2", "v.xz", "v.zip"):
        assert WordVectors.load(tmp_path / name).words == ("cat", "dog")
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("50d.txt", content)
        archive.writestr("100d.txt", content)
    with pytest.raises(UnlabeledError, match=r"an archive of 2 files: 50d\.txt, 100d\.txt; unpack it"):
        WordVectors.load(tmp_path / "two.zip")
    (tmp_path / "cut.zip").write_bytes((tmp_path / "v.zip").read_bytes()[:80])
    with pytest.raises(UnlabeledError, match=r"cannot read .*cut\.zip"):
        WordVectors.load(tmp_path / "cut.zip")


@pytest.mark.parametrize("content", [b"x", b"2 2\nx", b"1"])
def test_a_line_without_end_is_refused_before_it_fills_the_memory(content, tmp_path):
    with gzip.open(tmp_path / "v.gz", "wb", 1) as file:
        for part in (content, *[b"x" * (1 << 20)] * 200):
            file.write(part)
    tracemalloc.start()
    with pytest.raises(UnlabeledError, match="a line has more than 32 MiB"):
        WordVectors.load(tmp_path / "v.gz")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 150 << 20


def test_a_parquet_table_of_words_is_a_table_of_vectors(tmp_path):
    from unlabeled.data import Vectors
    from unlabeled.runs.grouping.feature_matrix import open_rows

    vectors = WordVectors(["cat", "dog"], [[1, 2], [3, 4]], [5, 3])
    vectors.save(tmp_path / "v.parquet")
    again = WordVectors.load(tmp_path / "v.parquet")
    assert (again.words, again.counts.tolist(), again.vectors.tolist()) == (("cat", "dog"), [5, 3], [[1, 2], [3, 4]])
    assert list(Vectors(tmp_path / "v.parquet").ids) == ["cat", "dog"]
    for name in ("v.vec", "v.bin", "v.safetensors"):
        vectors.save(tmp_path / name)
        rows = open_rows(tmp_path / name, scale="none")
        assert list(rows.ids) == ["cat", "dog"]
        assert np.array_equal(rows.array, vectors.vectors)
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(UnlabeledError, match=r"bad\.parquet holds no word vectors"):
        WordVectors.load(tmp_path / "bad.parquet")


@pytest.mark.parametrize("vectors", [[[1.0, 2.0], [3.0, 4.0, 5.0, 6.0]], [[1.0, 2.0, 3.0], None, [4.0, 5.0, 6.0]]])
def test_vectors_of_several_lengths_in_parquet_are_refused(vectors, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    words = ["a", "b", "c"][: len(vectors)]
    pq.write_table(pa.table({"id": words, "vector": pa.array(vectors, pa.list_(pa.float32()))}), tmp_path / "v.parquet")
    with pytest.raises(UnlabeledError, match="must all be there and of one length"):
        WordVectors.load(tmp_path / "v.parquet")
