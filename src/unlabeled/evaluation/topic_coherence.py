"""Judging topics by their most probable words: do these occur together, and do topics differ?

Both figures take lists of words, so any model's topics can be judged, and all of them alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.data.text.documents import Documents
from unlabeled.errors import UnlabeledError
from unlabeled.setting_checks import check_whole_number


@dataclass(frozen=True)
class CoherenceResult:
    """How coherent topics are.

    Attributes
    ----------
    topics : list of float
        Of each topic, between −1 (its words never meet) and 1 (they are only found together).
    mean : float
        Of all topics.
    """

    topics: list[float]
    mean: float


def topic_coherence(
    topics: Sequence[Sequence[str]],
    documents: Any,
    n: int = 10,
    *,
    tokenizer: str | Callable[[str], Iterable[str]] | None = None,
) -> CoherenceResult:
    r"""Measure how much more often than by chance the words of a topic are in the same documents (NPMI).

    .. math:: \mathrm{NPMI}(v, w) = \frac{\log \frac{p(v, w)}{p(v) \, p(w)}}{-\log p(v, w)}

    averaged over all pairs of a topic's words, where p is the share of the documents that hold the word, or both. It
    is −1 for words that are never in one document, also where a word is in none at all. (Some take a sliding window
    for a document; the figures then differ. For that, give the windows as documents.)

    Parameters
    ----------
    topics : sequence of sequences of str
        The words of each topic, such as `PLSA.top_words` gives; the first n are looked at.
    documents : list of strings, path, or Documents
        Where to look for them: preferably a large text that the topics were not learnt from.
    n : int, default 10
        Words of a topic.
    tokenizer : str or callable, default "words"
        How texts become words: as it was when the topics were learnt; see `unlabeled.data.tokenize`.

    Returns
    -------
    CoherenceResult

    References
    ----------
    .. [1] Bouma, Normalized (Pointwise) Mutual Information in Collocation Extraction, GSCL 2009.
    .. [2] Lau, Newman & Baldwin, Machine Reading Tea Leaves, EACL 2014.

    Examples
    --------
    >>> texts = ["cat purr", "cat purr", "dog bark", "dog bark", "dog purr"]
    >>> [round(figure, 3) for figure in topic_coherence([["cat", "purr"], ["cat", "bark"]], texts).topics]
    [0.557, -1.0]
    """
    lists = _checked(topics, n)
    words = sorted({word for topic in lists for word in topic})
    counted = (
        documents
        if isinstance(documents, Documents)
        else Documents.count(documents, tokenizer=tokenizer, vocabulary=words)
    )
    columns = {word: i for i, word in enumerate(counted.words)}
    missing = [word for word in words if word not in columns]
    if missing:
        raise UnlabeledError(
            f"{len(missing)} words of the topics are not counted in the documents, such as {missing[0]!r}; give the "
            "texts themselves, or Documents counted with the same vocabulary"
        )
    inside = (counted.counts[:, [columns[word] for word in words]] > 0).astype(np.int64)
    together = np.asarray((inside.T @ inside).todense())
    places = {word: i for i, word in enumerate(words)}
    figures = [_mean_npmi(together[np.ix_(chosen, chosen)], len(counted)) for chosen in _numbered(lists, places)]
    return CoherenceResult(figures, float(np.mean(figures)))


def topic_diversity(topics: Sequence[Sequence[str]], n: int = 25) -> float:
    """Give the share of different words among the first n words of all topics: 1 if no two topics share one.

    Parameters
    ----------
    topics : sequence of sequences of str
        The words of each topic.
    n : int, default 25
        Words of a topic.

    References
    ----------
    .. [1] Dieng, Ruiz & Blei, Topic Modeling in Embedding Spaces, TACL 2020.

    Examples
    --------
    >>> topic_diversity([["cat", "purr"], ["cat", "bark"]])
    0.75
    """
    lists = _checked(topics, n)
    words = [word for topic in lists for word in topic]
    return len(set(words)) / len(words)


def _checked(topics: Sequence[Sequence[str]], n: int) -> list[list[str]]:
    check_whole_number("n", n, least=2)
    lists = [list(topic)[:n] for topic in topics if not isinstance(topic, str)]
    if len(lists) != len(topics) or any(not isinstance(word, str) for topic in lists for word in topic):
        raise UnlabeledError("topics must be lists of words, one list a topic")
    if not lists or any(len(set(topic)) < 2 for topic in lists):
        raise UnlabeledError("a topic needs at least 2 different words to be judged")
    return lists


def _numbered(lists: list[list[str]], places: dict[str, int]) -> list[list[int]]:
    return [list(dict.fromkeys(places[word] for word in topic)) for topic in lists]


def _mean_npmi(together: NDArray[np.int64], documents: int) -> float:
    """Average over the pairs of a topic; `together` counts documents, those of single words on the diagonal."""
    first, second = np.triu_indices(len(together), 1)
    both = together[first, second] / documents
    single = together.diagonal() / documents
    figures = np.full(len(both), -1.0)
    figures[both == 1] = 1.0  # words that are everywhere
    met = (both > 0) & (both < 1)
    chance = single[first[met]] * single[second[met]]
    figures[met] = np.log(both[met] / chance) / -np.log(both[met])
    return float(figures.mean())
