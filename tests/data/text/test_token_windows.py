import json

import numpy as np
import pytest
from tokenizers import Tokenizer

from unlabeled.data.text.token_windows import IGNORED, Questions, TaggedWords, pair_rows, windows_with_stride
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


def test_pairs_stand_in_one_row(tokenizer):
    rows = pair_rows((["one"], ["two"]), tokenizer, 20)
    one, two = tokenizer.encode(["one", "two"])
    assert rows.rows[0].tolist() == tokenizer.pair_with_special_tokens(one, two, 20).tolist()
    with pytest.raises(UnlabeledError, match="three texts"):
        pair_rows((["a"], ["b"], ["c"]), tokenizer, 20)


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("one two", "sentence 1 is a string"),
        (None, "sentence 1 is None"),
        (7, "sentence 1 is 7"),
        (["one", 2], "sentence 1 holds 2 in row 1, where a text belongs"),
    ],
)
def test_a_sentence_is_a_list_of_words(tokenizer, sentence, told):
    with pytest.raises(UnlabeledError, match=told):
        TaggedWords.cut([["one"], sentence], tokenizer, 16)


def test_an_empty_question_about_an_empty_text_is_refused_where_no_token_stands_for_it(tokenizer):
    backend = json.loads(tokenizer.backend.to_str()) | {"post_processor": None}  # adds no tokens to a text
    bare = SubwordTokenizer(Tokenizer.from_str(json.dumps(backend)), {"pad": tokenizer.special["pad"]})
    assert len(Questions.cut([("", "")], tokenizer, 20).rows.rows[0])
    with pytest.raises(UnlabeledError, match="question 1 and its context are both empty"):
        Questions.cut([("one", ""), ("", "")], bare, 20)
