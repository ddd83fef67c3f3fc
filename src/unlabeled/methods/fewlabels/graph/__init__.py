"""Classifiers on a neighbour graph."""
