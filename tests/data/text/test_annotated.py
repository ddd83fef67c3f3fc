import json

import numpy as np
import pandas as pd
import pytest

from unlabeled.data.text.annotated import answer_span, given_answers, read_annotated, read_conll, sentence_tags
from unlabeled.errors import UnlabeledError


def test_answers_are_checked():
    assert answer_span(("b", 2), "a b", 0) == (2, 3)
    assert answer_span({"text": ["b"], "answer_start": [2]}, "a b", 0) == (2, 3)
    assert answer_span({"text": [], "answer_start": []}, "a b", 0) is None
    with pytest.raises(UnlabeledError, match="question 7: the answer 'c' does not stand at character 2"):
        answer_span(("c", 2), "a b", 7)


def test_of_several_answers_all_are_read_and_the_first_is_learnt():
    several = {"text": ["b c", "c"], "answer_start": [2, 4]}
    assert given_answers(several, 0) == [("b c", 2), ("c", 4)]
    assert answer_span(several, "a b c", 0) == (2, 5)


@pytest.mark.parametrize(
    "nothing",
    [
        None,
        "",
        " ",
        float("nan"),
        pd.NA,
        ("", 0),
        {"text": [], "answer_start": []},
        {"text": [""], "answer_start": [0]},
        {"text": ["", " "], "answer_start": [-1, 3]},
        {"text": "", "answer_start": -1},
    ],
)
def test_an_empty_answer_is_none(nothing):
    assert given_answers(nothing, 0) == []
    assert answer_span(nothing, "a b", 0) is None


def test_an_empty_answer_beside_others_is_left_out():
    assert given_answers({"text": ["", "b"], "answer_start": [0, 2]}, 0) == [("b", 2)]


@pytest.mark.parametrize(
    "answer",
    [
        "b",
        7,
        True,
        0.5,
        ("b",),
        [("b", 2)],
        ("b", None),
        ("b", "2"),
        ("b", 2.0),
        ("b", -1),
        (5, 2),
        {"text": ["b"], "answer_start": []},
        {"text": [5], "answer_start": [2]},
        {"text": None, "answer_start": None},
    ],
)
def test_what_is_no_answer_is_refused(answer):
    with pytest.raises(UnlabeledError, match="question 7: an answer is its text and the number of the character"):
        answer_span(answer, "a b", 7)


def test_a_sentence_has_all_its_tags_or_none():
    assert sentence_tags(["a", "b"], np.array([0, 3]), 0) == ["0", "3"]
    for nothing in (None, float("nan"), -1, "", ["", None], [-1, -1]):
        assert sentence_tags(["a", "b"], nothing, 0) is None
    assert sentence_tags([], [], 0) == []
    for tags, told in (
        (["O", ""], "sentence 7 has no tag for its word 'b'"),
        (["O"], "sentence 7 has 2 words but 1 tags"),
        ("O O", "sentence 7 has 'O O' for tags"),
    ):
        with pytest.raises(UnlabeledError, match=told):
            sentence_tags(["a", "b"], tags, 7)


def test_files(tmp_path):
    (tmp_path / "t.conll").write_text("-DOCSTART- X\n\nRome NNP B-LOC\nis VBZ O\n\n\nhot JJ O\n")
    words, tags = read_conll(tmp_path / "t.conll")
    assert (words, tags) == ([["Rome", "is"], ["hot"]], [["B-LOC", "O"], ["O"]])
    (tmp_path / "bad.conll").write_text("is VBZ\nRome\n")
    with pytest.raises(UnlabeledError, match="line 2: 'Rome' has no tag"):
        read_conll(tmp_path / "bad.conll")
    asked = {"id": "57a", "question": "q", "answers": [{"text": "c", "answer_start": 0}]}
    article = {"paragraphs": [{"context": "c", "qas": [asked, {"question": "r", "is_impossible": True}]}]}
    (tmp_path / "s.json").write_text(json.dumps({"data": [article]}))
    right = {"text": ["c"], "answer_start": [0]}
    assert read_annotated(tmp_path / "s.json", "span") == ([("q", "c"), ("r", "c")], [right, None], ["57a", "1"])
    (tmp_path / "s.json").write_text("{}")
    with pytest.raises(UnlabeledError, match="not in SQuAD's form"):
        read_annotated(tmp_path / "s.json", "span")
    pd.DataFrame({"id": ["007"], "tokens": [["a", "b"]], "chunk": [["O", "B-X"]]}).to_parquet(tmp_path / "t.parquet")
    assert read_annotated(tmp_path / "t.parquet", "tags") == ([["a", "b"]], [["O", "B-X"]], ["007"])
    with pytest.raises(UnlabeledError, match="no columns question and context"):
        read_annotated(tmp_path / "t.parquet", "span")


