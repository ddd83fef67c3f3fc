"""Pretext methods: solve a task whose answer is known because we made it."""

from unlabeled.lazy import classes_by_file

__getattr__, __dir__ = classes_by_file(__name__, __path__[0])
