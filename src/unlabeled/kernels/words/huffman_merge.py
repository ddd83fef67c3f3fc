"""The merging of Huffman's algorithm, in time linear in the vocabulary."""

from __future__ import annotations

from typing import Any

import numpy as np

from unlabeled.kernels.compiled import compiled


@compiled
def huffman_merge(counts: Any) -> Any:  # pragma: no cover - compiled
    """Join the two lightest nodes until one is left; give the parent of each node and the turn that leads to it.

    Leaves come lightest first from the end of the sorted counts, and inner nodes are made in rising weight, so the
    lightest node is always at the head of one of two queues and nothing need be searched. Nodes are numbered
    backwards in time here: the leaf of word w is n − 1 + w, the root 0, made last.
    """
    n = len(counts)
    weights, parents, turns = (
        np.zeros(2 * n - 1, np.int64),
        np.zeros(2 * n - 1, np.int64),
        np.zeros(2 * n - 1, np.float32),
    )
    weights[n - 1 :] = counts
    leaf, inner = 2 * n - 2, n - 2  # heads of the queues; both move towards 0
    for made in range(n - 2, -1, -1):
        for turn in range(2):
            if leaf > n - 2 and (inner == made or weights[leaf] <= weights[inner]):
                lightest, leaf = leaf, leaf - 1
            else:
                lightest, inner = inner, inner - 1
            weights[made] += weights[lightest]
            parents[lightest], turns[lightest] = made, turn
    return parents, turns
