"""GloVe against its authors' program: counting, time of an epoch, and the cost after each.

The peer of the descent is in glove.c: what the authors' C program computes, written down again and compiled with the
same -Ofast. Nonzeros are in random order, and threads do not wait for each other. Both train on the same nonzeros, an
epoch of one and an epoch of the other in turn, with as many threads as there are processors.

The text is brown, abc, webtext and newsgroups from the folder named by UNLABELED_DATA.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from harness import arguments, interleave, report, row, seconds

from unlabeled import WordVectors, cooccurrence
from unlabeled.data import Corpus
from unlabeled.evaluation.words.word_similarity import word_similarity
from unlabeled.kernels.words.glove_kernel import descent
from unlabeled.methods.words.counting.tiling import Tiling
from unlabeled.methods.words.glove import Factors

DATA = Path(os.environ["UNLABELED_DATA"])
THREADS = len(os.sched_getaffinity(0))
RATE, X_MAX, ALPHA = 0.05, 10.0, 0.75


def text() -> Corpus:
    """Read the joined text, a line a sentence."""
    names = ("brown", "abc", "webtext", "newsgroups")
    documents = [d for name in names for d in pq.read_table(DATA / name / "train.parquet")["text"].to_pylist()]
    return Corpus.encode([line for d in documents for line in d.splitlines()], min_count=5, progress=False)


class Ours:
    def __init__(self, X: Any, dim: int) -> None:
        self.model, self.costs, self.nonzeros = Factors.initial(X.shape[0], dim, 0), [], X.nnz
        self.tiling = Tiling.of(X, self.model.inputs[0].nbytes, X_MAX, ALPHA, 0, THREADS)
        self.kernel = descent(self.model.inputs.shape[1] // 2)

    def epoch(self) -> None:
        def rectangle(begins: Any, ends: Any) -> float:
            tiling, model = self.tiling, self.model
            return self.kernel(
                tiling.places, tiling.targets, begins, ends, model.inputs, model.outputs, np.float32(RATE)
            )

        with ThreadPoolExecutor(THREADS) as pool:
            rounds = self.tiling.rounds(0, len(self.costs))
            total = sum(sum(pool.map(rectangle, *zip(*tiles, strict=True))) for tiles in rounds)
        self.costs.append(total / self.nonzeros)

    def vectors(self) -> np.ndarray:
        return self.model.words()[0] + self.model.contexts()[0]


def compiled_peer() -> Any:
    folder = Path(tempfile.mkdtemp())
    source, library = Path(__file__).with_suffix(".c"), folder / "glove.so"
    subprocess.run(["cc", "-Ofast", "-march=native", "-shared", "-fPIC", source, "-o", library, "-lm"], check=True)
    epoch = ctypes.CDLL(str(library)).epoch
    array, real = ctypes.c_void_p, ctypes.c_double
    epoch.argtypes = [array, array, array, ctypes.c_long, array, array, ctypes.c_long, ctypes.c_int, real, real, real]
    epoch.restype = real
    return epoch


class Authors:
    def __init__(self, X: Any, dim: int) -> None:
        rng = np.random.default_rng(0)
        order = rng.permutation(X.nnz)
        self.words = np.repeat(np.arange(X.shape[0], dtype=np.int32), np.diff(X.indptr))[order]
        self.contexts, self.counts = X.indices.astype(np.int32)[order], X.data[order]
        self.w = (rng.random((2 * X.shape[0], dim + 1)) - 0.5) / dim
        self.sums, self.dim, self.costs, self.steps = np.ones_like(self.w), dim, [], compiled_peer()

    def part(self, first: int, last: int) -> float:
        records = (array[first:last].ctypes.data for array in (self.words, self.contexts, self.counts))
        model = self.w.ctypes.data, self.sums.ctypes.data, len(self.w) // 2, self.dim
        return self.steps(*records, last - first, *model, ALPHA, X_MAX, RATE)

    def epoch(self) -> None:
        cuts = np.linspace(0, len(self.words), THREADS + 1).astype(int).tolist()
        with ThreadPoolExecutor(THREADS) as pool:
            total = sum(pool.map(self.part, cuts[:-1], cuts[1:]))
        self.costs.append(total / len(self.words))

    def vectors(self) -> np.ndarray:
        half = len(self.w) // 2
        return (self.w[:half, :-1] + self.w[half:, :-1]).astype(np.float32)


def similarity(corpus: Corpus, vectors: np.ndarray) -> dict[str, float]:
    made = WordVectors(corpus.vocabulary.words, vectors, corpus.vocabulary.counts)
    files = {"wordsim353": "wordsim353.tsv", "simlex999": "simlex999.txt"}
    return {
        name: round(word_similarity(made, DATA / "words" / file).correlation or 0, 3) for name, file in files.items()
    }


def descents(corpus: Corpus, window: int, dim: int, epochs: int) -> dict[str, Any]:
    X = cooccurrence(corpus, window=window)
    ours, authors = Ours(X, dim), Authors(X, dim)
    times = interleave(ours.epoch, authors.epoch, epochs, warmup=0)
    return row(
        f"an epoch at dim {dim}, window {window}",
        *times,
        million_nonzeros=round(X.nnz / 1e6, 1),
        million_a_second=round(X.nnz / np.median(times[0]) / 1e6, 1),
        cost_ours=[round(ours.costs[k], 4) for k in (0, epochs - 1)],
        cost_peer=[round(authors.costs[k], 4) for k in (0, epochs - 1)],
        similarity_ours=similarity(corpus, ours.vectors()),
        similarity_peer=similarity(corpus, authors.vectors()),
    )


def counting(corpus: Corpus, rounds: int, memory: str) -> dict[str, Any]:
    times = [seconds(lambda: cooccurrence(corpus, memory=memory)) for _ in range(rounds + 1)][1:]
    return {
        "label": f"counting, window 10, memory {memory}",
        "million_tokens": round(len(corpus.ids) / 1e6, 2),
        "million_tokens_a_second": round(len(corpus.ids) / np.median(times) / 1e6, 2),
        "seconds": [round(t, 3) for t in times],
    }


if __name__ == "__main__":
    epochs = arguments(__doc__, rounds=15).rounds
    corpus = text()
    rows = [counting(corpus, 5, memory) for memory in ("1GB", "20MB")]
    rows += [descents(corpus, *settings, epochs) for settings in ((15, 50), (10, 100), (10, 300))]
    report(
        "glove",
        rows,
        notes=f"Costs are the mean of ½ f d² over the nonzeros in the first and in epoch {epochs}, x_max {X_MAX:g}; "
        "the peer is what the authors' C program computes, at -Ofast. Similarity is Spearman's correlation.",
    )
