"""Edge probing: which layer of an encoder knows what about words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from unlabeled.data.text.token_windows import TaggedWords
from unlabeled.encoders.encoder import from_description
from unlabeled.encoders.make import trained_encoder
from unlabeled.errors import UnlabeledError
from unlabeled.modalities import check_modality

STEPS, BATCH = 1000, 1024
JUDGED = 4096
"""Test words that are judged at a time: their vectors in all layers are copied to bring them to scale."""
MAX_WORDS = 20_000
"""Words to learn a probe from at most; the vectors of all layers of so many take some hundred megabytes."""


@dataclass(frozen=True)
class EdgeProbe:
    """What linear probes find in the layers of an encoder; all accuracies are on test sentences.

    Attributes
    ----------
    layers : list of float
        Accuracy from each layer alone; the first is that of the embeddings.
    cumulative : list of float
        Accuracy from a learned mix of each layer and all below it; the last is `mix`.
    mix : float
        Accuracy from a learned mix of all layers.
    weights : list of float
        Of the mix; they sum to 1.
    centre : float
        Centre of gravity, the mean layer by these weights: where the probe looks.
    expected_layer : float
        Mean layer by what each adds to `cumulative`: where the task is solved. NaN if all layers together add nothing.
    untrained : float
        Accuracy of the mix of the same network with random weights.
    selectivity : float
        `mix` less the accuracy on the control task, in which each word has a tag drawn at random.
    commonest : float
        Accuracy of always naming the commonest tag.
    """

    layers: list[float]
    cumulative: list[float]
    mix: float
    weights: list[float]
    centre: float
    expected_layer: float
    untrained: float
    selectivity: float
    commonest: float


def edge_probing(
    encoder: Any,
    sentences: Sequence[Sequence[str]],
    tags: Sequence[Sequence[str]],
    test_sentences: Sequence[Sequence[str]],
    test_tags: Sequence[Sequence[str]],
    *,
    seed: int = 0,
) -> EdgeProbe:
    r"""Probe a frozen encoder of texts for tags of words, layer by layer.

    A word is the vector of its first token. A linear classifier learns from at most 20,000 words of `sentences`. Two
    controls tell what the encoder knows from what the probe learns: the same network untrained, and random tags, one
    for each different word (its selectivity).

    Parameters
    ----------
    encoder : Encoder, fitted method, or path of either
        Of texts.
    sentences, tags : sequence of sequences of str
        Words and their tags, to learn from.
    test_sentences, test_tags : sequence of sequences of str
        To measure on.
    seed : int, default 0

    References
    ----------
    .. [1] Tenney, Das & Pavlick, BERT Rediscovers the Classical NLP Pipeline, ACL 2019.
    .. [2] Hewitt & Liang, Designing and Interpreting Probes with Control Tasks, EMNLP 2019.
    """
    _check_tagged(sentences, tags)
    _check_tagged(test_sentences, test_tags)
    encoder = trained_encoder(encoder)
    kind = encoder.preprocessing.kind
    check_modality(encoder.preprocessing, "text", f"the encoder is for {kind}s, and the data are texts")
    names = sorted({str(tag) for row in tags for tag in row})
    if len(names) < 2:
        raise UnlabeledError(f"probing needs at least two different tags, got {len(names)}")
    number = {name: i for i, name in enumerate(names)}
    shown, wanted = _limited(sentences, tags)
    truth = np.array([number[str(tag)] for row in wanted for tag in row])
    test_truth = np.array([number.get(str(tag), -1) for row in test_tags for tag in row])
    words = [str(word) for row in shown for word in row]
    test_words = [str(word) for row in test_sentences for word in row]
    generator = np.random.default_rng(seed)
    control = {word: int(generator.integers(len(names))) for word in sorted({*words, *test_words})}

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        blank = from_description(encoder.describe(), encoder.preprocessing).eval()
        found, test_found = word_vectors(encoder, shown), word_vectors(encoder, test_sentences)
        layers = [
            _probe(found[:, [i]], truth, test_found[:, [i]], test_truth, len(names))[0] for i in range(found.shape[1])
        ]
        cumulative = [
            _probe(found[:, : i + 1], truth, test_found[:, : i + 1], test_truth, len(names))[0]
            for i in range(found.shape[1] - 1)
        ]
        mix, weights = _probe(found, truth, test_found, test_truth, len(names))
        cumulative.append(mix)
        drawn, test_drawn = (np.array([control[word] for word in each]) for each in (words, test_words))
        random_tags, _ = _probe(found, drawn, test_found, test_drawn, len(names))
        untrained, _ = _probe(
            word_vectors(blank, shown), truth, word_vectors(blank, test_sentences), test_truth, len(names)
        )
    centre = float(np.dot(np.arange(len(weights)), weights))
    commonest = float((test_truth == np.bincount(truth).argmax()).mean())
    return EdgeProbe(
        layers, cumulative, mix, weights, centre, expected_layer(cumulative), untrained, mix - random_tags, commonest
    )


def expected_layer(cumulative: Sequence[float]) -> float:
    """Give the mean layer by what each adds to those below it, see `edge_probing`.

    Examples
    --------
    >>> expected_layer([0.5, 0.75, 1.0])
    1.5
    """
    gains = np.diff(cumulative)
    total = float(gains.sum())
    return float((np.arange(1, len(gains) + 1) * gains).sum() / total) if total > 0 else float("nan")


@torch.no_grad()
def word_vectors(encoder: Any, sentences: Sequence[Sequence[str]]) -> Tensor:
    """Give the vectors of the first tokens of all words in all layers, shape (words, layers, dim).

    A sentence longer than the window is read in windows that overlap by half; a word counts in the first that has it.
    """
    encoder.eval()
    made = TaggedWords.cut(sentences, encoder.preprocessing.tokenizer, encoder.preprocessing.length)
    starts = np.concatenate([[0], np.cumsum(made.words)])
    vectors: Tensor | None = None
    device = next(encoder.parameters()).device
    for index in reversed(made.rows.even_batches(64)):
        states = torch.stack(encoder.hidden_states(made.rows.gather(index).to(device).values), 2)
        if vectors is None:
            vectors = torch.zeros(int(starts[-1]), *states.shape[2:])
        for place, row in reversed(list(enumerate(index.tolist()))):  # so that the first window writes last
            at = np.flatnonzero(made.heads[row] >= 0)
            to = starts[made.rows.owner[row]] + made.heads[row][at]
            vectors[torch.from_numpy(to)] = states[place, torch.from_numpy(at)].float().cpu()
    if vectors is None:
        raise UnlabeledError("there are no sentences to probe with")
    return vectors


def _check_tagged(sentences: Sequence[Sequence[str]], tags: Sequence[Sequence[str]]) -> None:
    """Refuse sentences that have not one tag a word."""
    if len(sentences) != len(tags):
        raise UnlabeledError(f"there are {len(sentences)} sentences but {len(tags)} lists of tags")
    for place, (words, row) in enumerate(zip(sentences, tags, strict=True)):
        if len(words) != len(row):
            raise UnlabeledError(f"sentence {place} has {len(words)} words but {len(row)} tags")


def _limited(
    sentences: Sequence[Sequence[str]], tags: Sequence[Sequence[str]]
) -> tuple[list[Sequence[str]], list[Sequence[str]]]:
    """Take sentences from the beginning until there are enough words."""
    shown: list[Sequence[str]] = []
    wanted: list[Sequence[str]] = []
    count = 0
    for words, row in zip(sentences, tags, strict=True):
        if count + len(words) > MAX_WORDS and shown:
            break
        shown.append(words)
        wanted.append(row)
        count += len(words)
    return shown, wanted


def _probe(x: Tensor, y: NDArray[Any], test_x: Tensor, test_y: NDArray[Any], classes: int) -> tuple[float, list[float]]:
    """Fit a mix of layers and a linear classifier on it; give the test accuracy and the weights of the mix."""
    # Each layer is brought to one scale, so that the weights of the mix compare.
    mean = x.mean(0)
    scale = x.var(0, correction=0).mean(1, keepdim=True).sqrt().clamp_min(1e-6)
    mix = nn.Parameter(torch.zeros(x.shape[1]))
    head = nn.Linear(x.shape[2], classes)
    groups: list[dict[str, Any]] = [{"params": list(head.parameters())}, {"params": [mix]}]
    optimizer = torch.optim.Adam(groups)
    truth = torch.from_numpy(y)
    for step in range(STEPS):
        for group, peak in zip(optimizer.param_groups, (0.01, 0.05), strict=True):
            group["lr"] = peak * (1 - step / STEPS)
        rows = torch.randint(len(x), (min(BATCH, len(x)),))
        loss = F.cross_entropy(head(_mixed((x[rows] - mean) / scale, mix)), truth[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        found = torch.cat([head(_mixed((part - mean) / scale, mix)).argmax(1) for part in test_x.split(JUDGED)])
    return float((found == torch.from_numpy(test_y)).float().mean()), mix.detach().softmax(0).tolist()


def _mixed(x: Tensor, mix: Tensor) -> Tensor:
    return torch.einsum("nld,l->nd", x, mix.softmax(0))
