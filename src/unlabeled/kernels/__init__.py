"""Compiled loops, by algorithm. Nothing here knows of estimators, files or text.

Layers, each of which imports only from those above it::

    compiled      how every kernel is compiled and its machine code kept
    layout        how arrays lie in memory: aligned, padded, side by side
    ir_builder    building blocks for emitted instructions: registers, pointers, loops, sums
    simd          operations on registers of 64 bytes       random    one generator, SplitMix64
    gemm          products of small dense matrices
    text/ words/ kmeans/ gaussian/ topics/ search/           the algorithms

Which kernel is chosen when::

    Corpus, from bytes of text
      built-in tokenizers          text.byte_tokenizer, then text.renumber
      other tokenizers             Python, then text.renumber
    Phrases                        text.bigrams

    SkipGram, CBOW
      loss="negative"              words.negative_skip_gram, words.negative_cbow
      loss="hierarchical"          words.huffman_merge, then words.hierarchical_softmax
      loss="full"                  words.full_softmax
      subwords                     words.ngrams around one of these
      2 to 8 threads               each with words.rows.hot_row_cache
      loss_ and held-out loss      words.exact_sums
    GloVe                          words.cooccurrence_counts, then words.glove_kernel

    KMeans, MiniBatchKMeans: assignment
      sparse rows                  kmeans.assign_sparse
      many rows, centres and columns, and AVX-512 VNNI
                                   kmeans.assign_quantised
      otherwise                    kmeans.assign_dense
    KMeans: start by k-means++
      sparse rows                  SciPy's products
      at least 4,096 rows of 32 columns, 16 centres, and AVX-512 VNNI
                                   kmeans.k_means_plus_plus_quantised
      otherwise                    kmeans.k_means_plus_plus

    GaussianMixture
      full covariances             gaussian.quadratic_forms
      other covariances            BLAS
      all                          gaussian.responsibilities
    PLSA                           topics.expected_counts
    LatentDirichletAllocation      topics.gibbs_sweep
      both, of new documents       topics.fold_in

    ExactStore, knn                products by BLAS, then search.k_smallest
    NeighbourGraph.path            search.shortest_path

The kernels are written for 64 bytes at a time, and LLVM makes of that what the processor has: one register of AVX-512,
two of AVX2, four of NEON. Apart from the products of bytes, which need VNNI, all kernels run on every processor.
``UNLABELED_SIMD=avx2`` leaves out AVX-512: see `compiled`.
"""
