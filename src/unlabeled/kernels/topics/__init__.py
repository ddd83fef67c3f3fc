"""Kernels of topic models: expected counts, fold-in and Gibbs sampling."""
