from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unlabeled import WordVectors
from unlabeled.errors import UnlabeledError
from unlabeled.evaluation import analogies
from unlabeled.evaluation.words.analogies import read_questions

ROYAL = WordVectors(["king", "queen", "man", "woman"], [[2, 1], [2, 3], [0, 1], [0, 3]])


def loop(vectors, questions, method, restrict):
    """One question, one candidate at a time."""
    words = vectors.words[:restrict]
    right = asked = 0
    for a, b, c, d in questions:
        if not {a, b, c, d} <= set(words):
            continue
        asked += 1
        u = {w: vectors[w].astype(float) / np.linalg.norm(vectors[w].astype(float)) for w in words}
        scored = []
        for x in words:
            if x in (a, b, c):
                continue
            xa, xb, xc = u[x] @ u[a], u[x] @ u[b], u[x] @ u[c]
            score = xb - xa + xc if method == "3CosAdd" else (xb + 1) / 2 * (xc + 1) / 2 / ((xa + 1) / 2 + 0.001)
            scored.append((score, x))
        right += bool(scored) and max(scored)[1] == d
    return right, asked


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 9999),
    n=st.integers(4, 12),
    method=st.sampled_from(["3CosAdd", "3CosMul"]),
    restrict=st.none() | st.integers(1, 15),
)
def test_agrees_with_the_loop(seed, n, method, restrict):
    rng = np.random.default_rng(seed)
    vectors = WordVectors([f"w{i}" for i in range(n)], rng.normal(size=(n, 3)))
    questions = [tuple(f"w{i}" for i in row) for row in rng.integers(0, n + 1, size=(20, 4))]
    found = analogies(vectors, {"one": questions[:7], "two": questions[7:]}, method=method, restrict=restrict)
    for section, asked in zip(found.sections, (questions[:7], questions[7:]), strict=True):
        assert (section.n_right, section.n_asked) == loop(vectors, asked, method, restrict)
        assert section.n_questions == len(asked)
    assert found.total.n_right == sum(section.n_right for section in found.sections)
    assert (found.n_words, found.restrict) == (min(n, restrict or n), restrict)


def test_exact_values():
    found = analogies(ROYAL, {"royal": [("man", "king", "woman", "queen"), ("man", "king", "woman", "king")]})
    assert (found.accuracy, found.coverage) == (0.5, 1)  # a word of the question is never the answer
    assert found.total.n_asked == 2


def test_questions_with_unknown_words_are_not_asked():
    questions = {"royal": [("man", "king", "woman", "queen")], "zoo": [("man", "king", "frog", "toad")]}
    found = analogies(ROYAL, questions)
    assert (found.accuracy, found.coverage) == (1, 0.5)
    assert found.sections[1].accuracy is None
    assert json.loads(json.dumps(found.to_dict()))["sections"][1]["accuracy"] is None
    assert str(found).splitlines() == [
        "analogies by 3CosAdd among 4 words (restrict=30000)",
        "royal  100.0%       1 of 1 asked",
        "zoo         –       0 of 1 asked",
        "total  100.0%       1 of 2 asked",
    ]


def test_nothing_is_asked_of_vectors_without_the_words():
    found = analogies(ROYAL, {"zoo": [("a", "b", "c", "d")]})
    assert (found.accuracy, found.coverage) == (None, 0)


def test_a_restriction_leaves_rare_words_out_of_questions_and_answers():
    near = WordVectors([*ROYAL.words, "empress"], [*ROYAL.vectors.tolist(), [2.02, 2.7]])
    questions = {"royal": [("man", "king", "woman", "queen")]}
    assert analogies(near, questions, restrict=None).accuracy == 0
    assert analogies(near, questions, restrict=4).accuracy == 1
    assert analogies(near, questions, restrict=3).coverage == 0


def test_case():
    words = ["King", "Queen", "man", "king", "woman"]
    vectors = WordVectors(words, [[2, 1], [2, 3], [0, 1], [2.1, 2.9], [0, 3]])
    questions = {"royal": [("Man", "KING", "woman", "queen")]}
    found = analogies(vectors, questions)
    # "king" is "King" again, less frequent, and so no candidate.
    assert (found.accuracy, found.n_words) == (1, 4)
    assert analogies(vectors, questions, ignore_case=False).coverage == 0


def test_files(tmp_path):
    path = tmp_path / "questions.txt"
    path.write_text(": royal\nman king woman queen\n\n:family\nman woman king queen\n: royal\nwoman queen man king\n")
    questions = read_questions(path)
    assert list(questions) == ["royal", "family"]
    assert len(questions["royal"]) == 2
    assert analogies(ROYAL, path).accuracy == 1
    path.write_text("man king woman queen\n")
    assert list(read_questions(path)) == ["questions"]


@pytest.mark.parametrize(
    ("content", "keywords", "message"),
    [
        (": a\nman king woman\n", {}, r"q\.txt, line 2: expected four words, found 3"),
        ("", {}, "no questions"),
        (": a\n", {}, "no questions"),
        ("man king woman queen\n", {"method": "3cosadd"}, "did you mean '3CosAdd'"),
        ("man king woman queen\n", {"restrict": 0}, "restrict must be a whole number of at least 1"),
    ],
)
def test_bad_input_is_refused(content, keywords, message, tmp_path):
    path = tmp_path / "q.txt"
    path.write_text(content)
    with pytest.raises(UnlabeledError, match=message):
        analogies(ROYAL, path, **keywords)


@pytest.mark.parametrize(
    ("questions", "message"),
    [
        (
            {"royal": [("man", "king"), ("woman", "queen", *ROYAL.words)]},
            "question 0 of section 'royal' should be four",
        ),
        ({"royal": [("man", "king", "woman", "queen"), ("man", "king", "woman")]}, "question 1 of section 'royal'"),
        ({"royal": [("man", "king", "woman", 3)]}, "four words, not"),
        ({"royal": ["king"]}, "four words, not 'king'"),
        ({"royal": [None]}, "four words, not None"),
        ([("man", "king", "woman", "queen")], "should be a mapping from a section's name"),
    ],
)
def test_malformed_questions_in_memory_are_named(questions, message):
    with pytest.raises(UnlabeledError, match=message):
        analogies(ROYAL, questions)


def test_questions_may_be_lists_and_iterators():
    question = ["man", "king", "woman", "queen"]
    assert analogies(ROYAL, {"royal": (given for given in [question])}) == analogies(ROYAL, {"royal": [question]})


@pytest.mark.real_data
def test_the_usual_file_is_read(real_data):
    questions = read_questions(real_data / "words" / "questions-words.txt")
    assert len(questions) == 14
    assert sum(map(len, questions.values())) == 19_544
    assert questions["capital-common-countries"][0] == ("Athens", "Greece", "Baghdad", "Iraq")
