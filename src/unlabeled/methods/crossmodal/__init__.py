"""Methods that learn from two kinds of data at once."""

from unlabeled.lazy import classes_by_file

__getattr__, __dir__ = classes_by_file(__name__, __path__[0])
