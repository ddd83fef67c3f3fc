"""Figures that need no labels: alignment, uniformity, effective rank, collapse."""
