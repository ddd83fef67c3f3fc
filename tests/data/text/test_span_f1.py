import pytest

from unlabeled.data.text.span_f1 import answer_f1, chunks_of, entity_f1


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("B-A I-A O B-B", {(0, 2, "A"), (3, 4, "B")}),
        ("I-A I-A", {(0, 2, "A")}),
        ("B-A B-A", {(0, 1, "A"), (1, 2, "A")}),
        ("B-A I-B", {(0, 1, "A"), (1, 2, "B")}),
        ("O O", set()),
        ("B-A E-A S-A S-A I-A", {(0, 2, "A"), (2, 3, "A"), (3, 4, "A"), (4, 5, "A")}),
        ("U-A U-A B-A I-A L-A I-A", {(0, 1, "A"), (1, 2, "A"), (2, 5, "A"), (5, 6, "A")}),
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


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("B I O B", {(0, 2, ""), (3, 4, "")}),
        ("S O B I E", {(0, 1, ""), (2, 5, "")}),
        ("NOUN VERB", set()),
    ],
)
def test_chunks_of_one_kind_need_no_name(tags, expected):
    assert chunks_of(tags.split()) == expected
