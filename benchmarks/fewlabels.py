"""Few labels: accuracy beside supervised twins and published figures, over several draws of the labels.

Every figure is accuracy on rows that had no label and chose nothing; settings are the defaults, or stand in the row.
Run one part at a time: ``python benchmarks/fewlabels.py newsgroups`` (or ``graph``, ``speed``).
"""

from __future__ import annotations

import argparse
import email
import os
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
from harness import RESULTS, report, seconds
from numpy.typing import NDArray

Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=sorted(PARTS))
    parser.add_argument("--rows", type=int, default=20_000, help="MNIST images in the graph")
    parser.add_argument("--trials", type=int, default=10)
    options = parser.parse_args()
    rows = PARTS[options.part](options)
    report(f"fewlabels_{options.part}", rows, notes=NOTES[options.part])
    print(RESULTS / f"fewlabels_{options.part}.json")


def data() -> Path:
    return Path(os.environ["UNLABELED_DATA"])


def figures(values: list[float]) -> Row:
    return {"mean": statistics.mean(values), "std": statistics.stdev(values), "values": values}


# --- text ------------------------------------------------------------------------------------------------------------


def newsgroups(_: argparse.Namespace) -> list[Row]:
    """EM after Nigam 2000 with 300 labels beside naive Bayes; co-training on subject and body with 60 labels."""
    import pyarrow.parquet as pq
    from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
    from sklearn.linear_model import LogisticRegression

    from unlabeled import CoTraining, SemiSupervisedEM

    table = pq.read_table(data() / "newsgroups" / "train.parquet")
    texts, truth = table["text"].to_pylist(), np.array(table["label"].to_pylist())
    order = np.random.default_rng(0).permutation(len(texts))[:14_000]
    messages = [email.message_from_string(texts[i]) for i in order]
    truth = truth[order]
    bodies = [str(message.get_payload()) for message in messages]
    subjects = [str(message["Subject"] or "").removeprefix("Re:") for message in messages]
    counts = CountVectorizer(min_df=3, stop_words="english", max_features=30_000).fit_transform(bodies)
    rows: list[Row] = []
    found: dict[str, list[float]] = {}
    for seed in range(5):
        y, test = drawn(truth, 300 // 20, 4_000, seed)
        for name, settings in {
            "naive Bayes on the labels alone (λ = 0)": {"unlabelled_weight": 0.0},
            "SemiSupervisedEM (λ = 1)": {},
            "SemiSupervisedEM (λ = 0.1)": {"unlabelled_weight": 0.1},
        }.items():
            model = SemiSupervisedEM(row_length=100.0, **settings).fit(counts[~test], y[~test])
            found.setdefault(name, []).append(model.score(counts[test], truth[test]))
    rows += [{"label": f"20 newsgroups, 300 labels, 10,000 rows: {n}", **figures(v)} for n, v in found.items()]

    views = [
        TfidfTransformer(sublinear_tf=True).fit_transform(CountVectorizer(min_df=2).fit_transform(part))
        for part in (subjects, bodies)
    ]
    found = {}
    for seed in range(5):
        y, test = drawn(truth, 60 // 20, 4_000, seed)
        both = [view[~test] for view in views]
        model = CoTraining(base=LogisticRegression(C=10, max_iter=300), rounds=15, per_class=5, random_state=seed)
        model.fit((both[0], both[1]), y[~test])
        known = y >= 0
        for name, view in zip(("subject alone", "body alone"), views, strict=True):
            twin = LogisticRegression(C=10, max_iter=300).fit(view[known], y[known])
            found.setdefault(name, []).append(twin.score(view[test], truth[test]))
        right = model.predict((views[0][test], views[1][test])) == truth[test]
        found.setdefault("CoTraining on subject and body", []).append(float(right.mean()))
    rows += [{"label": f"20 newsgroups, 60 labels: {name}", **figures(values)} for name, values in found.items()]
    return rows


# --- graphs ----------------------------------------------------------------------------------------------------------


def graph(options: argparse.Namespace) -> list[Row]:
    """Propagation, spreading and Poisson learning with 1, 5 and 10 labels a class on MNIST's pixels."""
    from unlabeled import Images, LabelPropagation, LabelSpreading, NeighbourGraph, PoissonLearning

    images = Images(data() / "mnist" / "train.parquet")
    chosen = np.random.default_rng(0).permutation(len(images))[: options.rows]
    truth = np.asarray(images.labels)[chosen]
    pixels = np.stack([np.asarray(images.decode(int(row)), dtype=np.float32).ravel() / 255 for row in chosen])
    start = time.perf_counter()
    neighbours = NeighbourGraph.from_vectors(pixels, 10, method="exact")
    rows: list[Row] = [{"label": f"graph of {len(pixels):,} × 784, exact", "seconds": time.perf_counter() - start}]
    for each in (1, 5, 10):
        found: dict[str, list[float]] = {}
        for seed in range(options.trials):
            y, _ = drawn(truth, each, 0, seed)
            for method in (LabelPropagation, LabelSpreading, PoissonLearning):
                model = method(tol=1e-4).fit(pixels, y, graph=neighbours)
                right = (model.transduction_ == truth)[y < 0]
                found.setdefault(method.__name__, []).append(float(right.mean()))
        rows += [{"label": f"MNIST pixels, {each} labels a class: {name}", **figures(v)} for name, v in found.items()]
    return rows


def speed(options: argparse.Namespace) -> list[Row]:
    """Label spreading beside scikit-learn's on one graph of equal weights."""
    from sklearn.semi_supervised import LabelSpreading as Peer

    from unlabeled import LabelSpreading

    rng = np.random.default_rng(0)
    truth = rng.integers(0, 10, options.rows)
    X = (3 * np.eye(10, 32)[truth] + rng.normal(size=(options.rows, 32))).astype(np.float32)
    y, _ = drawn(truth, 10, 0, 0)
    ours, peer = LabelSpreading(alpha=0.8, n_neighbors=10), Peer(kernel="knn", n_neighbors=11, alpha=0.8)
    times = [(seconds(lambda: ours.fit(X, y)), seconds(lambda: peer.fit(X, y))) for _ in range(3)]
    ratios = [b / a for a, b in times]
    return [
        {
            "label": f"LabelSpreading, {options.rows:,} × 32",
            "ours_s": [a for a, _ in times],
            "peer_s": [b for _, b in times],
            "ratio_median": statistics.median(ratios),
            "ratio_min": min(ratios),
            "ratio_max": max(ratios),
            "accuracy_ours": float((ours.transduction_ == truth).mean()),
            "accuracy_peer": float((peer.transduction_ == truth).mean()),
        }
    ]


def drawn(truth: NDArray[Any], each: int, tested: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Draw `each` labels a class and, apart from them, rows to test on; −1 for all others."""
    rng = np.random.default_rng(seed)
    test = np.zeros(len(truth), bool)
    test[rng.permutation(len(truth))[:tested]] = True
    y = np.full(len(truth), -1)
    for label in np.unique(truth):
        y[rng.choice(np.flatnonzero((truth == label) & ~test), each, replace=False)] = label
    return y, test


PARTS = {"newsgroups": newsgroups, "graph": graph, "speed": speed}
NOTES = {
    "newsgroups": "Bodies without headers, words that occur in 3 messages, no English stop words, row_length=100. "
    "Nigam et al. 2000 saw 52 → 66 % with 300 labels and 10,000 unlabelled messages.",
    "graph": "Raw pixels, not learnt features: published figures on learnt features (Laplace 16/69/91 %, "
    "Poisson 90/95/96 %) are of another representation and are not comparable.",
    "speed": "One process; scikit-learn's graph of 11 neighbours counts the row itself.",
}

if __name__ == "__main__":
    main()
