"""Word vectors in whatever form they are given."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from unlabeled.errors import UnlabeledError
from unlabeled.methods.words.lookup.foreign_vectors import foreign_vectors
from unlabeled.methods.words.word_vectors import WordVectors


def opened_vectors(given: Any) -> tuple[WordVectors, Any]:
    """Open word vectors; give also the word method that made them, or None if that is not known.

    Parameters
    ----------
    given : WordVectors, path, fitted word method, or vectors of another library
        A path is that of a file of vectors, or of the folder of a saved method. For other libraries see
        `foreign_vectors`.

    Raises
    ------
    UnlabeledError
        If it is no such thing.
    """
    method = None
    if isinstance(given, str | os.PathLike):
        if Path(given).is_dir():
            from unlabeled.registry import load

            method = load(given)
        else:
            given = WordVectors.load(given)
    elif not isinstance(given, WordVectors):
        foreign = None if hasattr(given, "vectors_") else foreign_vectors(given)
        given, method = (given, given) if foreign is None else (foreign, None)
    vectors = given if method is None else getattr(method, "vectors_", None)
    if not isinstance(vectors, WordVectors):
        what = "nothing" if method is None else f"a {type(method).__name__} without any"
        raise UnlabeledError(
            "give word vectors: WordVectors, the path of such, a fitted word method, a mapping from words to vectors, "
            f"or those of spaCy, gensim or sentence-transformers; got {what}"
        )
    return vectors, method
