"""Measures of word vectors: similarity, analogies, synonyms, and use in a classifier."""
