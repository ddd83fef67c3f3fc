"""The protocol: a representation and its baselines, judged by the same probes on the same rows over several seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.evaluation.accuracy import wilson_interval
from unlabeled.evaluation.clustering import clustering
from unlabeled.evaluation.inputs import Labels, Vectors, check_labels, check_some_labelled, check_vectors
from unlabeled.evaluation.knn import knn
from unlabeled.evaluation.linear_probe import linear_probe
from unlabeled.evaluation.retrieval import retrieval
from unlabeled.evaluation.split import Split, grouped_split, stratified_split

LEARNT = "learnt"


@dataclass(frozen=True)
class Score:
    """One measure of one representation over the seeds."""

    representation: str
    """The name of a baseline, or "learnt" for the representation itself."""
    metric: str
    """Such as "knn accuracy"."""
    values: tuple[float, ...]
    """One for each seed."""
    mean: float
    """Their mean."""
    std: float | None
    """Their standard deviation (n − 1), or None for a single seed. It tells how far the draw of the rows matters."""
    interval: tuple[float, float] | None
    """95 % Wilson interval of the mean for the test rows of one split, for measures that are shares of rows: seeds draw
    the same rows again, and so do not add to the evidence."""


@dataclass(frozen=True)
class Evaluation:
    """How a representation fares beside its baselines."""

    scores: tuple[Score, ...]
    """One for each representation and metric."""
    seeds: tuple[int, ...]
    """Seeds of the splits and probes."""
    n_train: int
    """Training rows of each split."""
    n_test: int
    """Test rows of each split."""
    n_classes: int
    """Classes among the labelled rows."""
    split: str
    """Either "random" (stratified, one for each seed) or "given" (one for all)."""

    def score(self, metric: str, representation: str = LEARNT) -> Score:
        """Find one score by its metric and representation."""
        for score in self.scores:
            if (score.metric, score.representation) == (metric, representation):
                return score
        known = [f"{score.metric} of {score.representation}" for score in self.scores]
        raise unknown_name("score", f"{metric} of {representation}", known)

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values that JSON can hold."""
        return asdict(self)

    def rows(self) -> list[dict[str, Any]]:
        """Give a table: one row for each score, with the numbers that make it readable on its own."""
        return [
            {
                "representation": score.representation,
                "metric": score.metric,
                "mean": score.mean,
                "std": score.std,
                "low": score.interval[0] if score.interval else None,
                "high": score.interval[1] if score.interval else None,
                "seeds": len(self.seeds),
                "train": self.n_train,
                "test": self.n_test,
            }
            for score in self.scores
        ]


def evaluate(
    vectors: ArrayLike,
    labels: ArrayLike,
    *,
    baselines: Mapping[str, ArrayLike] | None = None,
    seeds: int | Sequence[int] = (0, 1, 2),
    probes: Sequence[str] = ("knn", "linear"),
    test_size: float = 0.2,
    test_rows: ArrayLike | None = None,
    groups: ArrayLike | None = None,
) -> Evaluation:
    """Judge a representation, and baselines beside it, on the same splits over several seeds.

    Parameters
    ----------
    vectors : array, shape (n, d)
        The representation.
    labels : array of int or str, shape (n,)
        Classes; rows with −1, or without a name, are ignored.
    baselines : mapping of str to array of shape (n, any), optional
        Other vectors of the same rows to compare with, such as raw pixels or an untrained encoder's.
    seeds : int or sequence of int, default=(0, 1, 2)
        One split and one run of every probe for each; 3 stands for 0, 1, 2.
    probes : sequence of str, default=("knn", "linear")
        "knn" and "linear" learn from the training rows and are judged on the test rows; "retrieval" (recall@1 and
        MAP@R) and "clustering" (NMI, ARI, matched accuracy) learn nothing and look at the test rows only.
    test_size : float, default=0.2
        Share of the labelled rows to test on.
    test_rows : array, optional
        The rows to test on, as row numbers or a mask of shape (n,), instead of random splits.
    groups : array of int, shape (n,), optional
        Rows of one group, such as clips of one video, are never in both parts of a random split.

    Returns
    -------
    Evaluation

    Raises
    ------
    UnlabeledError
        If shapes do not fit, a vector is not finite, fewer than two classes are labelled, a probe is unknown, or a part
        of the given split has no labelled row.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> labels = np.arange(100) % 2
    >>> good, poor = rng.normal(size=(100, 4)) + 9 * labels[:, None], rng.normal(size=(100, 4))
    >>> found = evaluate(good, labels, baselines={"noise": poor}, probes=["knn"])
    >>> found.score("knn accuracy").mean
    1.0
    """
    for probe in probes:
        if probe not in PROBES:
            raise unknown_name("probe", probe, PROBES)
    seeds = range(seeds) if isinstance(seeds, (int, np.integer)) else [int(seed) for seed in seeds]
    if not seeds or not probes:
        raise UnlabeledError("evaluate needs at least one seed and one probe")
    representations = {LEARNT: check_vectors(vectors)}
    n = len(representations[LEARNT])
    classes = check_labels(labels, n)
    check_some_labelled(classes)
    n_classes = len(np.unique(classes[classes >= 0]))
    if n_classes < 2:
        raise UnlabeledError("all labelled rows are of one class; judging by classes needs at least two")
    for name, baseline in (baselines or {}).items():
        if name == LEARNT:
            raise UnlabeledError(f'"{LEARNT}" is the name of the representation itself; call the baseline otherwise')
        representations[name] = check_vectors(baseline, f"baseline {name!r}")
        if len(representations[name]) != n:
            raise UnlabeledError(f"baseline {name!r} has {len(representations[name])} rows, the representation has {n}")

    if test_rows is None and groups is not None:
        splits = [grouped_split(classes, groups, test_size, seed) for seed in seeds]
    elif test_rows is None:
        splits = [stratified_split(classes, test_size, seed) for seed in seeds]
    else:
        splits = [_given_split(classes, test_rows)] * len(seeds)
    scores = []
    for name, table in representations.items():
        for probe in probes:
            runs = [PROBES[probe](table, classes, split, seed) for split, seed in zip(splits, seeds, strict=True)]
            scores += [_score(name, metric, [run[metric] for run in runs], len(splits[0].test)) for metric in runs[0]]
    return Evaluation(
        scores=tuple(scores),
        seeds=tuple(int(seed) for seed in seeds),
        n_train=len(splits[0].train),
        n_test=len(splits[0].test),
        n_classes=n_classes,
        split="random" if test_rows is None else "given",
    )


