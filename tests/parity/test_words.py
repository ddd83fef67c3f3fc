"""Skip-gram and CBOW against gensim and word2vec.c on the joined corpora: as good a model for the same settings.

All read one text file on one thread, so that gensim's learning rate falls all the way, as ours does, and a result can
be had again. Over three seeds, what is compared is the agreement with people (WordSim-353, SimLex-999) and the loss on
text that neither saw: every fiftieth line.

The tolerance is the spread over seeds and nothing else. With three runs a side, the difference of two means with one
spread s has the standard error s √(2/3), and exceeds 4.6 times that by chance in one of a hundred cases (Student's
t with 4 degrees of freedom, both sides). So `within_noise` refuses what is worse than gensim by more than that, with s
from the six runs. Being better is no failure: gensim cuts its sigmoid off at ±6, and for CBOW leaves the mean's 1/n out
of the gradient.
"""

from __future__ import annotations

import math
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
import pytest

from unlabeled import CBOW, SkipGram, WordVectors
from unlabeled.data import Corpus, tokenize
from unlabeled.evaluation import word_similarity
from unlabeled.methods.words.counting.huffman import HuffmanTree
from unlabeled.methods.words.prediction.likelihood import (
    drawn_negatives,
    hierarchical_loss,
    negative_loss,
    window_pairs,
)

