"""Texts in tokens: kept as one row of numbers, handed out as padded batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unlabeled.data.batch import Batch, labels_at
from unlabeled.data.fingerprint import fingerprint
from unlabeled.data.instances import prefetched
from unlabeled.data.text.tokenization.subword_tokenizer import SubwordTokenizer
from unlabeled.data.text.tokenization.tokens import TextPair, TextTriple, Tokens, padded


class TokenRows:
    """Rows of tokens of different lengths, in one array.

    Parameters
    ----------
    rows : sequence of ndarray of int32
    """

    def __init__(self, rows: Sequence[NDArray[np.int32]]) -> None:
        self.lengths = np.array([len(row) for row in rows], dtype=np.int64)
        self.starts = np.concatenate([[0], np.cumsum(self.lengths)])
        self.flat = np.concatenate([*rows, np.empty(0, np.int32)]).astype(np.int32, copy=False)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, row: int) -> NDArray[np.int32]:
        return self.flat[self.starts[row] : self.starts[row + 1]]


class TokenizedTexts:
    """Texts cut into tokens; satisfies `Instances`. Made by `Texts.tokenize`.

    Values of a batch are `Tokens` for single texts, `TextPair` for pairs and `TextTriple` for triples, each text with
    its special tokens around it and padded to the longest of the batch.

    Parameters
    ----------
    columns : tuple of lists of str
        The texts; for pairs and triples two or three lists.
    tokenizer : SubwordTokenizer
    length : int
        Most tokens of a text in a batch, special ones included.
    ids : sequence of str
    labels, classes : optional
        Class numbers, and the names of the classes.
    """

    kind: ClassVar[str] = "text"

    def __init__(
        self,
        columns: tuple[list[str], ...],
        tokenizer: SubwordTokenizer,
        length: int,
        ids: Sequence[str],
        labels: NDArray[np.int64] | None = None,
        classes: list[str] | None = None,
    ) -> None:
        self.columns, self.tokenizer, self.length = columns, tokenizer, length
        self.ids, self.labels, self.classes = ids, labels, classes
        room = max(1, length - tokenizer.tokens_added)
        self.rows = tuple(TokenRows(tokenizer.encode(column, limit=room)) for column in columns)

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over texts, tokenizer and length."""
        texts = (text for row in zip(*self.columns, strict=True) for text in row)
        return fingerprint([self.tokenizer.fingerprint, str(self.length), *texts])

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each instance as it stands in a batch; of pairs and triples those of the longest text."""
        longest: NDArray[np.int64] = np.max([rows.lengths for rows in self.rows], axis=0)
        return longest + self.tokenizer.tokens_added

    def even_batches(self, size: int, tokens: int | None = None) -> list[Tensor]:
        """Give all positions in batches of texts of about one length, see `by_length`."""
        return by_length(self.lengths, size, tokens)

    def gather(self, indices: Tensor) -> Batch:
        """Give the texts at `indices` as one padded batch."""
        columns = [self._padded(rows, indices.tolist()) for rows in self.rows]
        values: Any = columns[0] if len(columns) == 1 else (TextPair, TextTriple)[len(columns) - 2](*columns)
        return Batch(values, labels_at(self.labels, indices), indices)

    def batches(self, index_batches: Iterable[Tensor], prefetch: int = 2) -> Iterator[Batch]:
        """Give `gather` of each of `index_batches` in turn, fetched ahead."""
        return prefetched(self.gather, index_batches, prefetch)

    def _padded(self, rows: TokenRows, indices: list[int]) -> Tokens:
        return padded([self.tokenizer.with_special_tokens(rows[i], self.length) for i in indices], self.tokenizer.pad)


def by_length(lengths: NDArray[np.int64], batch: int, tokens: int | None = None) -> list[Tensor]:
    """Give batches of texts of like length, the longest first, so that little is padding.

    Parameters
    ----------
    lengths : ndarray of int64, shape (n,)
    batch : int
        Texts a batch at most.
    tokens : int, optional
        Tokens a batch at most, padding included; a longer text is a batch of its own.

    Examples
    --------
    >>> by_length(np.array([3, 9, 4, 8]), batch=2)
    [tensor([1, 3]), tensor([2, 0])]
    >>> by_length(np.array([3, 9, 4, 8]), batch=9, tokens=10)
    [tensor([1]), tensor([3]), tensor([2, 0])]
    """
    order = np.argsort(-lengths, kind="stable")
    batches: list[Tensor] = []
    start = 0
    while start < len(order):
        longest = max(1, int(lengths[order[start]]))
        rows = batch if tokens is None else min(batch, max(1, tokens // longest))
        batches.append(torch.from_numpy(order[start : start + rows]))
        start += rows
    return batches


def bucketed(order: Tensor, lengths: Tensor, batch: int, generator: torch.Generator, pool: int = 50) -> list[Tensor]:
    """Cut a random order into batches of texts of like length, themselves in random order.

    The order is cut into pools of `pool` batches. Within a pool the texts are sorted by length and cut into batches, so
    texts meet others of about their length, and different ones in every epoch. What does not fill a batch is left out:
    the end of the order, so that it is no matter of length who sits out.

    Parameters
    ----------
    order : Tensor of int64, shape (n,)
        A permutation.
    lengths : Tensor of int64, shape (n,)
        Of the texts, by their number.
    batch : int
        Texts a batch.
    generator : torch.Generator
        Shuffles the batches.
    pool : int, default 50
        Batches a pool; more of them mean less padding and less chance.
    """
    batches: list[Tensor] = []
    for part in order[: len(order) // batch * batch].split(batch * pool):
        batches += part[lengths[part].argsort(stable=True)].split(batch)
    shuffled = torch.randperm(len(batches), generator=generator).tolist()
    return [batches[i] for i in shuffled]
