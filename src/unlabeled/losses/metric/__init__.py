"""Metric learning: losses on pairs, triplets and class vectors, and miners."""
