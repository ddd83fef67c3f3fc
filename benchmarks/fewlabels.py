"""Few labels: accuracy beside supervised twins and published figures, over several draws of the labels.

Every figure is accuracy on rows that had no label and chose nothing; settings are the defaults, or stand in the row.
Run one part at a time: ``python benchmarks/fewlabels.py newsgroups``. Each part replaces its own rows in
``results/fewlabels.json``. Parts: newsgroups, cotraining, graph, digits, cifar, precision, speed, scale. Times of
``speed`` and ``scale`` count on a quiet machine only.
"""

from __future__ import annotations

import argparse
import email
import json
import os
import statistics
import tempfile
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
    parser.add_argument("--rows", type=int, help="of the graph (60,000), cifar (10,000) and speed (60,000)")
    parser.add_argument(
        "--trials", type=int, help="draws of the labels: graph (10), digits (3), cifar (1), precision (5)"
    )
    parser.add_argument("--epochs", type=int, help="of the features of graph (4), of digits (3) and cifar (30)")
    parser.add_argument("--methods", nargs="*", help="of cifar, or features of graph; the others keep their rows")
    options = parser.parse_args()
    rows = PARTS[options.part](options)
    path = RESULTS / "fewlabels.json"
    before = json.loads(path.read_text())["rows"] if path.exists() else []
    new = {row["label"] for row in rows}
    kept = [row for row in before if row["label"] not in new and (row["part"] != options.part or options.methods)]
    merged = [*kept, *({"part": options.part, **row} for row in rows)]
    order = list(PARTS)
    merged.sort(key=lambda row: order.index(row["part"]))
    there = {row["part"] for row in merged}
    report("fewlabels", merged, notes=" ".join(f"{part}: {NOTES[part]}" for part in order if part in there))
    print(path)


def data() -> Path:
    return Path(os.environ["UNLABELED_DATA"])


def figures(values: list[float]) -> Row:
    return {
        "mean": statistics.mean(values),
        "std": statistics.stdev(values) if len(values) > 1 else None,
        "values": values,
    }


def opened(name: str, split: str, rows: int | None = None) -> tuple[Any, NDArray[np.int64]]:
    """Give images of a data set, all or some drawn with seed 0, and their classes."""
    from unlabeled import Images
    from unlabeled.data.instances import Subset
    from unlabeled.modalities import open_instances

    images = Images(data() / name / f"{split}.parquet")
    instances, _ = open_instances(images)
    chosen = np.arange(len(images))
    if rows is not None and rows < len(images):
        chosen = np.random.default_rng(0).permutation(len(images))[:rows]
    return Subset(instances, chosen), np.asarray(images.labels)[chosen]


# --- text ------------------------------------------------------------------------------------------------------------


