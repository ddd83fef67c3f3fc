"""The steps of Gaussian mixtures."""
