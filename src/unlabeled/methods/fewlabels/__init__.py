"""Few labels: classifiers that learn from a few labelled instances and many without a label (y = −1)."""

from unlabeled.lazy import classes_by_file

__getattr__, __dir__ = classes_by_file(__name__, __path__[0])
