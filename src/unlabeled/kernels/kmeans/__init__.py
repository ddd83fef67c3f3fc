"""Kernels of k-means: assignment and k-means++."""
