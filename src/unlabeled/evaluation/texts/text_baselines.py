"""What an encoder of texts is compared with: itself untrained, counts of words, and means of word vectors."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from unlabeled.data.text.tokenization.tokenizers import tokenize
from unlabeled.encoders.embed import embed
from unlabeled.encoders.encoder import from_description
from unlabeled.encoders.make import trained_encoder
from unlabeled.errors import UnlabeledError
from unlabeled.methods.words.sentence_vectors import SentenceVectors
from unlabeled.modalities import open_instances

Vectors = NDArray[np.float32]
Represent = Callable[[Sequence[str]], Vectors]

WORDS = 5_000
"""Words of tf-idf, the most frequent ones."""


@dataclass(frozen=True)
class TextEvaluation:
    """How the vectors of texts do at a task, beside baselines.

    Attributes
    ----------
    figures : dict of str to dict of str to float
        Of each representation ("learnt", "untrained", "tf-idf", and "word vectors" if there were any) its figures.
    n_train, n_test : int
        Labelled texts, pairs or queries that were learnt from and judged on.
    """

    figures: dict[str, dict[str, float]]
    n_train: int
    n_test: int

    def __str__(self) -> str:
        measures = list(next(iter(self.figures.values())))
        lines = [" ".join([f"{'':<14}", *(f"{measure:>12}" for measure in measures)])]
        for name, found in self.figures.items():
            lines.append(" ".join([f"{name:<14}", *(f"{found[measure]:>12.3f}" for measure in measures)]))
        return "\n".join(lines)


def representations(encoder: Any, known: Sequence[str], word_vectors: Any, seed: int) -> dict[str, Represent]:
    """Give, by name, functions from texts to vectors, shape (n, dim).

    Parameters
    ----------
    encoder : Encoder, fitted method, or path of either
        Of texts.
    known : sequence of str
        Texts on which tf-idf chooses and weighs its words.
    word_vectors : anything `opened_vectors` takes, or None
        Of whose words the mean is taken.
    seed : int
        Of the untrained encoder.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    encoder = trained_encoder(encoder)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        blank = from_description(encoder.describe(), encoder.preprocessing).to(next(encoder.parameters()).device)

    if not len(known):
        raise UnlabeledError("there are no texts to judge by")
    counts = TfidfVectorizer(max_features=WORDS, sublinear_tf=True, tokenizer=tokenize, token_pattern=None)
    try:
        counts.fit(known)
    except ValueError:  # not one word in all the texts
        counts.fit(["word"])
    found: dict[str, Represent] = {
        "learnt": lambda texts: _embedded(encoder, texts),
        "untrained": lambda texts: _embedded(blank, texts),
        "tf-idf": lambda texts: np.asarray(counts.transform(texts).toarray(), dtype=np.float32),
    }
    if word_vectors is not None:
        means = SentenceVectors(vectors=word_vectors, weighting="mean").fit(list(known))
        found["word vectors"] = lambda texts: _means(means, texts)
    return found


def _embedded(encoder: Any, texts: Sequence[str]) -> Vectors:
    instances, _ = open_instances(list(texts), preprocessing=encoder.preprocessing)
    return embed(encoder, instances, device=next(encoder.parameters()).device)


def _means(means: SentenceVectors, texts: Sequence[str]) -> Vectors:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of texts without a known word, which are zeros here
        return means.transform(list(texts))
