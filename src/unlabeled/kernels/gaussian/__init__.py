"""Kernels of Gaussian mixtures: quadratic forms and responsibilities."""
