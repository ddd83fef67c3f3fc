"""Mixtures, topics and clusters: what is hidden is which group an instance came from."""
