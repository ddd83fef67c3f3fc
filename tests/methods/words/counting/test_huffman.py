from __future__ import annotations

import heapq

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unlabeled.errors import UnlabeledError
from unlabeled.methods.words.counting.huffman import HuffmanTree

counts_falling = st.lists(st.integers(1, 10_000), min_size=1, max_size=60).map(lambda c: sorted(c, reverse=True))


def shortest_total(counts):
    """Give the smallest Σ count · length that any prefix-free code has, by the textbook's heap."""
    heap, total = list(counts), 0
    heapq.heapify(heap)
    while len(heap) > 1:
        joined = heapq.heappop(heap) + heapq.heappop(heap)
        total += joined
        heapq.heappush(heap, joined)
    return total


@settings(deadline=None)
@given(counts_falling)
def test_codes_are_prefix_free_complete_and_as_short_as_can_be(counts):
    tree = HuffmanTree.of(counts)
    codes = [tree.code(word) for word in range(len(counts))]
    assert len(tree) == len(set(codes)) == len(counts)
    assert not any(b.startswith(a) for i, a in enumerate(codes) for j, b in enumerate(codes) if i != j)
    assert sum(2.0 ** -len(code) for code in codes) == 1  # Kraft's inequality with equality: no code is left over
    lengths = [len(code) for code in codes]
    assert sum(c * n for c, n in zip(counts, lengths, strict=True)) == shortest_total(counts)
    assert lengths == sorted(lengths) or len(set(counts)) < len(counts)
    assert tree.depth == max(lengths)


@settings(deadline=None)
@given(counts_falling, st.integers(0, 2**32 - 1))
def test_probabilities_sum_to_one_whatever_the_nodes_say(counts, seed):
    tree = HuffmanTree.of(counts)
    yes = 1 / (1 + np.exp(-np.random.default_rng(seed).normal(size=max(1, len(counts) - 1)) * 3))
    total = 0.0
    for word in range(len(counts)):
        path = slice(tree.starts[word], tree.starts[word + 1])
        p = yes[tree.nodes[path]]
        total += np.where(tree.turns[path] == 1, p, 1 - p).prod()
    assert total == pytest.approx(1, abs=1e-12)


@settings(deadline=None)
@given(counts_falling)
def test_a_node_is_the_same_point_of_the_tree_on_every_path(counts):
    """The node after a prefix of turns is a function of that prefix, and each node has one prefix."""
    tree, at = HuffmanTree.of(counts), {}
    for word in range(len(counts)):
        code, path = tree.code(word), tree.nodes[tree.starts[word] : tree.starts[word + 1]]
        for depth, node in enumerate(path.tolist()):
            assert at.setdefault(code[:depth], node) == node
    assert sorted(at.values()) == list(range(len(counts) - 1))
    assert at.get("", 0) == 0  # the root


def test_the_textbook_example():
    tree = HuffmanTree.of([45, 16, 13, 12, 9, 5])  # Cormen et al., with lengths 1, 3, 3, 3, 4, 4
    assert [len(tree.code(word)) for word in range(6)] == [1, 3, 3, 3, 4, 4]


def test_one_word_needs_no_question():
    tree = HuffmanTree.of([7])
    assert tree.code(0) == ""
    assert tree.depth == 0


def test_it_takes_linear_time_and_no_recursion():
    """Fibonacci counts give the deepest tree there is; a recursive builder would overflow on a long one."""
    counts = [1, 1]
    while len(counts) < 80:
        counts.append(counts[-1] + counts[-2])
    assert HuffmanTree.of(counts[::-1]).depth == 79
    many = HuffmanTree.of((1e7 / np.arange(1, 200_001)).astype(int))
    assert len(many.nodes) == np.diff(many.starts).sum()


@pytest.mark.parametrize("counts", [[], [1, 2], [3, 1, 2]])
def test_counts_that_do_not_fall_are_refused(counts):
    with pytest.raises(UnlabeledError, match="falling order"):
        HuffmanTree.of(counts)