def test_white_space_within_a_word_parts_nothing(tmp_path):
    (tmp_path / "t.conll").write_text("1\u00a0000 CD B-N\na\u2028b NN O\n\nNew York\tNNP\tB-LOC\r\nis\tVBZ\tO\r\n")
    words, tags = read_conll(tmp_path / "t.conll")
    assert words == [["1\u00a0000", "a\u2028b"], ["New York", "is"]]
    assert tags == [["B-N", "O"], ["B-LOC", "O"]]


def test_words_without_tags_are_read(tmp_path):
    (tmp_path / "new.conll").write_text("the\ndog\n\nbarks\n")
    assert read_annotated(tmp_path / "new.conll", "tags") == ([["the", "dog"], ["barks"]], None, ["0", "1"])


def test_another_form_with_the_word_in_another_column_is_refused(tmp_path):
    line = "1\tdogs\tdog\tNOUN\t_\t_\t0\troot\t_\t_\n"
    (tmp_path / "t.conllu").write_text(f"# text = dogs\n{line}\n")
    with pytest.raises(UnlabeledError, match="line 2: this is CoNLL-U"):
        read_conll(tmp_path / "t.conllu")


def test_questions_are_texts_and_there_are_some(tmp_path):
    (tmp_path / "s.json").write_text('{"data": []}')
    with pytest.raises(UnlabeledError, match="there are no questions in"):
        read_annotated(tmp_path / "s.json", "span")
    (tmp_path / "s.csv").write_text("question,context,answer\n5,the 5 dogs,5\n")
    with pytest.raises(UnlabeledError, match=r"column 'question' of .* holds 5 in row 0"):
        read_annotated(tmp_path / "s.csv", "span")
    (tmp_path / "s.csv").write_text("question,context,answer\nwho,,dog\n")
    with pytest.raises(UnlabeledError, match="question 0: the answer 'dog' does not stand in its context"):
        read_annotated(tmp_path / "s.csv", "span")


@pytest.mark.parametrize(
    "comments",
    ["# id 23b0 domain=en", "# id 23b0\tdomain=en", "# sent_id = 1\n# text = Rome is hot", "# a b c\n# d e f"],
)
def test_comments_before_a_sentence_are_no_words(tmp_path, comments):
    sentences = "Rome B-LOC\nis O\n"
    (tmp_path / "t.conll").write_text(f"{comments}\n{sentences}\n{comments}\n{sentences}")
    right = [["Rome", "is"]] * 2, [["B-LOC", "O"]] * 2
    if "\t" in comments:  # which parts two cells as well
        (tmp_path / "t.conll").write_text((f"{comments}\n" + sentences.replace(" ", " _ _ ") + "\n") * 2)
    assert read_conll(tmp_path / "t.conll") == right


@pytest.mark.parametrize("before", ["", "# id 7 x\n", "a O\n", "-DOCSTART- X Y Z\n\n"])
@pytest.mark.parametrize("after", ["", "1 O\n", "\n1 O\n", "# O\n1 O\n"])
def test_a_word_that_is_the_mark_of_comments_stays(tmp_path, before, after):
    (tmp_path / "t.conll").write_text(f"{before}# B-X\n{after}\n# B-X\n\nlast O\n")
    words, tags = read_conll(tmp_path / "t.conll")
    every = [pair for sentence in zip(words, tags, strict=True) for pair in zip(*sentence, strict=True)]
    lines = f"{before}# B-X\n{after}# B-X\nlast O".split("\n")
    assert every == [tuple(line.split()) for line in lines if line and len(line.split()) == 2]
