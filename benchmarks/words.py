"""Skip-gram, CBOW and hierarchical softmax against gensim: words a second, end to end, and the quality of both.

The text is Brown, ABC, WebText and 20 Newsgroups joined, a line a sentence, or any text file (`--text`). Both libraries
read one file of words between spaces; gensim by `corpus_file`, its fastest way. Every hundredth line is kept from both
for the held-out loss.

With several workers, gensim's learning rate falls only part of the way by the end (each worker counts its own words
only): to 1 − (epochs − 1 + 1/workers)/epochs of it. Ours is told to end there too, so both schedules have one mean.
CBOW starts at 0.05 here and at 0.025 in gensim, which does not divide the gradient of the mean among the context words.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from gensim.models import Word2Vec
from harness import SIMD_OPTION, report, row, seconds

from unlabeled import CBOW, SkipGram, WordVectors
from unlabeled.data import Corpus, tokenize
from unlabeled.evaluation import word_similarity
from unlabeled.methods.words.prediction.likelihood import negative_sampling_loss

DATA = Path(os.environ.get("UNLABELED_DATA", "../shared/data"))
PARTS = ["brown/train", "abc/train", "webtext/train", "newsgroups/train", "newsgroups/test"]
COMMON = {"window": 5, "epochs": 5, "min_count": 5}
RATE, LAST_RATE = 0.025, 1e-4
HELD_OUT = 100
METHODS = {
    "skip-gram": (SkipGram, {}, {"sg": 1, "hs": 0, "negative": 5}),
    "CBOW": (CBOW, {"learning_rate": 0.05}, {"sg": 0, "hs": 0, "negative": 5}),
    "skip-gram, hierarchical": (SkipGram, {"loss": "hierarchical"}, {"sg": 1, "hs": 1, "negative": 0}),
    "CBOW, hierarchical": (CBOW, {"loss": "hierarchical", "learning_rate": 0.05}, {"sg": 0, "hs": 1, "negative": 0}),
}


def lines(text: Path | None) -> Iterator[str]:
    if text is not None:
        with text.open(encoding="utf-8", errors="replace") as file:
            yield from file
        return
    for part in PARTS:
        for document in pq.read_table(DATA / f"{part}.parquet", columns=["text"])["text"].to_pylist():
            yield from document.splitlines()


def prepare(text: Path | None, folder: Path) -> tuple[Path, list[list[str]]]:
    """Write the text as words between spaces, without the lines that are held out."""
    held_out = []
    with (folder / "text.txt").open("w", encoding="utf-8") as file:
        for number, words in enumerate(filter(None, map(tokenize, lines(text)))):
            if number % HELD_OUT == 0:
                held_out.append(words)
            else:
                file.write(" ".join(words) + "\n")
    return folder / "text.txt", held_out


class Ours:
    def __init__(self, method: str, path: Path, dim: int, epochs: int, workers: int, seed: int) -> None:
        cls, settings, _ = METHODS[method]
        rate = settings.get("learning_rate", RATE)
        end = rate - (rate - LAST_RATE) * (epochs - 1 + 1 / workers) / epochs
        common = COMMON | {"epochs": epochs, "workers": workers, "random_state": seed}
        settings = {"learning_rate": rate, "min_learning_rate": end} | settings
        self.model = cls(dim=dim, tokenizer="whitespace", progress=False, **common, **settings)
        self.path = path

    def prepare(self) -> None:
        self.corpus = Corpus.encode(self.path, tokenizer="whitespace", min_count=COMMON["min_count"], progress=False)

    def train(self) -> None:
        self.model.fit(self.corpus)

    def vectors(self) -> WordVectors:
        return self.model.vectors_

    def contexts(self) -> np.ndarray:
        return self.model.context_vectors_


class Peer:
    def __init__(self, method: str, path: Path, dim: int, epochs: int, workers: int, seed: int) -> None:
        settings = METHODS[method][2] | {"window": COMMON["window"], "min_count": COMMON["min_count"]}
        rates = {"alpha": RATE, "min_alpha": LAST_RATE, "sample": 1e-3}
        self.model = Word2Vec(vector_size=dim, epochs=epochs, workers=workers, seed=seed, **rates, **settings)
        self.path = str(path)

    def prepare(self) -> None:
        self.model.build_vocab(corpus_file=self.path)

    def train(self) -> None:
        words, epochs = self.model.corpus_total_words, self.model.epochs
        self.model.train(corpus_file=self.path, total_words=words, epochs=epochs)

    def vectors(self) -> WordVectors:
        keyed = self.model.wv
        counts = [keyed.get_vecattr(word, "count") for word in keyed.index_to_key]
        return WordVectors(keyed.index_to_key, keyed.vectors.copy(), counts)

    def contexts(self) -> np.ndarray:
        return self.model.syn1neg


def neighbours(vectors: WordVectors, words: list[str], k: int = 10) -> list[set[str]]:
    return [{found.word for found in each} for each in vectors.most_similar(words, k)]


def overlap(a: list[set[str]], b: list[set[str]]) -> float:
    return float(np.mean([len(x & y) / len(x) for x, y in zip(a, b, strict=True)]))


def quality(run: Ours | Peer, method: str, held_out: list[list[str]], truth: dict[str, Any]) -> dict[str, float]:
    vectors = run.vectors()
    found = {
        "wordsim353": word_similarity(vectors, DATA / "words/wordsim353.tsv").correlation,
        "simlex999": word_similarity(vectors, DATA / "words/simlex999.txt").correlation,
    }
    if method == "skip-gram":
        known = [[vectors.index[word] for word in sentence if word in vectors] for sentence in held_out]
        tokens, offsets = np.concatenate(known), np.cumsum([0, *map(len, known)])
        found["held_out_loss"] = negative_sampling_loss(
            vectors.vectors, run.contexts(), tokens, offsets, vectors.counts
        )
    if truth:
        found["overlap"] = overlap(neighbours(vectors, truth["words"]), truth["neighbours"])
    return found


def plain(path: Path, dim: int, epochs: int) -> dict[str, Any]:
    """Train gensim long, on one thread: the neighbours that both are compared with, for 2,000 frequent words."""
    run = Peer("skip-gram", path, dim, epochs, 1, 1000)
    run.prepare()
    run.train()
    words = list(run.vectors().words[100:2100])
    return {"words": words, "neighbours": neighbours(run.vectors(), words)}


def compare(method: str, dim: int, path: Path, held_out: list[list[str]], options: argparse.Namespace) -> dict:
    """Train both in turn, with as many seeds as rounds; a first, short run of each compiles and warms up."""
    truth = plain(path, dim, options.plain_epochs) if options.plain_epochs and method == "skip-gram" else {}
    times: dict[str, list[float]] = {"ours": [], "peer": [], "ours_whole": [], "peer_whole": []}
    found: dict[str, list[dict[str, float]]] = {"ours": [], "peer": []}
    for seed in range(options.rounds):
        for name, kind in (("ours", Ours), ("peer", Peer)):
            if seed == 0 and name == "ours":
                warm = Ours(method, path, dim, 1, options.workers, 0)
                warm.corpus = Corpus.encode(held_out[:300], min_count=1, progress=False)
                warm.train()
            run = kind(method, path, dim, options.epochs, options.workers, seed)
            before = seconds(run.prepare)
            times[name].append(seconds(run.train))
            times[f"{name}_whole"].append(before + times[name][-1])
            found[name].append(quality(run, method, held_out, truth))
    words = options.epochs * sum(run.vectors().counts.tolist())
    rates = {f"{n}_words_s": round(words / statistics.median(times[n])) for n in ("ours", "peer")}
    whole = [b / a for a, b in zip(times["ours_whole"], times["peer_whole"], strict=True)]
    scores = {
        f"{key}_{name}": [round(each[key], 4) for each in found[name]] for key in found["ours"][0] for name in found
    }
    ratios = {"end_to_end_ratio": round(statistics.median(whole), 2)}
    return row(f"{method}, dim {dim}", times["ours"], times["peer"], **rates, **ratios, **scores)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, parents=[SIMD_OPTION])
    parser.add_argument("--rounds", type=int, default=3, help="seeds; ours and gensim in turn")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--dims", type=int, nargs="+", default=[100, 300])
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--plain-epochs", type=int, default=15, help="of the long plain run; 0 leaves it out")
    parser.add_argument("--text", type=Path, help="a text file instead of the joined corpora")
    parser.add_argument("--name", default="words", help="of the file of results")
    options = parser.parse_args()
    began = time.time()
    with tempfile.TemporaryDirectory() as folder:
        path, held_out = prepare(options.text, Path(folder))
        rows = [compare(m, dim, path, held_out, options) for m in options.methods for dim in options.dims]
    notes = f"{options.workers} threads, {options.epochs} epochs, window 5, 5 negatives, subsample 1e-3, min_count 5."
    report(options.name, rows, notes=f"{notes} The whole took {time.time() - began:.0f} s.")


if __name__ == "__main__":
    main()
