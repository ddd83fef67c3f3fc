"""The Huffman tree of a vocabulary: from its root a word is found by yes-or-no questions, few for frequent words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unlabeled.errors import UnlabeledError
from unlabeled.kernels.words.huffman_merge import huffman_merge


@dataclass(frozen=True)
class HuffmanTree:
    """For every word the inner nodes on the way from the root to its leaf, and the turn taken at each.

    A vocabulary of n words has n − 1 inner nodes. They are numbered by falling weight: node 0 is the root, and the
    nodes that running text passes most often are the first ones, near each other in memory. The frequent words have the
    short paths, so the mean length over running text is within one question of the entropy of the word frequencies.

    Parameters
    ----------
    starts : ndarray of int64, shape (n + 1,)
        The path of word w is ``nodes[starts[w]:starts[w + 1]]``.
    nodes : ndarray of int32
        Inner nodes of all paths, one path after the other, each from the root down.
    turns : ndarray of float32, as long as `nodes`
        At each of those nodes 1 to go on to its first child, 0 to its second: what the node's logistic unit must say.

    References
    ----------
    .. [1] Huffman, A Method for the Construction of Minimum-Redundancy Codes, Proceedings of the IRE, 1952.
    .. [2] Morin & Bengio, Hierarchical Probabilistic Neural Network Language Model, AISTATS 2005.

    Examples
    --------
    >>> tree = HuffmanTree.of([4, 2, 1])
    >>> [tree.code(word) for word in range(3)]
    ['1', '01', '00']
    """

    starts: NDArray[np.int64]
    nodes: NDArray[np.int32]
    turns: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def depth(self) -> int:
        """Length of the longest path."""
        return int(np.diff(self.starts).max())

    @property
    def tables(self) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32], int]:
        """What the kernels read: starts, nodes, turns and depth; they look past the last turn by up to 16 numbers."""
        return self.starts, self.nodes, np.pad(self.turns, (0, 16)), self.depth

    def code(self, word: int) -> str:
        """Give the turns to a word as a string of 0 and 1."""
        return "".join(str(int(turn)) for turn in self.turns[self.starts[word] : self.starts[word + 1]])

    @classmethod
    def of(cls, counts: ArrayLike) -> HuffmanTree:
        """Make the tree in time linear in the vocabulary.

        Parameters
        ----------
        counts : array-like of int, shape (n,)
            Occurrences of every word, falling.

        Raises
        ------
        UnlabeledError
            If the counts are not sorted so, or there are none.
        """
        counts = np.asarray(counts, dtype=np.int64)
        if len(counts) == 0 or np.any(np.diff(counts) > 0):
            raise UnlabeledError("a Huffman tree needs counts in falling order, one for each of at least one word")
        return cls(*_paths(len(counts), *huffman_merge(counts)))


def _paths(
    n: int, parents: NDArray[np.int64], turns: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    """Climb from all leaves at once and write down the paths."""
    depths = np.zeros(n, np.int64)
    active, nodes = np.arange(n), np.arange(n - 1, 2 * n - 1)
    levels = []  # per step up: the words still climbing, the nodes they come to, the turns they undo
    while len(active := active[nodes > 0]):
        nodes = nodes[nodes > 0]
        depths[active] += 1
        levels.append((active, parents[nodes], turns[nodes]))
        nodes = parents[nodes]
    starts = np.concatenate(([0], np.cumsum(depths)))
    path_nodes, path_turns = np.empty(starts[-1], np.int32), np.empty(starts[-1], np.float32)
    for height, (words, above, turned) in enumerate(levels, start=1):
        at = starts[words + 1] - height
        path_nodes[at], path_turns[at] = above, turned
    return starts, path_nodes, path_turns
