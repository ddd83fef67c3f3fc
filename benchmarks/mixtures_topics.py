"""PLSA against scikit-learn's NMF, and latent Dirichlet allocation against tomotopy.

PLSA and NMF(solver="mu", beta_loss="kullback-leibler") make the same update, up to the length of documents. Both start
from the same β and from equal shares, in float32, on counts drawn from topics: 20,000 documents × 30,000 words, about
3 million entries, 50 topics. The time of an iteration is that of `STEPS + 1` iterations less that of one, by STEPS.
NMF uses the new θ for β at once and so gets ahead by some iterations: the mean log-likelihood of a word after as many
iterations is given for both, and how many iterations, and how much less time, it takes ours to reach NMF's.

Latent Dirichlet allocation runs on newsgroups (the folder UNLABELED_DATA) with 50 topics, the same words, priors,
number of sweeps and threads on both sides. Given are seconds of a sweep, and of the topics NPMI coherence in documents
held out, and diversity: ours, tomotopy's and those of our PLSA, over seeds; and, of one fit each, those of gensim's and
scikit-learn's variational inference after 20 passes.

`--part alpha` compares topics with learnt α, ours (``doc_topic_prior="auto"``) and tomotopy's (its default), with fixed
α beside them: on newsgroups with 50 topics, and on the paragraphs of inaugural addresses with 20, of which every third
is held out.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# An old kernel of OpenBLAS may be pinned here, which would slow down the peers.
os.environ.pop("OPENBLAS_CORETYPE", None)

import numpy as np
import pyarrow.parquet as pq
import scipy.sparse as sp
from harness import SIMD_OPTION, report, row, seconds
from sklearn.decomposition import non_negative_factorization

from unlabeled import PLSA, Documents, LatentDirichletAllocation
from unlabeled.evaluation.topic_coherence import topic_coherence, topic_diversity
from unlabeled.methods.mixture.threads import threads
from unlabeled.methods.mixture.topics.gibbs import Gibbs
from unlabeled.methods.mixture.topics.word_counts import WordCounts

STEPS = 5
COMPARED = 30  # iterations after which likelihoods are compared
ALPHA, ETA = 0.1, 0.01
PASSES = 20  # of variational inference


def drawn(documents: int, words: int, entries: int, k: int) -> tuple[sp.csr_matrix, np.ndarray]:
    """Draw documents from topics whose words have Zipf's frequencies; and topics to start from."""
    rng = np.random.default_rng(0)
    frequency = 1 / np.arange(1, words + 1)
    beta = rng.gamma(0.2, size=(k, words)) * frequency
    cumulative = np.cumsum(beta / beta.sum(axis=1, keepdims=True), axis=1)
    tokens = int(1.33 * entries)  # some words fall on the same entry
    document = rng.integers(documents, size=tokens)
    favourite = rng.integers(k, size=(documents, 3))
    topic = favourite[document, rng.integers(3, size=tokens)]
    word = np.empty(tokens, np.int64)
    for z in range(k):
        word[topic == z] = np.searchsorted(cumulative[z], rng.random((topic == z).sum()))
    ones = np.ones(tokens, np.float32)
    counts = sp.coo_matrix((ones, (document, np.minimum(word, words - 1))), shape=(documents, words)).tocsr()
    start = rng.gamma(1.0, size=(k, words)).astype(np.float32)
    return counts, start / start.sum(axis=1, keepdims=True)


def plsa(counts: sp.csr_matrix, start: np.ndarray, steps: int) -> PLSA:
    return PLSA(len(start), init=start, max_iter=steps, tol=0, progress=False).fit(counts)


