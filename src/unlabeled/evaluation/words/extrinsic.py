"""Extrinsic evaluation: do the vectors help a small classifier of texts more than random ones would?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unlabeled.data.text.tokenization.tokenizers import tokenize
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.evaluation.accuracy import wilson_interval
from unlabeled.evaluation.inputs import Labels, class_labels
from unlabeled.evaluation.protocol import LEARNT, Score
from unlabeled.evaluation.split import stratified_split
from unlabeled.evaluation.words.lexicon import Lexicon
from unlabeled.methods.words.lookup.opened_vectors import opened_vectors
from unlabeled.setting_checks import seed_numbers

Mode = Literal["frozen", "fine-tuned"]
MODES: tuple[Mode, ...] = ("frozen", "fine-tuned")
RANDOM = "random"


@dataclass(frozen=True)
class ExtrinsicResult:
    """How a text classifier fares on the vectors, and on random ones."""

    scores: tuple[Score, ...]
    """Test accuracy of "learnt" and "random" vectors, "frozen" and "fine-tuned", over the seeds."""
    choices: dict[str, list[dict[str, float]]]
    """Learning rate and epochs chosen for each seed, by "learnt frozen" and so on."""
    majority: float
    """Test accuracy of always answering the class that most training texts have."""
    seeds: tuple[int, ...]
    """One random table, split and initialisation for each."""
    n_train: int
    """Training texts."""
    n_test: int
    """Test texts."""
    n_classes: int
    """Classes."""
    coverage: float
    """Share of the training texts' words, repetitions counted, that have a vector; the others are passed over."""

    def score(self, mode: Mode, representation: str = LEARNT) -> Score:
        """Find one score."""
        for score in self.scores:
            if (score.metric, score.representation) == (f"{mode} accuracy", representation):
                return score
        known = [f"{score.metric} of {score.representation}" for score in self.scores]
        raise unknown_name("score", f"{mode} accuracy of {representation}", known)

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values that JSON can hold."""
        return asdict(self)

    def __str__(self) -> str:
        rows = [
            f"{self.n_classes} classes, {self.n_train} training and {self.n_test} test texts, majority "
            f"{self.majority:.1%}, {self.coverage:.1%} of words have vectors, {len(self.seeds)} seeds"
        ]
        for score in self.scores:
            spread = "" if score.std is None else f" ± {score.std:.1%}"
            rows.append(f"{score.metric:<20} {score.representation:<7} {score.mean:.1%}{spread}")
        return "\n".join(rows)


def extrinsic(
    vectors: Any,
    texts: Sequence[str],
    labels: ArrayLike,
    test_texts: Sequence[str],
    test_labels: ArrayLike,
    *,
    modes: Sequence[Mode] = MODES,
    seeds: int | Sequence[int] = (0, 1, 2),
    tokenizer: str | Callable[[str], Iterable[str]] | None = None,
    ignore_case: bool = True,
) -> ExtrinsicResult:
    """Classify texts by the mean of their words' vectors, and compare with random vectors of the same words.

    The network is a mean over a text's words, standardised, and a linear layer. The vectors are frozen, or trained with
    it. Learning rate and number of epochs are chosen on a fifth of the training texts, held out, for each kind of
    vectors, mode and seed; then the network learns from all training texts and sees the test texts once.

    Parameters
    ----------
    vectors : WordVectors, path, fitted word method, mapping, or vectors of another library
        What to judge. Of other libraries a spaCy pipeline with vectors, gensim's ``KeyedVectors``, and a
        ``StaticEmbedding`` of sentence-transformers; see `foreign_vectors`.
    texts, test_texts : sequence of str
        Texts to learn from and to test on.
    labels, test_labels : array of int or str, shape (n,)
        Their classes; texts with −1, or without a name, are passed over.
    modes : sequence of {"frozen", "fine-tuned"}, default both
        Whether the vectors are trained too.
    seeds : int or sequence of int, default (0, 1, 2)
        One held-out part, random table and initialisation for each.
    tokenizer : {"words", "whitespace"} or callable, default "words"
        How a text is cut into words; see `unlabeled.data.tokenize`. Use the one of the vectors' training.
    ignore_case : bool, default True
        Let "Paris" find the vector of "paris".

    Returns
    -------
    ExtrinsicResult

    Raises
    ------
    UnlabeledError
        If there are fewer than two classes, no word has a vector, or lengths differ.

    Examples
    --------
    >>> from unlabeled import WordVectors
    >>> vectors = WordVectors(["good", "fine", "bad", "poor"], [[2, 1], [2, 2], [-2, 1], [-2, 0]])
    >>> texts, labels = ["good", "fine good", "bad", "poor bad"] * 5, [1, 1, 0, 0] * 5
    >>> found = extrinsic(vectors, texts, labels, ["fine", "poor"], [1, 0], modes=["frozen"], seeds=[0])
    >>> found.score("frozen").mean
    1.0
    """
    vectors, _ = opened_vectors(vectors)
    for mode in modes:
        if mode not in MODES:
            raise unknown_name("mode", mode, MODES)
    seeds = seed_numbers(seeds)
    if not modes or not seeds:
        raise UnlabeledError("extrinsic needs at least one mode and one seed")
    for which, given in {"": texts, "test ": test_texts}.items():
        if isinstance(given, str):
            raise UnlabeledError(f"{which}texts must be a sequence of strings, not one string")
    known_labels = class_labels((labels, len(texts), "labels"), (test_labels, len(test_texts), "test labels"))
    words, truth = _labelled(texts, known_labels.parts[0], tokenizer, "")
    test_words, test_truth = _labelled(test_texts, known_labels.parts[1], tokenizer, "test ")
    classes = np.unique(truth)
    if len(classes) < 2:
        raise UnlabeledError("all labelled training texts are of one class; a classifier needs at least two")

    lexicon = Lexicon(vectors, ignore_case)
    table, known = _table(lexicon, [*words, *test_words])
    if not known:
        raise UnlabeledError(
            f"no word of the texts is among the {len(vectors):,} of the vectors; "
            "are they of the same language, and cut into words alike?"
        )
    counts = Counter(word for text in words for word in text)
    codes = np.searchsorted(classes, truth)
    # A class that only the test texts have is none of the network's, so its texts count as wrong.
    test_codes = np.where(np.isin(test_truth, classes), np.searchsorted(classes, test_truth), -1)

    import torch

    from unlabeled.evaluation.words.bag_classifier import Bags, Means, choose, judge, means

    truths = torch.from_numpy(codes), torch.from_numpy(test_codes)
    bags = Bags.of(words, known), Bags.of(test_words, known)
    accuracies: dict[tuple[str, Mode], list[float]] = {(name, mode): [] for mode in modes for name in (LEARNT, RANDOM)}
    choices: dict[str, list[dict[str, float]]] = {f"{name} {mode}": [] for name, mode in accuracies}
    for seed in seeds:
        kept, held = map(torch.from_numpy, stratified_split(codes, 0.2, seed))
        tables = {LEARNT: table, RANDOM: np.random.default_rng(seed).normal(size=table.shape).astype(np.float32)}
        for name, mode in accuracies:
            start = torch.from_numpy(tables[name])
            train, test = bags if mode == "fine-tuned" else (Means(means(start, part)) for part in bags)
            chosen = choose(start, train, truths[0], kept, held, seed)
            accuracies[name, mode].append(judge(start, train, truths[0], test, truths[1], chosen, seed))
            choices[f"{name} {mode}"].append(chosen._asdict())
    return ExtrinsicResult(
        scores=tuple(_score(name, mode, found, len(test_codes)) for (name, mode), found in accuracies.items()),
        choices=choices,
        majority=float((test_codes == np.bincount(codes).argmax()).mean()),
        seeds=seeds,
        n_train=len(codes),
        n_test=len(test_codes),
        n_classes=len(classes),
        coverage=sum(counts[word] for word in known) / max(1, counts.total()),
    )


def _labelled(
    texts: Sequence[str], classes: Labels, tokenizer: str | Callable[[str], Iterable[str]] | None, which: str
) -> tuple[list[list[str]], Labels]:
    """Give the words of the labelled texts, and their labels."""
    if not (classes >= 0).any():
        raise UnlabeledError(f"{which}labels: no text is labelled")
    return (
        [tokenize(text, tokenizer) for text, label in zip(texts, classes, strict=True) if label >= 0],
        classes[classes >= 0],
    )


def _table(lexicon: Lexicon, texts: Iterable[Iterable[str]]) -> tuple[NDArray[np.float32], dict[str, int]]:
    """Give the vectors of all words that have one, scaled to unit variance, and each word's row."""
    occurring = dict.fromkeys(word for text in texts for word in text)
    known = {word: row for row, word in enumerate(word for word in occurring if lexicon.knows(word))}
    vectors = lexicon.lookup(list(known))
    # Learning rates then mean the same for all vectors, and for the random ones, whose variance is 1.
    scale = vectors.std() if vectors.size else 0
    return (vectors / (scale or 1)).astype(np.float32), known


def _score(representation: str, mode: str, values: list[float], n_test: int) -> Score:
    mean = float(np.mean(values))
    return Score(
        representation=representation,
        metric=f"{mode} accuracy",
        values=tuple(values),
        mean=mean,
        std=float(np.std(values, ddof=1)) if len(values) > 1 else None,
        interval=wilson_interval(mean, n_test),
    )
