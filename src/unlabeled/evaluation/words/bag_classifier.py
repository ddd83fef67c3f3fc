"""A small text classifier: the mean of a text's word vectors, standardised, and a linear layer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

LEARNING_RATES = (1e-3, 3e-3, 1e-2)
EPOCHS = 10  # at most
BATCH = 64


class Choice(NamedTuple):
    """Settings chosen on held-out texts."""

    learning_rate: float
    epochs: int


class Bags:
    """Texts as bags of words: each word once, weighted by its share of the text's known words."""

    def __init__(self, words: Tensor, weights: Tensor, starts: Tensor) -> None:
        self.words, self.weights, self.starts = words, weights, starts

    @classmethod
    def of(cls, texts: Sequence[Sequence[str]], rows: Mapping[str, int]) -> Bags:
        """Count the words of each text; those without a row are passed over."""
        words: list[int] = []
        weights: list[float] = []
        starts = [0]
        for text in texts:
            counts = Counter(rows[word] for word in text if word in rows)
            words += counts.keys()
            weights += [count / counts.total() for count in counts.values()]
            starts.append(len(words))
        return cls(torch.tensor(words, dtype=torch.int64), torch.tensor(weights), torch.tensor(starts))

    def __len__(self) -> int:
        return len(self.starts) - 1

    def take(self, texts: Tensor) -> Bags:
        """Give some of the texts, in the order asked for."""
        sizes = (self.starts[1:] - self.starts[:-1])[texts]
        starts = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])
        places = torch.arange(int(starts[-1])) + (self.starts[:-1][texts] - starts[:-1]).repeat_interleave(sizes)
        return Bags(self.words[places], self.weights[places], starts)


class Means:
    """Texts as means of vectors that stay as they are, made once."""

    def __init__(self, values: Tensor) -> None:
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    def take(self, texts: Tensor) -> Means:
        """Give some of the texts, in the order asked for."""
        return Means(self.values[texts])


class BagClassifier(nn.Module):
    """Mean of the vectors, standardised by what the training texts gave at the start, and a linear layer from zero."""

    centre: Tensor
    deviation: Tensor

    def __init__(self, table: Tensor, train: Bags | Means, classes: int) -> None:
        super().__init__()
        self.vectors = nn.Parameter(table.clone(), requires_grad=isinstance(train, Bags))
        self.linear = nn.Linear(table.shape[1], classes)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        with torch.no_grad():
            means = self._means(train)
            self.register_buffer("centre", means.mean(0))
            # One scale for all coordinates: which of them vary much is part of what the vectors say.
            self.register_buffer("deviation", means.var(0).mean().sqrt().clamp_min(1e-6))

    def _means(self, texts: Bags | Means) -> Tensor:
        return texts.values if isinstance(texts, Means) else means(self.vectors, texts)

    def forward(self, texts: Bags | Means) -> Tensor:
        """Give the logits of each text, shape (n, classes)."""
        found: Tensor = self.linear((self._means(texts) - self.centre) / self.deviation)
        return found


def means(table: Tensor, bags: Bags) -> Tensor:
    """Average the vectors of each text's words; zeros for a text without any, shape (n, dim)."""
    return nn.functional.embedding_bag(
        bags.words, table, bags.starts[:-1], mode="sum", per_sample_weights=bags.weights.to(table.dtype)
    )


def choose(table: Tensor, train: Bags | Means, labels: Tensor, kept: Tensor, held: Tensor, seed: int) -> Choice:
    """Choose the learning rate and the epochs that do best on held-out training texts; of equals the least training.

    Parameters
    ----------
    table : Tensor of float32, shape (words, dim)
        The vectors. They are trained along if the texts are `Bags`, and not if they are `Means`.
    train : Bags or Means, length n
        All training texts.
    labels : Tensor of int64, shape (n,)
        Classes, numbered without gaps.
    kept, held : Tensor of int64
        Texts to learn from, and to choose by.
    seed : int
        Of the order of the texts.
    """
    learn, check = train.take(kept), train.take(held)
    scored = {}
    for rate in LEARNING_RATES:
        net = BagClassifier(table, learn, int(labels.max()) + 1)
        for epoch, _ in enumerate(_epochs(net, learn, labels[kept], rate, seed), 1):
            scored[Choice(rate, epoch)] = _accuracy(net, check, labels[held])
    return max(scored, key=lambda choice: (scored[choice], -choice.epochs, -choice.learning_rate))


def judge(
    table: Tensor,
    train: Bags | Means,
    labels: Tensor,
    test: Bags | Means,
    test_labels: Tensor,
    choice: Choice,
    seed: int,
) -> float:
    """Learn from all training texts as chosen, and look at the test texts once; give the accuracy on them."""
    net = BagClassifier(table, train, int(labels.max()) + 1)
    epochs = _epochs(net, train, labels, choice.learning_rate, seed)
    for _ in range(choice.epochs):
        next(epochs)
    return _accuracy(net, test, test_labels)


def _epochs(net: BagClassifier, texts: Bags | Means, labels: Tensor, rate: float, seed: int) -> Iterator[None]:
    """Train by Adam; yield after each epoch."""
    optimizer = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], lr=rate, fused=True)
    order = torch.Generator().manual_seed(seed)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(texts), generator=order).split(BATCH):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(texts.take(batch)), labels[batch]).backward()
            optimizer.step()
        yield


@torch.no_grad()
def _accuracy(net: BagClassifier, texts: Bags | Means, labels: Tensor) -> float:
    return float((net(texts).argmax(1) == labels).double().mean())