gensim = pytest.importorskip("gensim.models", reason="gensim is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.real_data]

PARTS = ["brown/train", "abc/train", "webtext/train", "newsgroups/train"]
SETTINGS = {"window": 5, "epochs": 3, "min_count": 5}
DIM, RATE, LAST_RATE, SEEDS = 50, 0.025, 1e-4, 3
DOCUMENTS = 4  # every fourth one is read, which is 2 million words, so that gensim's runs end within minutes
HELD_OUT = 50
FILES = {"WordSim-353": "wordsim353.tsv", "SimLex-999": "simlex999.txt"}
PROGRAM = shutil.which("word2vec")
STUDENT_T = 4.604  # 99.5 % quantile with 4 degrees of freedom


class Text(NamedTuple):
    path: Path
    corpus: Corpus
    tokens: np.ndarray  # of the held-out lines, by our vocabulary, and where its sentences begin
    sentences: np.ndarray


class Learnt(NamedTuple):
    """A model as the judge wants it, whoever trained it: rows in the order of our vocabulary."""

    words: np.ndarray
    contexts: np.ndarray
    tree: HuffmanTree | None


def lines(folder: Path) -> Iterator[list[str]]:
    for part in PARTS:
        for document in pq.read_table(folder / f"{part}.parquet", columns=["text"])["text"][::DOCUMENTS].to_pylist():
            yield from filter(None, map(tokenize, document.splitlines()))


@pytest.fixture(scope="module")
def text(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Text:
    path, held_out = tmp_path_factory.mktemp("words") / "text.txt", []
    with path.open("w", encoding="utf-8") as file:
        for number, words in enumerate(lines(real_data)):
            if number % HELD_OUT:
                file.write(" ".join(words) + "\n")
            else:
                held_out.append(words)
    corpus = Corpus.encode(path, tokenizer="whitespace", min_count=SETTINGS["min_count"], progress=False)
    known = [[corpus.vocabulary.index[word] for word in words if word in corpus.vocabulary] for words in held_out]
    return Text(path, corpus, np.concatenate(known).astype(np.int64), np.cumsum([0, *map(len, known)]))


def ours(method: type, text: Text, seed: int, **settings: object) -> Learnt:
    rates = {"learning_rate": RATE, "min_learning_rate": LAST_RATE}
    model = method(dim=DIM, workers=1, random_state=seed, progress=False, **SETTINGS, **{**rates, **settings})
    model.fit(text.corpus)
    tree = HuffmanTree.of(text.corpus.vocabulary.counts) if model.loss == "hierarchical" else None
    return Learnt(model.vectors_.vectors, model.context_vectors_, tree)


def theirs(text: Text, seed: int, **settings: int) -> Learnt:
    model = gensim.Word2Vec(
        corpus_file=str(text.path), vector_size=DIM, workers=1, seed=seed, alpha=RATE, min_alpha=LAST_RATE, sample=1e-3,
        **SETTINGS, **settings,
    )  # fmt: skip
    rows = [model.wv.key_to_index[word] for word in text.corpus.vocabulary.words]
    assert len(rows) == len(model.wv)
    words = model.wv.vectors[rows]
    if not settings["hs"]:
        return Learnt(words, model.syn1neg[rows], None)
    codes, points = ([model.wv.get_vecattr(row, name) for row in rows] for name in ("code", "point"))
    starts = np.cumsum([0, *map(len, codes)])
    turns = 1 - np.concatenate(codes).astype(np.float32)  # its units say 1 where its code has 0
    tree = HuffmanTree(starts, np.concatenate(points).astype(np.int32), turns)
    return Learnt(words, model.syn1, tree)


def judge(learnt: Learnt, text: Text, folder: Path, cbow: bool) -> dict[str, float]:
    """Measure what is to be compared; of each figure more is better."""
    vocabulary = text.corpus.vocabulary
    vectors = WordVectors(vocabulary.words, learnt.words, vocabulary.counts)
    found = {name: word_similarity(vectors, folder / "words" / file).correlation for name, file in FILES.items()}
    centres, contexts = window_pairs(text.sentences, SETTINGS["window"])
    hidden, rows, targets = learnt.words, text.tokens[centres], text.tokens[contexts]
    if cbow:
        places, rows, counts = np.unique(centres, return_inverse=True, return_counts=True)
        hidden = np.zeros((len(places), DIM))
        np.add.at(hidden, rows, learnt.words[targets])
        hidden, rows, targets = hidden / counts[:, None], np.arange(len(places)), text.tokens[places]
    if learnt.tree is None:
        loss = negative_loss(hidden, rows, learnt.contexts, targets, drawn_negatives(vocabulary.counts, len(rows), 5))
    else:
        loss = hierarchical_loss(hidden, rows, learnt.contexts, targets, learnt.tree)
    return found | {"minus the held-out loss": -loss}


def within_noise(our: list[float], their: list[float]) -> bool:
    spread = math.sqrt((np.var(our, ddof=1) + np.var(their, ddof=1)) / 2)
    return bool(np.mean(our) > np.mean(their) - STUDENT_T * spread * math.sqrt(2 / SEEDS))


# Of each case our class and settings, and gensim's, by which the program's are named too. Both give each word of a
# context the whole gradient of the mean, we give it 1/n: so ours takes larger steps.
CASES = {
    "skip-gram, negative sampling": (SkipGram, {}, {"sg": 1, "hs": 0, "negative": 5}),
    "skip-gram, hierarchical": (SkipGram, {"loss": "hierarchical"}, {"sg": 1, "hs": 1, "negative": 0}),
    "CBOW, negative sampling": (CBOW, {"learning_rate": 0.05}, {"sg": 0, "hs": 0, "negative": 5}),
    "CBOW, hierarchical": (CBOW, {"learning_rate": 0.05, "loss": "hierarchical"}, {"sg": 0, "hs": 1, "negative": 0}),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_as_good_as_gensim(case: str, text: Text, real_data: Path):
    method, settings, peers = CASES[case]
    our = [judge(ours(method, text, seed, **settings), text, real_data, method is CBOW) for seed in range(SEEDS)]
    their = [judge(theirs(text, seed, **peers), text, real_data, method is CBOW) for seed in range(SEEDS)]
    for figure in our[0]:
        both = [[run[figure] for run in runs] for runs in (our, their)]
        print(f"{case}, {figure}: ours {np.round(both[0], 4)}, gensim's {np.round(both[1], 4)}")
        assert within_noise(*both), (figure, *both)


def test_the_comparison_notices_a_model_that_is_a_little_worse(text: Text, real_data: Path):
    """Four negatives in place of five, or a rate a fifth lower, is more than noise."""
    whole, *worse = (
        [judge(ours(SkipGram, text, seed, **settings), text, real_data, cbow=False) for seed in range(SEEDS)]
        for settings in ({}, {"negatives": 4}, {"learning_rate": 0.8 * RATE})
    )
    for runs in worse:
        assert not all(within_noise(*([run[figure] for run in some] for some in (runs, whole))) for figure in whole[0])


def shuffled(text: Text, folder: Path, seed: int) -> Text:
    """Put the lines into an order of their own, because the C program's draws are always the same."""
    lines = text.path.read_text(encoding="utf-8").splitlines(keepends=True)
    random.Random(seed).shuffle(lines)
    path = folder / f"shuffled_{seed}.txt"
    path.write_text("".join(lines), encoding="utf-8")
    corpus = Corpus.encode(path, tokenizer="whitespace", min_count=SETTINGS["min_count"], progress=False)
    return text._replace(path=path, corpus=corpus)


def trained_by_word2vec(text: Text, sg: int, hs: int, negative: int) -> WordVectors:
    out = text.path.with_suffix(".vectors.txt")
    settings = {
        "-train": text.path, "-output": out, "-size": DIM, "-window": SETTINGS["window"], "-iter": SETTINGS["epochs"],
        "-min-count": SETTINGS["min_count"], "-alpha": RATE, "-sample": 1e-3, "-threads": 1, "-binary": 0,
        "-cbow": 1 - sg, "-hs": hs, "-negative": negative,
    }  # fmt: skip
    given = [str(part) for pair in settings.items() for part in pair]
    subprocess.run([PROGRAM, *given], check=True, stdout=subprocess.DEVNULL)
    return WordVectors.load(out)


@pytest.mark.skipif(PROGRAM is None, reason="no program word2vec; the package of that name on PyPI compiles it")
@pytest.mark.parametrize("case", CASES)
def test_it_is_as_good_as_word2vec(case: str, text: Text, real_data: Path, tmp_path: Path):
    """The program writes words' vectors only, so no loss can be compared."""
    method, settings, peers = CASES[case]
    texts = [shuffled(text, tmp_path, seed) for seed in range(SEEDS)]
    our = [ours(method, each, seed, **settings) for seed, each in enumerate(texts)]
    our_vectors = [
        WordVectors(each.corpus.vocabulary.words, learnt.words) for learnt, each in zip(our, texts, strict=True)
    ]
    their_vectors = [trained_by_word2vec(each, **peers) for each in texts]
    for figure, file in FILES.items():
        both = [
            [word_similarity(vectors, real_data / "words" / file).correlation for vectors in runs]
            for runs in (our_vectors, their_vectors)
        ]
        print(f"{case}, {figure}: ours {np.round(both[0], 4)}, word2vec's {np.round(both[1], 4)}")
        assert within_noise(*both), (figure, *both)
