"""Kernels of word vectors: skip-gram, CBOW, GloVe, subwords and counting."""
