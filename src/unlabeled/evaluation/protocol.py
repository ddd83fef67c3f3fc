"""The protocol: a representation and its baselines, judged by the same probes on the same rows over several seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unlabeled.data.arrays import as_array
from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.evaluation.accuracy import wilson_interval
from unlabeled.evaluation.clustering import clustering
from unlabeled.evaluation.inputs import ClassLabels, Labels, Vectors, check_some_labelled, check_vectors, class_labels
from unlabeled.evaluation.probes.knn import knn
from unlabeled.evaluation.probes.linear_probe import linear_probe
from unlabeled.evaluation.retrieval import RetrievalResult, retrieval
from unlabeled.evaluation.split import Split, grouped_split
from unlabeled.setting_checks import seed_numbers
from unlabeled.training.control.progress import ProgressBar

LEARNT = "learnt"

Probe = Callable[[Vectors, Labels, Split, int], Mapping[str, float]]
"""A probe of one's own: a function of vectors, labels (−1 for none), the rows of a split, and a seed."""


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
    the same rows again, and so do not add to the evidence. Clips of one video (rows of a group) count once."""
    per_class: dict[int | str, float] | None = None
    """For accuracies, the mean over the seeds for each class that was tested."""
    converged: bool = True
    """Whether the probe came to rest within its iterations for every seed."""


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
    majority_accuracy: float
    """Accuracy of the answer that is always the commonest training class."""
    majority_balanced_accuracy: float
    """Balanced accuracy of the same answer: one over the number of tested classes, if that class is among them."""
    split: str
    """Either "random" (stratified, one for each seed) or "given" (one for all)."""

    def score(self, metric: str, representation: str = LEARNT) -> Score:
        """Find one score by its metric and representation."""
        for score in self.scores:
            if (score.metric, score.representation) == (metric, representation):
                return score
        known = [f"{score.metric} of {score.representation}" for score in self.scores]
        raise unknown_name("score", f"{metric} of {representation}", known)

    @property
    def not_converged(self) -> list[str]:
        """Name the scores whose probe did not come to rest within its iterations, for some seed."""
        return [
            f"{score.metric} of {score.representation}"
            for score in self.scores
            if not score.converged and "balanced" not in score.metric
        ]

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
    probes: Sequence[str | Probe] = ("knn", "linear"),
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    test_size: float = 0.2,
    test_rows: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    progress: bool | None = None,
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
    probes : sequence of str or callable, default=("knn", "linear")
        "knn" and "linear" learn from the training rows and are judged on the test rows, by accuracy and by balanced
        accuracy, in which each class counts the same; "gallery" searches the training rows by the test rows;
        "retrieval" (recall@1, precision@5, MAP@R, MAP, MRR) and "clustering" (NMI, ARI, matched accuracy) learn nothing
        and look at the test rows only. A function of your own is called as ``probe(vectors, labels, split, seed)``,
        with labels as integers, and gives its figures by name, the same names for every seed. A probe that is given
        twice judges once.
    settings : mapping of str to mapping, optional
        Arguments of a probe's function by its name, such as ``{"knn": {"k": 5, "metric": "euclidean"}}``.
    test_size : float, default=0.2
        Share of the labelled rows to test on.
    test_rows : array, optional
        The rows to test on, as row numbers or a mask of shape (n,), instead of random splits.
    groups : array of int, shape (n,), optional
        Rows of one group, such as clips of one video, are never in both parts of a random split.
    progress : bool, optional
        Show a progress bar; by default on a terminal and in a notebook.

    Returns
    -------
    Evaluation

    Raises
    ------
    UnlabeledError
        If shapes do not fit, a vector is not finite, fewer than two classes are labelled, a probe is unknown, one of
        your own gives something else than numbers by name, or a part of the given split has no labelled row.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> labels = np.arange(100) % 2
    >>> good, poor = rng.normal(size=(100, 4)) + 9 * labels[:, None], rng.normal(size=(100, 4))
    >>> found = evaluate(good, labels, baselines={"noise": poor}, probes=["knn"])
    >>> found.score("knn accuracy").mean
    1.0
    """
    for name in (*(probe for probe in probes if not callable(probe)), *(settings or {})):
        if name not in PROBES:
            raise unknown_name("probe", name, PROBES)
    for probed, given in (settings or {}).items():
        for name in given:
            if name not in SETTINGS[probed]:
                raise unknown_name(f"setting of the probe {probed!r}", name, SETTINGS[probed])
    seeds = seed_numbers(seeds)
    if not seeds or not probes:
        raise UnlabeledError("evaluate needs at least one seed and one probe")
    representations = {LEARNT: check_vectors(vectors)}
    n = len(representations[LEARNT])
    known = class_labels((labels, n, "labels"))
    classes = known.parts[0]
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

    if groups is not None and len(as_array(groups)) != n:
        raise UnlabeledError(f"there are {len(as_array(groups))} groups for {n} rows; give one group a row")
    if test_rows is None:
        splits = [grouped_split(classes, groups, test_size, seed) for seed in seeds]
    else:
        splits = [_given_split(classes, test_rows)] * len(seeds)
    tasks = list(product(representations, dict.fromkeys(probes), zip(splits, seeds, strict=True)))
    judged: dict[tuple[str, Any], list[_Judged]] = {}
    with ProgressBar("Judging", len(tasks), show=progress) as bar:
        for done, (name, probe, (split, seed)) in enumerate(tasks, start=1):
            run = _probe(probe, settings or {})(representations[name], classes, split, seed)
            runs = judged.setdefault((name, probe), [])
            runs.append(run)
            if run.figures.keys() != runs[0].figures.keys():
                raise UnlabeledError(
                    f"the probe {_name_of(probe)} gives {sorted(runs[0].figures)} for seed {seeds[0]} and "
                    f"{sorted(run.figures)} for seed {seed}; give the same figures for every seed"
                )
            bar.advance(done)
    tested = splits[0].test
    n_tested = len(tested) if groups is None else len(np.unique(np.asarray(groups)[tested]))
    return Evaluation(
        scores=tuple(
            _score(name, metric, runs, n_tested, known)
            for (name, _), runs in judged.items()
            for metric in runs[0].figures
        ),
        seeds=seeds,
        n_train=len(splits[0].train),
        n_test=len(splits[0].test),
        n_classes=n_classes,
        majority_accuracy=float(np.mean([_majority(classes, split).mean() for split in splits])),
        majority_balanced_accuracy=float(np.mean([_majority_balanced(classes, split) for split in splits])),
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


def _majority(classes: Labels, split: Split) -> NDArray[np.bool_]:
    """Tell which test rows are of the commonest training class; the lowest of equals is taken."""
    names, counts = np.unique(classes[split.train], return_counts=True)
    return np.asarray(classes[split.test] == names[counts.argmax()])


def _majority_balanced(classes: Labels, split: Split) -> float:
    """Give the balanced accuracy of the commonest training class: all of one class is right, if that is tested."""
    return float(_majority(classes, split).any()) / len(np.unique(classes[split.test]))


@dataclass(frozen=True)
class _Judged:
    """What one run of a probe gives."""

    figures: dict[str, float]
    per_class: dict[Any, float] | None = None
    converged: bool = True


def _score(representation: str, metric: str, runs: list[_Judged], n_test: int, known: ClassLabels) -> Score:
    values = [run.figures[metric] for run in runs]
    mean = float(np.mean(values))
    tested: dict[int, list[float]] = {}
    for run in runs:
        for label, accuracy in (run.per_class or {}).items():
            tested.setdefault(int(label), []).append(accuracy)
    return Score(
        representation=representation,
        metric=metric,
        values=tuple(values),
        mean=mean,
        std=float(np.std(values, ddof=1)) if len(values) > 1 else None,
        interval=wilson_interval(mean, n_test) if metric in SHARES else None,
        per_class={known.named(label): float(np.mean(each)) for label, each in sorted(tested.items())} or None,
        converged=all(run.converged for run in runs),
    )


def _probe(probe: str | Probe, settings: Mapping[str, Mapping[str, Any]]) -> Callable[..., _Judged]:
    """Give a probe as a function of vectors, labels, split and seed."""
    if callable(probe):
        return partial(_own, probe)
    return partial(PROBES[probe], **settings.get(probe, {}))


def _own(probe: Probe, vectors: Vectors, labels: Labels, split: Split, seed: int) -> _Judged:
    found = probe(vectors, labels, split, seed)
    try:
        return _Judged({str(name): float(value) for name, value in found.items()})
    except (AttributeError, TypeError, ValueError):
        raise UnlabeledError(
            f"the probe {_name_of(probe)} must give its figures as numbers by name, such as {{'accuracy': 0.9}}, "
            f"not {found!r:.60}"
        ) from None


def _name_of(probe: str | Probe) -> str:
    return repr(probe if isinstance(probe, str) else getattr(probe, "__name__", probe))


def _knn(vectors: Vectors, labels: Labels, split: Split, seed: int, **settings: Any) -> _Judged:
    train, test = split
    found = knn(vectors[train], labels[train], vectors[test], labels[test], **settings)
    return _Judged({"knn accuracy": found.accuracy, "knn balanced accuracy": found.balanced_accuracy}, found.per_class)


def _linear(vectors: Vectors, labels: Labels, split: Split, seed: int, **settings: Any) -> _Judged:
    train, test = split
    found = linear_probe(vectors[train], labels[train], vectors[test], labels[test], random_state=seed, **settings)
    figures = {"linear accuracy": found.accuracy, "linear balanced accuracy": found.balanced_accuracy}
    return _Judged(figures, found.per_class, found.converged)


def _retrieval(vectors: Vectors, labels: Labels, split: Split, seed: int, **settings: Any) -> _Judged:
    found = retrieval(vectors[split.test], labels[split.test], **{"ks": (1, 5), "seed": seed, **settings})
    return _Judged(_measures(found))


def _gallery(vectors: Vectors, labels: Labels, split: Split, seed: int, **settings: Any) -> _Judged:
    (queries, asked), (gallery, known) = ((vectors[rows], labels[rows]) for rows in (split.test, split.train))
    given = {"ks": (1, 5), "seed": seed, **settings}
    found = retrieval(queries, asked, gallery=gallery, gallery_labels=known, **given)
    return _Judged({f"gallery {name}": value for name, value in _measures(found).items()})


def _measures(found: RetrievalResult) -> dict[str, float]:
    figures = {f"recall@{k}": value for k, value in found.recall.items()}
    figures |= {f"precision@{k}": value for k, value in found.precision.items() if k > 1}  # at 1 it is the recall
    figures |= {"MAP@R": found.map_at_r}
    return figures | {name: value for name, value in (("MAP", found.map), ("MRR", found.mrr)) if value is not None}


def _clustering(vectors: Vectors, labels: Labels, split: Split, seed: int, **settings: Any) -> _Judged:
    found = clustering(vectors[split.test], labels[split.test], **{"random_state": seed, **settings})
    return _Judged({"NMI": found.nmi, "ARI": found.ari, "matched accuracy": found.accuracy})


PROBES: dict[str, Callable[..., _Judged]] = {
    "knn": _knn,
    "linear": _linear,
    "retrieval": _retrieval,
    "gallery": _gallery,
    "clustering": _clustering,
}
_SEARCH = ("ks", "metric", "max_queries", "whole_ranking")
SETTINGS = {
    "knn": ("k", "temperature", "weighting", "metric"),
    "linear": ("classifier", "cs", "selection_rows"),
    "retrieval": _SEARCH,
    "gallery": _SEARCH,
    "clustering": ("n_clusters",),
}
"""What `settings` may say of each probe."""
SHARES = {"knn accuracy", "linear accuracy"}
