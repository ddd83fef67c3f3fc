import json

import numpy as np
import pandas as pd
import pytest

from unlabeled.data.text.annotated import (
    IGNORED,
    Questions,
    TaggedWords,
    answer_f1,
    answer_span,
    chunks_of,
    entity_f1,
    given_answers,
    pair_rows,
    read_annotated,
    read_conll,
    sentence_tags,
    windows_with_stride,
)
from unlabeled.data.text.tokenization.subword_tokenizer import SubwordTokenizer
from unlabeled.errors import UnlabeledError


@pytest.fixture(scope="module")
def tokenizer():
    return SubwordTokenizer.train(["one two three four five six seven eight nine ten"] * 3, size=45)


@pytest.mark.parametrize(("count", "room"), [(0, 5), (5, 5), (6, 5), (40, 7), (3, 1)])
def test_windows_cover_everything_and_overlap(count, room):
    windows = windows_with_stride(count, room)
    assert {i for begin, end in windows for i in range(begin, end)} == set(range(count))
    assert all(0 <= end - begin <= room for begin, end in windows)


def test_the_first_token_of_a_word_is_tagged_and_the_rest_ignored(tokenizer):
    made = TaggedWords.cut([["seven", "one"]], tokenizer, 40)
    (target,) = made.targets([np.array([3, 4])])
    ids, words = tokenizer.encode_words(["seven", "one"])
    assert len(ids) > 2  # a word has several pieces
    expected = [3 if i == 0 else 4 if words[i] == 1 and words[i - 1] == 0 else IGNORED for i in range(len(ids))]
    assert target.tolist() == [IGNORED, *expected, IGNORED]


def test_every_word_of_a_long_sentence_is_read_once(tokenizer):
    words = ["one", "two", "three"] * 30
    made = TaggedWords.cut([words, []], tokenizer, 16)
    scores = [np.full((len(row), 2), float(i)) for i, row in enumerate(made.rows.rows)]
    found = made.of_words(scores, 2)
    assert [len(f) for f in found] == [90, 0]
    assert (np.diff(found[0][:, 0]) >= 0).all()  # windows one after the other
    seen = {
        int(w) for heads, owner in zip(made.heads, made.rows.owner, strict=True) for w in heads if not owner and w >= 0
    }
    assert seen == set(range(90))


@pytest.mark.parametrize("length", [64, 18])
def test_an_answer_survives_the_windows(tokenizer, length):
    context = "one two three four five six seven eight nine ten " * 4
    start = context.index("eight nine", 60)
    questions = Questions.cut([("one two", context)], tokenizer, length)
    targets = questions.targets([(start, start + 10)])
    found = [
        questions.places[0][begin + np.array([a, b]) - first]
        for (a, b), first, begin in zip(targets, questions.rows.first, questions.rows.begin, strict=True)
        if b
    ]
    assert found  # at least one window holds it
    assert {(int(p[0, 0]), int(p[1, 1])) for p in found} == {(start, start + 10)}
    without = questions.targets([None])
    assert all((target == 0).all() for target in without)


def test_answers_are_checked():
    assert answer_span(("b", 2), "a b", 0) == (2, 3)
    assert answer_span({"text": ["b"], "answer_start": [2]}, "a b", 0) == (2, 3)
    assert answer_span({"text": [], "answer_start": []}, "a b", 0) is None
    with pytest.raises(UnlabeledError, match="question 7: the answer 'c' does not stand at character 2"):
        answer_span(("c", 2), "a b", 7)


def test_of_several_answers_all_are_read_and_the_first_is_learnt():
    several = {"text": ["b c", "c"], "answer_start": [2, 4]}
    assert given_answers(several) == [("b c", 2), ("c", 4)]
    assert answer_span(several, "a b c", 0) == (2, 5)
    assert [given_answers(nothing) for nothing in (None, "", float("nan"), {"text": [], "answer_start": []})] == [
        []
    ] * 4


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


def test_pairs_stand_in_one_row(tokenizer):
    rows = pair_rows((["one"], ["two"]), tokenizer, 20)
    one, two = tokenizer.encode(["one", "two"])
    assert rows.rows[0].tolist() == tokenizer.pair_with_special_tokens(one, two, 20).tolist()
    with pytest.raises(UnlabeledError, match="three texts"):
        pair_rows((["a"], ["b"], ["c"]), tokenizer, 20)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("B-A I-A O B-B", {(0, 2, "A"), (3, 4, "B")}),
        ("I-A I-A", {(0, 2, "A")}),
        ("B-A B-A", {(0, 1, "A"), (1, 2, "A")}),
        ("B-A I-B", {(0, 1, "A"), (1, 2, "B")}),
        ("O O", set()),
    ],
)
def test_chunks(tags, expected):
    assert chunks_of(tags.split()) == expected


def test_f1_is_of_whole_chunks_and_of_words():
    truth = [["B-A", "I-A", "O", "B-B"]]
    assert entity_f1(truth, truth) == 1.0
    assert entity_f1(truth, [["B-A", "O", "O", "B-B"]]) == 0.5  # though three of four tags are right
    assert answer_f1("The cat!", "cat") == 1.0
    assert answer_f1("", "cat") == 0.0
    assert answer_f1("", "") == 1.0
    assert answer_f1("snake_case", "snakecase") == 1.0  # the underscore is punctuation
    assert answer_f1("की", "का") == 0.0  # a vowel sign is not


def test_files(tmp_path):
    (tmp_path / "t.conll").write_text("-DOCSTART- X\n\nRome NNP B-LOC\nis VBZ O\n\n\nhot JJ O\n")
    words, tags = read_conll(tmp_path / "t.conll")
    assert (words, tags) == ([["Rome", "is"], ["hot"]], [["B-LOC", "O"], ["O"]])
    (tmp_path / "bad.conll").write_text("Rome\n")
    with pytest.raises(UnlabeledError, match="line 1: 'Rome' has no tag"):
        read_conll(tmp_path / "bad.conll")
    asked = {"question": "q", "answers": [{"text": "c", "answer_start": 0}]}
    article = {"paragraphs": [{"context": "c", "qas": [asked, {"question": "r", "is_impossible": True}]}]}
    (tmp_path / "s.json").write_text(json.dumps({"data": [article]}))
    right = {"text": ["c"], "answer_start": [0]}
    assert read_annotated(tmp_path / "s.json", "span") == ([("q", "c"), ("r", "c")], [right, None])
    (tmp_path / "s.json").write_text("{}")
    with pytest.raises(UnlabeledError, match="not in SQuAD's form"):
        read_annotated(tmp_path / "s.json", "span")
    pd.DataFrame({"tokens": [["a", "b"]], "chunk": [["O", "B-X"]]}).to_parquet(tmp_path / "t.parquet")
    assert read_annotated(tmp_path / "t.parquet", "tags") == ([["a", "b"]], [["O", "B-X"]])
    with pytest.raises(UnlabeledError, match="no columns question and context"):
        read_annotated(tmp_path / "t.parquet", "span")