def newsgroups(options: argparse.Namespace) -> list[Row]:
    """EM after Nigam 2000 with 300 labels, beside naive Bayes on the labels alone."""
    from sklearn.feature_extraction.text import CountVectorizer

    from unlabeled import SemiSupervisedEM

    _, bodies, truth = messages()
    counts = CountVectorizer(min_df=3, stop_words="english", max_features=30_000).fit_transform(bodies)
    found: dict[str, list[float]] = {}
    for seed in range(5):
        y, test = drawn(truth, 300 // 20, 4_000, seed)
        for name, settings in {
            "naive Bayes on the labels alone (λ = 0)": {"unlabelled_weight": 0.0},
            "SemiSupervisedEM (λ = 1)": {},
            "SemiSupervisedEM (λ = 0.1)": {"unlabelled_weight": 0.1},
            "SemiSupervisedEM (λ = 0.1, α = 0.1)": {"unlabelled_weight": 0.1, "alpha": 0.1},
            "SemiSupervisedEM (λ by cross-validation)": {"unlabelled_weight": "auto"},
        }.items():
            model = SemiSupervisedEM(row_length=100.0, **settings).fit(counts[~test], y[~test])
            found.setdefault(name, []).append(model.score(counts[test], truth[test]))
    return [{"label": f"20 newsgroups, 300 labels, 10,000 rows: {n}", **figures(v)} for n, v in found.items()]


def cotraining(_: argparse.Namespace) -> list[Row]:
    """Co-training on subject and body with 60 labels, beside a classifier of either view."""
    from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
    from sklearn.linear_model import LogisticRegression

    from unlabeled import CoTraining

    subjects, bodies, truth = messages()
    views = [
        TfidfTransformer(sublinear_tf=True).fit_transform(CountVectorizer(min_df=2).fit_transform(part))
        for part in (subjects, bodies)
    ]
    found: dict[str, list[float]] = {}
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
    return [{"label": f"20 newsgroups, 60 labels: {name}", **figures(values)} for name, values in found.items()]


def messages() -> tuple[list[str], list[str], NDArray[np.int64]]:
    """Give subjects and bodies of 14,000 messages, and their groups."""
    import pyarrow.parquet as pq

    table = pq.read_table(data() / "newsgroups" / "train.parquet")
    texts, truth = table["text"].to_pylist(), np.array(table["label"].to_pylist())
    order = np.random.default_rng(0).permutation(len(texts))[:14_000]
    parsed = [email.message_from_string(texts[i]) for i in order]
    subjects = [str(message["Subject"] or "").removeprefix("Re:") for message in parsed]
    return subjects, [str(message.get_payload()) for message in parsed], truth[order]


# --- graphs ----------------------------------------------------------------------------------------------------------


def graph(options: argparse.Namespace) -> list[Row]:
    """Propagation, spreading and Poisson learning with 1, 5 and 10 labels a class, on pixels and on what was learnt."""
    from unlabeled import LabelPropagation, LabelSpreading, NeighbourGraph, PoissonLearning

    images, truth = opened("mnist", "train", options.rows or 60_000)
    trials, rows = options.trials or 10, []
    for name in options.methods or FEATURES:
        start = time.perf_counter()
        features = FEATURES[name](images, options.epochs or 4)
        print(f"{name} in {time.perf_counter() - start:.0f} s", flush=True)
        neighbours = NeighbourGraph.from_vectors(features, 10, metric="cosine", random_state=0)
        for each in (1, 5, 10):
            found: dict[str, list[float]] = {}
            for seed in range(trials):
                y, _ = drawn(truth, each, 0, seed)
                for method in (LabelPropagation, LabelSpreading, PoissonLearning):
                    model = method(tol=1e-4, metric="cosine").fit(features, y, graph=neighbours)
                    right = (model.transduction_ == truth)[y < 0]
                    found.setdefault(method.__name__, []).append(float(right.mean()))
            rows += [
                {"label": f"MNIST, {len(truth):,} rows, {name}, {each} labels a class: {n}", **figures(v)}
                for n, v in found.items()
            ]
            print({name: statistics.mean(values) for name, values in found.items()}, flush=True)
    return rows


def components_of_pixels(images: Any, _: int) -> NDArray[np.float32]:
    """Give the first 50 principal components of the pixels."""
    import torch
    from sklearn.decomposition import PCA

    pixels = images.gather(torch.arange(len(images))).values.flatten(1).float().numpy()
    return PCA(50, random_state=0).fit_transform(pixels)


def features_of_simclr(images: Any, epochs: int) -> NDArray[np.float32]:
    """Give what SimCLR learns from the images, turned and cropped."""
    from unlabeled import SimCLR
    from unlabeled.views import Compose, RandomCrop, Rotate

    view = Compose([Rotate(15.0), RandomCrop(scale=(0.6, 1.0))])
    return SimCLR(views=view, epochs=epochs, random_state=0, progress=False).fit(images).transform(images)


FEATURES = {"components of pixels": components_of_pixels, "SimCLR": features_of_simclr}


# --- networks --------------------------------------------------------------------------------------------------------


def digits(options: argparse.Namespace) -> list[Row]:
    """FixMatch with 40 labels of MNIST, beside its supervised twin with as many steps and the same labelled batches."""
    from unlabeled import FixMatch, Supervised
    from unlabeled.views import Shift

    images, truth = opened("mnist", "train")
    test, answers = opened("mnist", "test")
    settings = {"epochs": options.epochs or 3, "batch_size": 64, "unlabelled_ratio": 7.0, "weak": Shift(0.125)}
    return compared((Supervised, FixMatch), settings, images, truth, test, answers, 4, options.trials or 3, "MNIST, 40")


def cifar(options: argparse.Namespace) -> list[Row]:
    """Five methods with 400 labels of CIFAR-10 and equal budgets of steps."""
    import unlabeled
    from unlabeled import EntropyMinimisation, FixMatch, MeanTeacher, MixMatch, Supervised

    images, truth = opened("cifar10", "train", options.rows or 10_000)
    test, answers = opened("cifar10", "test")
    settings = {"epochs": options.epochs or 30, "batch_size": 128, "unlabelled_ratio": 7.0}
    methods = [Supervised, FixMatch, MixMatch, MeanTeacher, EntropyMinimisation]
    if options.methods:
        methods = [getattr(unlabeled, name) for name in options.methods]
    return compared(tuple(methods), settings, images, truth, test, answers, 40, options.trials or 1, "CIFAR-10, 400")


def compared(
    methods: tuple[Any, ...],
    settings: dict[str, Any],
    images: Any,
    truth: NDArray[np.int64],
    test: Any,
    answers: NDArray[np.int64],
    each: int,
    trials: int,
    name: str,
) -> list[Row]:
    """Train each method on the same draws of the labels; accuracy is on the test set."""
    rows = []
    for method in methods:
        values, times, steps = [], [], 0
        for seed in range(trials):
            y, _ = drawn(truth, each, 0, seed)
            model = method(**settings, random_state=seed, progress=False)
            start, used = time.perf_counter(), time.process_time()
            model.fit(images, y)
            times.append({"wall": time.perf_counter() - start, "processor": time.process_time() - used})
            steps = model.plan(len(images)).steps
            values.append(float((model.predict(test) == answers).mean()))
            print(method.__name__, seed, values[-1], times[-1], flush=True)
        label = f"{name} labels of {len(images):,}, {steps:,} steps: {method.__name__}"
        rows.append({"label": label, **figures(values), "steps": steps, "seconds": times})
    return rows


def precision(options: argparse.Namespace) -> list[Row]:
    """See whether the precision that `label_dataset` claims holds, over draws of 300 labels of 4,000 digits."""
    from unlabeled import label_dataset

    images, truth = opened("mnist", "test", 4_000)
    import torch

    pixels = images.gather(torch.arange(len(images))).values.flatten(1).numpy().astype(np.float32) / 255
    rows = []
    for draw in range(options.trials or 5):
        chosen = np.random.default_rng(draw).choice(len(truth), 300, replace=False)
        y = np.full(len(truth), -1)
        y[chosen] = truth[chosen]
        with tempfile.TemporaryDirectory() as folder:
            found = label_dataset(pixels, y, f"{folder}/out", precision=0.95, next_count=0, random_state=draw)
        made = np.array([name is not None for name in found.labels]) & (y < 0)
        right = np.array([name == str(t) for name, t in zip(found.labels, truth, strict=True)])[made]
        expected = found.about["expected"]
        rows.append(
            {
                "label": f"claimed precision, draw {draw}",
                "method": found.about["method"],
                "coverage": float(made.sum() / (y < 0).sum()),
                "claimed": None if expected is None else expected["precision"],
                "interval": None if expected is None else expected["interval"],
                "true": float(right.mean()) if made.any() else None,
            }
        )
        print(rows[-1], flush=True)
    return rows


# --- speed -----------------------------------------------------------------------------------------------------------


def speed(options: argparse.Namespace) -> list[Row]:
    """Label spreading beside scikit-learn's, on digits as they are and on made clouds, with edges of equal weight.

    scikit-learn's own graph goes from each row to its neighbours only. For equal answers it is also given the graph in
    which an edge counts in both directions, made by its own search; ours has no other.
    """
    import torch

    images, digits = opened("mnist", "train", options.rows or 60_000)
    pixels = images.gather(torch.arange(len(images))).values.flatten(1).float().numpy()
    clouds_of, points = clouds(options.rows or 60_000, 32)
    rows = []
    for name, truth, X in (("MNIST pixels", digits, pixels), ("Gaussian classes", clouds_of, points)):
        for graph, kernel in (("both directions", undirected), ("its own", "knn")):
            rows.append({"label": f"LabelSpreading, {name} {X.shape[0]:,} × {X.shape[1]}, the peer's graph {graph}",
                         **spreading(X, truth, kernel, options.trials or 1)})  # fmt: skip
            print(rows[-1], flush=True)
    return rows


def undirected(X: NDArray[np.float32], _: Any = None) -> Any:
    """Give scikit-learn's graph of ten neighbours with every edge in both directions."""
    from sklearn.neighbors import kneighbors_graph

    graph = kneighbors_graph(X, 10)
    return graph.maximum(graph.T)


def spreading(X: NDArray[np.float32], truth: NDArray[np.int64], kernel: Any, rounds: int) -> Row:
    """Time spreading from ten labels a class beside scikit-learn's, in turn, after compiling once."""
    from sklearn.semi_supervised import LabelSpreading as Peer

    from unlabeled import LabelSpreading

    y, _ = drawn(truth, 10, 0, 0)
    ours = LabelSpreading(alpha=0.8, n_neighbors=10, weights="uniform", random_state=0)
    peer = Peer(kernel=kernel, n_neighbors=11, alpha=0.8)
    ours.fit(X, y)
    times = [(seconds(lambda: ours.fit(X, y)), seconds(lambda: peer.fit(X, y))) for _ in range(rounds)]
    ratios = [b / a for a, b in times]
    return {
        "ours_s": [a for a, _ in times],
        "peer_s": [b for _, b in times],
        "ratio_median": statistics.median(ratios),
        "ratio_min": min(ratios),
        "ratio_max": max(ratios),
        "agreement": float((ours.transduction_ == peer.transduction_).mean()),
        "accuracy_ours": float((ours.transduction_ == truth).mean()),
        "accuracy_peer": float((peer.transduction_ == truth).mean()),
    }


def scale(_: argparse.Namespace) -> list[Row]:
    """A graph and spreading on 10⁵ and 10⁶ rows, each in a process of its own: seconds, and the most memory."""
    import subprocess
    import sys

    rows = []
    for count in (100_000, 1_000_000):
        found = subprocess.run(
            [sys.executable, "-c", SCALE.format(count=count)], capture_output=True, text=True, check=True
        )
        rows.append({"label": f"graph and spreading, {count:,} × 64", **json.loads(found.stdout.splitlines()[-1])})
    return rows


SCALE = """
import json, resource, sys, time
import numpy as np
sys.path.insert(0, "benchmarks")
from fewlabels import clouds, drawn
from unlabeled import LabelSpreading, NeighbourGraph
truth, X = clouds({count}, 64)
y, _ = drawn(truth, 10, 0, 0)
start = time.perf_counter()
graph = NeighbourGraph.from_vectors(X, 10)
middle = time.perf_counter()
model = LabelSpreading(tol=1e-4).fit(X, y, graph=graph)
end = time.perf_counter()
print(json.dumps({{
    "graph_s": middle - start,
    "spreading_s": end - middle,
    "processor_s": time.process_time(),
    "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    "accuracy": float((model.transduction_ == truth).mean()),
}}))
"""


def clouds(count: int, dim: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Draw rows of ten Gaussian classes."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 10, count)
    return truth, (3 * np.eye(10, dim)[truth] + rng.normal(size=(count, dim))).astype(np.float32)


def drawn(truth: NDArray[Any], each: int, tested: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Draw `each` labels a class and, apart from them, rows to test on; −1 for all others."""
    rng = np.random.default_rng(seed)
    test = np.zeros(len(truth), bool)
    test[rng.permutation(len(truth))[:tested]] = True
    y = np.full(len(truth), -1)
    for label in np.unique(truth):
        y[rng.choice(np.flatnonzero((truth == label) & ~test), each, replace=False)] = label
    return y, test


PARTS = {
    "newsgroups": newsgroups,
    "cotraining": cotraining,
    "graph": graph,
    "digits": digits,
    "cifar": cifar,
    "precision": precision,
    "speed": speed,
    "scale": scale,
}
NOTES = {
    "newsgroups": "Bodies without headers, words that occur in 3 messages, no English stop words, row_length=100. "
    "Nigam et al. 2000 saw 52 → 66 % with 300 labels and 10,000 unlabelled messages.",
    "cotraining": "Tf-idf of subjects, and of bodies without headers; 10,000 rows, logistic regression.",
    "graph": "The first 50 principal components of the pixels, or SimCLR with crops and turns, no flips; 10 neighbours "
    "by cosine; draws 0 to 9 of the labels chose nothing. Published on features "
    "of a variational autoencoder, 70,000 rows: Laplace 16/69/91 %, Poisson 90/95/96 %.",
    "digits": "Accuracy on the 10,000 test images. The twin takes the same steps on the same labelled batches.",
    "cifar": "Accuracy on the 10,000 test images; equal steps of equal batches. A small budget: papers train for up "
    "to 1,000,000 steps.",
    "precision": "Pixels of 4,000 test digits, 300 labels drawn at random, precision=0.95.",
    "speed": "One process; scikit-learn's graph of 11 neighbours counts the row itself.",
    "scale": "Each size in a process of its own.",
}

if __name__ == "__main__":
    main()
