from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unlabeled import OneHot, WordVectors
from unlabeled.errors import UnlabeledError
from unlabeled.evaluation import synonyms
from unlabeled.evaluation.words.synonyms import read_synonyms

VECTORS = WordVectors(["big", "large", "red", "far"], [[3, 1], [2, 1], [-1, 3], [1, 3]])


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 9999), choices=st.integers(2, 5))
def test_agrees_with_the_loop(seed, choices):
    rng = np.random.default_rng(seed)
    vectors = WordVectors([f"w{i}" for i in range(9)], rng.normal(size=(9, 3)))
    questions = [[f"w{i}" for i in rng.permutation(9)[: choices + 1]] for _ in range(10)]
    right = sum(vectors.synonym(q[0], sorted(q[1:])).word == q[1] for q in questions)
    found = synonyms(vectors, questions)
    assert found.accuracy == pytest.approx(right / 10)
    assert found.chance == pytest.approx(1 / choices)


def test_exact_values():
    found = synonyms(VECTORS, [("big", "large", "red", "far"), ("big", "red", "large", "far")])
    assert (found.accuracy, found.n_asked, found.coverage) == (0.5, 2, 1)
    assert found.chance == pytest.approx(1 / 3)


def test_orthogonal_words_do_as_well_as_guessing():
    # The right choice comes first in the file: were ties won by the first, this would be a perfect score.
    words = [[f"w{i}" for i in range(8)]]
    found = synonyms(
        OneHot(min_count=1).fit(words).vectors_, [[f"w{i}" for i in range(5)], [f"w{i}" for i in range(3, 8)]]
    )
    assert found.accuracy == found.chance == 0.25


def test_equally_near_choices_share_the_credit():
    vectors = WordVectors(["a", "b", "c", "d"], [[1, 0], [2, 0], [3, 0], [0, 1]])
    assert synonyms(vectors, [("a", "b", "c", "d")]).accuracy == 0.5
    assert synonyms(vectors, [("a", "d", "b", "c")]).accuracy == 0


def test_questions_with_an_unknown_word_are_not_asked():
    found = synonyms(VECTORS, [("big", "large", "red"), ("big", "huge", "red"), ("vast", "large", "red")])
    assert (found.n_asked, found.n_questions) == (1, 3)
    assert json.loads(json.dumps(found.to_dict()))["coverage"] == pytest.approx(1 / 3)
    assert str(found).startswith("questions: 100.0% [")
    assert "of 1 questions (3 in all), chance 50.0%" in str(found)


def test_case():
    questions = [("Big", "LARGE", "red")]
    assert synonyms(VECTORS, questions).n_asked == 1
    with pytest.raises(UnlabeledError, match="not one of 1 questions"):
        synonyms(VECTORS, questions, ignore_case=False)


@pytest.mark.parametrize("separator", ["\t", " ", ", ", ";"])
def test_files(separator, tmp_path):
    path = tmp_path / "toefl.txt"
    path.write_text("# word, synonym, wrong choices\n" + separator.join(["big", "large", "red", "far"]) + "\n\n")
    assert [tuple(question) for question in read_synonyms(path)] == [("big", "large", ("red", "far"))]
    assert str(synonyms(VECTORS, path)).startswith("toefl.txt: 100.0%")


@pytest.mark.parametrize(
    ("content", "message"),
    [("big large red\nbig large\n", r"q\.txt, line 2: expected a word, its synonym"), ("", "no questions")],
)
def test_a_malformed_file_is_named_with_the_line(content, message, tmp_path):
    path = tmp_path / "q.txt"
    path.write_text(content)
    with pytest.raises(UnlabeledError, match=message):
        synonyms(VECTORS, path)


@pytest.mark.parametrize("question", ["big large red", ("big", "large"), ("big", "large", 3), 7, None])
def test_a_malformed_question_is_refused(question):
    with pytest.raises(UnlabeledError, match="question 0 must be a word"):
        synonyms(VECTORS, [question])
