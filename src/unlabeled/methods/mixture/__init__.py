"""Mixtures, topics and clusters: what is hidden is which group an instance came from."""

from unlabeled.lazy import classes_by_file

__getattr__, __dir__ = classes_by_file(__name__, __path__[0])
