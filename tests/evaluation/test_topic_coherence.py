from __future__ import annotations

from itertools import combinations
from math import log

import numpy as np
import pytest

from unlabeled.data.text.documents import Documents
from unlabeled.errors import UnlabeledError
from unlabeled.evaluation.topic_coherence import topic_coherence, topic_diversity


def slow_npmi(topic, sets):
    """NPMI by the book, over sets of words."""
    figures = []
    for v, w in combinations(topic, 2):
        p_v, p_w = (sum(word in words for words in sets) / len(sets) for word in (v, w))
        both = sum(v in words and w in words for words in sets) / len(sets)
        figures.append(-1 if both == 0 else 1 if both == 1 else log(both / (p_v * p_w)) / -log(both))
    return sum(figures) / len(figures)


def test_coherence_is_the_mean_npmi_of_pairs():
    rng = np.random.default_rng(0)
    words = [f"word{i}" for i in range(12)]
    texts = [" ".join([*rng.choice(words, 5), "always", "ever"]) for _ in range(40)]
    topics = [[*rng.choice(words, 6, replace=False).tolist(), "always"] for _ in range(4)]
    topics.append(["always", "ever"])
    result = topic_coherence(topics, texts)
    expected = [slow_npmi(topic, [set(text.split()) for text in texts]) for topic in topics]
    np.testing.assert_allclose(result.topics, expected, rtol=1e-12)
    assert result.topics[-1] == 1
    assert result.mean == pytest.approx(sum(expected) / 5)
    counted = topic_coherence(topics, Documents.count(texts, stop_words=None))
    assert counted == result


def test_words_always_together_never_together_and_independent():
    texts = ["aa bb", "aa bb", "cc dd", "cc"] + ["ee"] * 4
    assert topic_coherence([["aa", "bb"]], texts).mean == pytest.approx(1)
    assert topic_coherence([["aa", "cc"], ["aa", "nowhere"]], texts).topics == [-1, -1]
    assert topic_coherence([["xx", "yy"]], ["xx yy", "xx", "yy", "zz"]).mean == pytest.approx(0)


def test_only_the_first_n_words_count():
    texts = ["aa bb", "aa bb", "cc dd"]
    assert topic_coherence([["aa", "bb", "cc"]], texts, n=2).mean == pytest.approx(1)
    assert topic_diversity([["aa", "bb", "cc"], ["dd", "ee", "cc"]], n=2) == 1
    assert topic_diversity([["aa", "bb", "cc"], ["dd", "ee", "cc"]]) == pytest.approx(5 / 6)
    assert topic_diversity([["aa", "bb"]] * 4) == 0.25


@pytest.mark.parametrize(
    ("topics", "says"),
    [([], "at least 2"), ([["aa"]], "at least 2"), (["words"], "lists of words"), ([[1, 2]], "lists of words")],
)
def test_what_is_no_topic_is_refused(topics, says):
    for judge in (lambda: topic_coherence(topics, ["aa bb"]), lambda: topic_diversity(topics)):
        with pytest.raises(UnlabeledError, match=says):
            judge()


def test_words_that_were_not_counted_are_named():
    with pytest.raises(UnlabeledError, match="such as 'zebra'"):
        topic_coherence([["aa", "zebra"]], Documents.count(["aa bb"]))
    with pytest.raises(UnlabeledError, match="n must be"):
        topic_diversity([["aa", "bb"]], n=1)
