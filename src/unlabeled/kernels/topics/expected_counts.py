"""The E step of topics: how often each topic is expected to have made a word, without a posterior for every word.

The posterior of a word w in a document d is p(z | w, d) = θ_dz β_zw / s_dw with s_dw = Σ_z θ_dz β_zw. What the M step
needs are its sums, weighted by the counts c_dw, and in both the old value does not depend on what is summed over:

    n_dz = Σ_w c_dw p(z | w, d) = θ_dz · Σ_w (c_dw / s_dw) β_zw
    n_zw = Σ_d c_dw p(z | w, d) = β_zw · Σ_d (c_dw / s_dw) θ_dz

So one pass over the documents makes the ratios c_dw / s_dw and the first, and one pass over the words, which reads the
ratios, the second. Every row is written by one thread, and nothing is scattered. Topics lie side by side in memory,
with zeros up to a whole number of registers.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from unlabeled.kernels.compiled import compiled
from unlabeled.kernels.simd import L2, fma, load, mul, prefetch, splat, store, total

u = np.uint64
AHEAD = u(12)  # entries by which rows are prefetched ahead


@compiled
def by_document(
    pointers: Any,
    words: Any,
    counts: Any,
    theta: Any,
    beta: Any,
    start: int,
    stop: int,
    least: Any,
    ratios: Any,
    expected: Any,
) -> float:  # pragma: no cover - compiled
    """Make the ratios and the expected counts n_dz of the documents from `start` to `stop`.

    Parameters
    ----------
    pointers, words, counts : ndarrays
        The counts as CSR.
    theta, beta : ndarrays, shape (documents, K) and (words, K)
        Shares of the topics in the documents, and of the words in the topics, both with topics side by side.
    least : float
        A word less probable than this could not be divided by its probability, and is passed over.
    ratios : ndarray, shape (entries,)
        Becomes c_dw / s_dw.
    expected : ndarray, shape (documents, K)
        Becomes n_dz.

    Returns
    -------
    float
        Σ c_dw log s_dw.
    """
    width, topics = u(64 // theta.itemsize), u(theta.shape[1])
    zero, one = theta.dtype.type(0), theta.dtype.type(1)
    likelihood, product, final = 0.0, 1.0, u(len(words)) - u(1)
    for d in range(u(start), u(stop)):
        for z in range(u(0), topics, width):
            store(expected, (d, z), splat(zero))
        for entry in range(u(pointers[d]), u(pointers[d + u(1)])):
            w, count = u(words[entry]), counts[entry]
            soon = u(words[min(entry + AHEAD, final)])
            for z in range(u(0), topics, width):
                prefetch(beta, (soon, z), L2)
            sums = splat(zero)
            for z in range(u(0), topics, width):
                sums = fma(load(theta, (d, z)), load(beta, (w, z)), sums)
            s = total(sums)
            if s < least:
                ratios[entry] = zero
                likelihood += count * math.log(least)
                continue
            # Logarithms are dear: those of words seen once or twice are taken of many words' product.
            if (count == 1 or count == 2) and s > 1e-30:
                product *= np.float64(s) * np.float64(one if count == 1 else s)
                if not 1e-200 < product < 1e200:
                    likelihood += math.log(product)
                    product = 1.0
            else:
                likelihood += count * math.log(s)
            ratio = count / s
            ratios[entry] = ratio
            share = splat(ratio)
            for z in range(u(0), topics, width):
                store(expected, (d, z), fma(share, load(beta, (w, z)), load(expected, (d, z))))
        for z in range(u(0), topics, width):
            store(expected, (d, z), mul(load(expected, (d, z)), load(theta, (d, z))))
    return likelihood + math.log(product)


@compiled
def by_word(
    pointers: Any,
    documents: Any,
    places: Any,
    ratios: Any,
    theta: Any,
    beta: Any,
    start: int,
    stop: int,
    expected: Any,
) -> None:  # pragma: no cover - compiled
    """Make the expected counts n_zw of the words from `start` to `stop`.

    Parameters
    ----------
    pointers, documents : ndarrays
        Which documents each word is in, as CSC.
    places : ndarray, shape (entries,)
        Where each entry's ratio is.
    ratios, theta, beta
        As for `by_document`.
    expected : ndarray, shape (words, K)
        Becomes n_zw.
    """
    width, topics = u(64 // theta.itemsize), u(theta.shape[1])
    zero, final = theta.dtype.type(0), u(len(documents)) - u(1)
    for w in range(u(start), u(stop)):
        for z in range(u(0), topics, width):
            store(expected, (w, z), splat(zero))
        for entry in range(u(pointers[w]), u(pointers[w + u(1)])):
            d, share = u(documents[entry]), splat(ratios[u(places[entry])])
            soon = u(documents[min(entry + AHEAD, final)])
            for z in range(u(0), topics, width):
                prefetch(theta, (soon, z), L2)
            prefetch(ratios, (u(places[min(entry + AHEAD, final)]),), L2)
            for z in range(u(0), topics, width):
                store(expected, (w, z), fma(share, load(theta, (d, z)), load(expected, (w, z))))
        for z in range(u(0), topics, width):
            store(expected, (w, z), mul(load(expected, (w, z)), load(beta, (w, z))))