def nmf(counts: sp.csr_matrix, start: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    k = len(start)
    shares = np.repeat(np.asarray(counts.sum(axis=1)) / k, k, axis=1).astype(np.float32)
    common = {"init": "custom", "solver": "mu", "beta_loss": "kullback-leibler", "tol": 0}
    w, h, _ = non_negative_factorization(counts, W=shares, H=start.copy(), n_components=k, max_iter=steps, **common)
    return w, h


def log_likelihood(counts: sp.csr_matrix, theta: np.ndarray, beta: np.ndarray) -> float:
    """Measure the mean log p(w | d), whatever made the factors."""
    lengths = theta @ beta.sum(axis=1)
    total = 0.0
    for first in range(0, counts.shape[0], 1000):
        some = counts[first : first + 1000].tocoo()
        p = np.einsum("ek,ek->e", theta[first + some.row], beta.T[some.col], dtype=np.float64)
        total += float((some.data * np.log(p / lengths[first + some.row])).sum())
    return total / float(counts.sum())


def an_iteration(fit: Callable[..., object], counts: sp.csr_matrix, start: np.ndarray) -> float:
    one, many = (seconds(lambda steps=steps: fit(counts, start, steps)) for steps in (1, STEPS + 1))
    return (many - one) / STEPS


def plsa_against_nmf(rounds: int, scale: float) -> dict:
    size = (int(20_000 * scale), 30_000, int(3_000_000 * scale), 50)
    counts, start = drawn(*size)
    pairs = [(an_iteration(plsa, counts, start), an_iteration(nmf, counts, start)) for _ in range(rounds + 1)][1:]
    reached = log_likelihood(counts, *nmf(counts, start, COMPARED))
    history = plsa(counts, start, 3 * COMPARED).history_
    steps = int(np.argmax(np.array(history) >= reached)) or len(history)
    label = f"PLSA, an iteration, {size[0]:,} × {size[1]:,}, {counts.nnz:,} entries, 50 topics"
    found = row(label, *map(list, zip(*pairs, strict=True)))
    return found | {
        f"log_likelihood_peer_after_{COMPARED}": round(reached, 5),
        f"log_likelihood_ours_after_{COMPARED}": round(history[COMPARED], 5),
        "iterations_of_ours_to_the_peers": steps,
        "ratio_to_equal_likelihood": round(found["ratio_median"] * COMPARED / steps, 2),
    }


def variational(counted: Documents, workers: int) -> dict[str, list[list[str]]]:
    """Give the top words of scikit-learn's and gensim's topics."""
    from gensim.matutils import Sparse2Corpus
    from gensim.models import LdaModel
    from sklearn.decomposition import LatentDirichletAllocation as Theirs

    sklearns = Theirs(50, doc_topic_prior=ALPHA, topic_word_prior=ETA, max_iter=PASSES, n_jobs=workers, random_state=0)
    corpus = Sparse2Corpus(counted.counts, documents_columns=False)
    settings = {"alpha": [ALPHA] * 50, "eta": ETA, "passes": PASSES, "random_state": 0}
    gensims = LdaModel(corpus, 50, id2word=dict(enumerate(counted.words)), **settings)
    betas = {"scikit-learn": sklearns.fit(counted.counts).components_, "gensim": gensims.get_topics()}
    return {name: [[counted.words[w] for w in np.argsort(-line)[:25]] for line in beta] for name, beta in betas.items()}


def tomotopys_model(counted: Documents, k: int, seed: int, learns: bool) -> Any:
    import tomotopy

    model = tomotopy.LDAModel(k=k, alpha=ALPHA, eta=ETA, seed=seed)
    for line in counted.counts:
        model.add_doc([counted.words[w] for w in np.repeat(line.indices, line.data.astype(int))])
    if not learns:
        model.optim_interval = 0  # the priors stay as they are, as ours do
    model.train(0)
    return model


def tops_of(model: Any) -> list[list[str]]:
    """Give the 25 most probable words of each topic of tomotopy's model."""
    return [[word for word, _ in model.get_topic_words(z, top_n=25)] for z in range(model.k)]


def judged(name: str, tops: list[list[list[str]]], held_out: Documents) -> dict:
    coherences = [round(topic_coherence(top, held_out).mean, 4) for top in tops]
    return {"label": name, "npmi": coherences, "diversity": [round(topic_diversity(top), 3) for top in tops]}


def learnt_alpha(sweeps: int, workers: int, seeds: int) -> Iterator[list[dict]]:
    """Judge topics with α learnt and fixed, ours and tomotopy's, of two collections; yield rows as they are made."""
    for prior in ("auto", ALPHA):
        for name, k, texts, others in collections():
            counted = Documents.count(texts, min_df=5, max_df=0.2)
            held_out = Documents.count(others, vocabulary=counted.words)
            mine, theirs = [], []
            for seed in range(seeds):
                settings = {"max_iter": sweeps, "workers": workers, "progress": False, "random_state": seed}
                lda = LatentDirichletAllocation(k, doc_topic_prior=prior, topic_word_prior=ETA, **settings).fit(counted)
                mine.append(lda.top_words(25))
                peer = tomotopys_model(counted, k, seed, learns=prior == "auto")
                peer.train(sweeps, workers=workers)
                theirs.append(tops_of(peer))
            how = f"{name}, {k} topics, α {'learnt' if prior == 'auto' else 'fixed'}, {sweeps} sweeps"
            yield [judged(f"{how}, ours", mine, held_out), judged(f"{how}, tomotopy", theirs, held_out)]


def collections() -> Iterator[tuple[str, int, list[str], list[str]]]:
    """Yield collections of texts: name, number of topics, texts to learn from, and texts to judge by."""
    folder = Path(os.environ["UNLABELED_DATA"])
    news = (
        pq.read_table(folder / f"newsgroups/{part}.parquet").column("text").to_pylist() for part in ("train", "test")
    )
    yield "newsgroups", 50, *news
    speeches = pq.read_table(folder / "inaugural/train.parquet").column("text").to_pylist()
    paragraphs = [part for text in speeches for part in text.split("\n\n") if len(part.split()) >= 20]
    yield "inaugural addresses", 20, [p for i, p in enumerate(paragraphs) if i % 3], paragraphs[::3]


def lda_against_tomotopy(rounds: int, sweeps: int, documents: int | None, workers: int, seeds: int) -> list[dict]:
    folder = Path(os.environ["UNLABELED_DATA"]) / "newsgroups"
    texts, others = (pq.read_table(folder / f"{part}.parquet").column("text").to_pylist() for part in ("train", "test"))
    counted = Documents.count(texts[:documents], min_df=5, max_df=0.2)
    held_out = Documents.count(others, vocabulary=counted.words)
    counts = WordCounts(counted.counts.astype(np.float32))

    def theirs(seed: int) -> Any:
        return tomotopys_model(counted, 50, seed, learns=False)

    peer, state = theirs(0), Gibbs(counts, 50, ALPHA, ETA, np.random.RandomState(0))
    with threads(workers) as pool:
        for _ in range(5):
            state.sweep(pool)
            peer.train(1, workers=workers)
        pairs = []
        for _ in range(rounds):
            mine = seconds(lambda: [state.sweep(pool) for _ in range(5)]) / 5
            pairs.append((mine, seconds(lambda: peer.train(5, workers=workers)) / 5))
    tokens = int(counts.total)
    label = f"LDA, a sweep, newsgroups, {counts.shape[0]:,} documents, {tokens:,} words, 50 topics, {workers} workers"
    found = [row(label, *map(list, zip(*pairs, strict=True)))]
    found[0] |= {
        f"million_words_a_second_{who}": round(tokens / min(found[0][f"{who}_s"]) / 1e6, 1) for who in ("ours", "peer")
    }

    if seeds == 0:
        return found
    settings = {"workers": workers, "progress": False}
    priors = {"doc_topic_prior": ALPHA, "topic_word_prior": ETA, "max_iter": sweeps}
    mine, plain, tomotopys = [], [], []
    for seed in range(seeds):
        lda = LatentDirichletAllocation(50, **priors, **settings, random_state=seed).fit(counted)
        mine.append(lda.top_words(25))
        plain.append(PLSA(50, max_iter=sweeps, **settings, random_state=seed).fit(counted).top_words(25))
        peer = theirs(seed)
        peer.train(sweeps, workers=workers)
        tomotopys.append(tops_of(peer))
    names = ("topics of LDA, ours", "topics of LDA, tomotopy", "topics of PLSA, ours")
    found += [judged(name, tops, held_out) for name, tops in zip(names, (mine, tomotopys, plain), strict=True)]
    found += [
        judged(f"topics of LDA, {name}", [tops], held_out) for name, tops in variational(counted, workers).items()
    ]
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, parents=[SIMD_OPTION])
    parser.add_argument("--rounds", type=int, default=5, help="timed rounds of each, taken in turn")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the 20,000 documents of PLSA")
    parser.add_argument("--sweeps", type=int, default=300, help="of LDA, and steps of PLSA, before topics are judged")
    parser.add_argument("--documents", type=int, help="at most so many newsgroup messages")
    parser.add_argument("--workers", type=int, default=2, help="threads of LDA")
    parser.add_argument("--seeds", type=int, default=3, help="fits whose topics are judged; 0 judges none")
    parser.add_argument("--part", choices=["all", "speed", "alpha"], default="all", help="what to measure")
    options = parser.parse_args()
    began = time.perf_counter()
    notes = "Same start, priors, number of iterations and threads on both sides."
    if options.part in ("all", "speed"):
        results = [plsa_against_nmf(options.rounds, options.scale)]
        results += lda_against_tomotopy(
            options.rounds, options.sweeps, options.documents, options.workers, options.seeds
        )
        report("mixtures_topics", results, notes=notes, renew=options.part != "all")
    if options.part in ("all", "alpha"):
        for results in learnt_alpha(options.sweeps, options.workers, options.seeds):
            report("mixtures_topics", results, notes=notes, renew=True)
    print(f"{time.perf_counter() - began:.0f} s in all")