def _given_split(classes: Labels, test_rows: ArrayLike) -> Split:
    given = np.asarray(test_rows)
    n = len(classes)
    mask = given.dtype == bool and given.shape == (n,)
    numbers = given.dtype.kind in "iu" and given.ndim == 1 and given.size > 0 and 0 <= given.min() <= given.max() < n
    if not mask and not numbers:
        raise UnlabeledError(f"test_rows must be row numbers from 0 to {n - 1}, or a mask of shape ({n},)")
    tested = np.zeros(n, dtype=bool)
    tested[given] = True
    split = Split(np.flatnonzero(~tested & (classes >= 0)), np.flatnonzero(tested & (classes >= 0)))
    for part, rows in zip(("training", "test"), split, strict=True):
        if len(rows) == 0:
            raise UnlabeledError(f"the given split leaves no labelled row in the {part} part")
    return split


def _score(representation: str, metric: str, values: list[float], n_test: int) -> Score:
    mean = float(np.mean(values))
    return Score(
        representation=representation,
        metric=metric,
        values=tuple(values),
        mean=mean,
        std=float(np.std(values, ddof=1)) if len(values) > 1 else None,
        interval=wilson_interval(mean, n_test) if metric in SHARES else None,
    )


def _knn(vectors: Vectors, labels: Labels, split: Split, seed: int) -> dict[str, float]:
    train, test = split
    return {"knn accuracy": knn(vectors[train], labels[train], vectors[test], labels[test]).accuracy}


def _linear(vectors: Vectors, labels: Labels, split: Split, seed: int) -> dict[str, float]:
    train, test = split
    found = linear_probe(vectors[train], labels[train], vectors[test], labels[test], random_state=seed)
    return {"linear accuracy": found.accuracy}


def _retrieval(vectors: Vectors, labels: Labels, split: Split, seed: int) -> dict[str, float]:
    found = retrieval(vectors[split.test], labels[split.test], ks=[1], seed=seed)
    return {"recall@1": found.recall[1], "MAP@R": found.map_at_r}


def _clustering(vectors: Vectors, labels: Labels, split: Split, seed: int) -> dict[str, float]:
    found = clustering(vectors[split.test], labels[split.test], random_state=seed)
    return {"NMI": found.nmi, "ARI": found.ari, "matched accuracy": found.accuracy}


Probe = Callable[[Vectors, Labels, Split, int], dict[str, float]]
PROBES: dict[str, Probe] = {"knn": _knn, "linear": _linear, "retrieval": _retrieval, "clustering": _clustering}
SHARES = {"knn accuracy", "linear accuracy"}
