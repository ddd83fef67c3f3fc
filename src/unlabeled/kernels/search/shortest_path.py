"""Shortest paths in a sparse graph, searched from both ends at once."""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray

from unlabeled.kernels.compiled import compiled


@compiled
def shortest_path(
    indptr: NDArray[np.int32], indices: NDArray[np.int32], lengths: NDArray[np.float32], start: int, goal: int
) -> NDArray[np.int64]:  # pragma: no cover - compiled
    """Find the nodes of a shortest path in an undirected graph, by Dijkstra's algorithm from both ends.

    Parameters
    ----------
    indptr, indices, lengths : ndarray
        The graph as a symmetric CSR matrix of lengths above 0.
    start, goal : int
        Two nodes.

    Returns
    -------
    ndarray of int64
        Nodes from `start` to `goal`, both included; empty if none leads there.
    """
    n = len(indptr) - 1
    far = np.full((2, n), np.inf)
    before = np.full((2, n), -1)
    done = np.zeros((2, n), np.bool_)
    far[0, start] = 0.0
    far[1, goal] = 0.0
    heaps = [[(0.0, np.int64(start))], [(0.0, np.int64(goal))]]
    best, meeting = np.inf, -1
    if start == goal:
        best, meeting = 0.0, start
    while len(heaps[0]) > 0 and len(heaps[1]) > 0:
        if heaps[0][0][0] + heaps[1][0][0] >= best:
            break  # whatever is still to come is no shorter
        side = 0 if heaps[0][0][0] <= heaps[1][0][0] else 1
        distance, node = heapq.heappop(heaps[side])
        if done[side, node]:
            continue
        done[side, node] = True
        for edge in range(indptr[node], indptr[node + 1]):
            other = np.int64(indices[edge])
            length = distance + np.float64(lengths[edge])
            if length < far[side, other]:
                far[side, other] = length
                before[side, other] = node
                heapq.heappush(heaps[side], (length, other))
                if length + far[1 - side, other] < best:
                    best, meeting = length + far[1 - side, other], int(other)
    if meeting < 0:
        return np.empty(0, np.int64)
    count = 1
    for side in range(2):
        node = before[side, meeting]
        while node >= 0:
            count += 1
            node = before[side, node]
    path = np.empty(count, np.int64)
    place = 0
    node = before[0, meeting]
    while node >= 0:
        place += 1
        node = before[0, node]
    path[place] = meeting
    node, left = before[0, meeting], place
    while node >= 0:
        left -= 1
        path[left] = node
        node = before[0, node]
    node = before[1, meeting]
    while node >= 0:
        place += 1
        path[place] = node
        node = before[1, node]
    return path
