"""A sweep of collapsed Gibbs sampling: the topic of every word is drawn anew, given the topics of all others.

    p(z | the rest) ∝ (n_dz + α_z) (n_zw + η) / (n_z + Vη)        counts without the word itself

The counts of a document lie side by side in float32, and those of a word likewise, so sixteen topics are worked out at
a time. Buckets of the topics that occur (Yao, Mimno & McCallum 2009) and alias tables need fewer operations, but one by
one; up to some hundreds of topics it is simplest to work out all.

Sums are kept lane by lane. To draw, a lane is chosen first, of the sixteen sums, and then the topic within the lane.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from unlabeled.kernels.compiled import compiled
from unlabeled.kernels.random import GOLDEN, mixed
from unlabeled.kernels.simd import L2, add, load, mul, prefetch, splat, store, total

u = np.uint64
AHEAD = u(4)  # words by which counts are prefetched ahead


@compiled
def gibbs_sweep(
    pointers: Any,
    words: Any,
    topics: Any,
    start: int,
    stop: int,
    k: int,
    alpha: Any,
    eta: Any,
    of_words: Any,
    of_topics: Any,
    seed: Any,
    workspace: Any,
) -> float:  # pragma: no cover - compiled
    """Draw the topics of the documents from `start` to `stop`.

    Parameters
    ----------
    pointers : ndarray, shape (documents + 1,)
        Where each document's words begin.
    words, topics : ndarrays, shape (N,)
        The words, and their topics, which are drawn anew.
    k : int
        Topics.
    alpha : ndarray of float32, shape (k,)
        The priors of topics in documents.
    eta : float32
        The prior of words in topics.
    of_words : ndarray of float32, shape (words, K)
        n_zw, with zeros beyond the k topics.
    of_topics : ndarray of float64, shape (K,)
        n_z.
    seed : uint64
        Of this sweep. A document's random numbers depend on it and on the document's number only.
    workspace : ndarray of float32, shape (4, K)
        Room to work in.

    Returns
    -------
    float
        Σ log p(word | all other words and topics), each taken just before the word's topic is drawn.
    """
    width, registers, one = u(16), u(of_words.shape[1]), np.float32(1)
    last = registers - width
    here, prior, inverse, sums = workspace[0], workspace[1], workspace[2], workspace[3]
    all_priors = np.float64(0)
    for z in range(k):
        all_priors += np.float64(alpha[z])
    vocabulary = np.float64(len(of_words)) * np.float64(eta)
    for z in range(registers):
        prior[z] = alpha[z] if z < u(k) else np.float32(0)
        inverse[z] = np.float32(1.0 / (of_topics[z] + vocabulary))
    eta_everywhere = splat(eta)
    likelihood = 0.0
    for d in range(u(start), u(stop)):
        first, end = u(pointers[d]), u(pointers[d + u(1)])
        if first == end:
            continue
        state = mixed(seed + d * u(GOLDEN))
        for z in range(registers):
            here[z] = 0
        for t in range(first, end):
            here[u(topics[t])] += np.float32(1)
        scale = 1.0 / (np.float64(end - first) - 1.0 + all_priors)
        product = 1.0
        for t in range(first, end):
            w, old = u(words[t]), u(topics[t])
            soon = u(words[min(t + AHEAD, end - u(1))])
            for z in range(u(0), registers, width):
                prefetch(of_words, (soon, z), L2)

            run = splat(np.float32(0))
            for z in range(u(0), registers, width):
                document = add(load(here, (z,)), load(prior, (z,)))
                word = add(load(of_words, (w, z)), eta_everywhere)
                run = add(run, mul(mul(document, word), load(inverse, (z,))))
                store(sums, (z,), run)
            # The word itself is still counted, under its old topic: from there on the lane is summed anew without it.
            sized = np.float32(1.0 / (of_topics[old] - 1.0 + vocabulary))
            so_far = sums[old - width] if old >= width else np.float32(0)
            so_far += (here[old] - one + prior[old]) * (of_words[w, old] - one + eta) * sized
            sums[old] = so_far
            for z in range(old + width, registers, width):
                so_far += (here[z] + prior[z]) * (of_words[w, z] + eta) * inverse[z]
                sums[z] = so_far
            whole = total(load(sums, (last,)))

            state += u(GOLDEN)
            left = np.float32(mixed(state) >> u(40)) * np.float32(2.0**-24) * whole
            lane, mass = u(0), np.float32(0)
            for i in range(width):
                here_mass = sums[last + i]
                if here_mass > 0:  # if rounding leaves something over, it falls to the last lane that has a topic
                    lane, mass = u(i), here_mass
                    if left < here_mass:
                        break
                    left -= here_mass
            new = lane
            while not (sums[new] > left or sums[new] >= mass):
                new += width

            if new != old:
                topics[t] = new
                for changed, step in ((old, -1.0), (new, 1.0)):
                    here[changed] += np.float32(step)
                    of_words[w, changed] += np.float32(step)
                    of_topics[changed] += step
                    inverse[changed] = np.float32(1.0 / (of_topics[changed] + vocabulary))
            product *= whole * scale
            if product < 1e-200:
                likelihood += math.log(product)
                product = 1.0
        likelihood += math.log(product)
    return likelihood
