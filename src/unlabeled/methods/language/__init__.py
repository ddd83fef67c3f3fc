"""Language methods: predict the next token, the hidden tokens, or a whole text from a damaged copy."""

from unlabeled.lazy import classes_by_file

__getattr__, __dir__ = classes_by_file(__name__, __path__[0])
