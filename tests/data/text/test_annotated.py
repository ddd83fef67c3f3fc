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
