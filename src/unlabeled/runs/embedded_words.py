"""Word vectors as the verbs for embeddings take them: a row a word, whose id is the word."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from unlabeled.errors import UnlabeledError
from unlabeled.runs.embeddings import Embeddings

if TYPE_CHECKING:
    from unlabeled.methods.words.word_vectors import WordVectors

FILES = (".vec", ".bin", ".ftz", ".safetensors")
COMPRESSED = (".gz", ".bz2", ".xz", ".zip")
VECTORS = "vectors.safetensors"
"""The file by which the folder of a saved word method is known."""


def holds_words(path: Path) -> bool:
    """Say whether a path is a file of word vectors by its name, or the folder of a saved word method."""
    plain = path.with_suffix("") if path.suffix.lower() in COMPRESSED else path
    return (path / VECTORS).exists() or (plain.suffix.lower() in FILES and not path.is_dir())


def open_words(
    path: Path, limit: int | None = None, errors: Literal["strict", "replace"] = "strict"
) -> tuple[WordVectors, list[str]]:
    """Open a file of word vectors in any format, or the folder of a saved word method.

    Parameters
    ----------
    path : Path
    limit : int, optional
        Only the first so many words: those used most, in files sorted as usual.
    errors : {"strict", "replace"}, default "strict"
        As in `WordVectors.load`.

    Returns
    -------
    vectors : WordVectors
    remarks : list of str
        What loading warned of.
    """
    from unlabeled.methods.words.word_vectors import WordVectors
    from unlabeled.registry import load

    if path.is_dir():
        model = load(path)
        if not isinstance(vectors := getattr(model, "vectors_", None), WordVectors):
            raise UnlabeledError(f"{path} holds a {type(model).__name__}, which has no word vectors")
        return (vectors if limit is None else vectors.subset(vectors.words[:limit])), []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        vectors = WordVectors.load(path, limit=limit, errors=errors)
    return vectors, [str(warning.message) for warning in caught]


def open_embeddings(path: Path, limit: int | None = None) -> tuple[Embeddings, list[str]]:
    """Open the embeddings of a run, or word vectors.

    Parameters
    ----------
    path : Path
        The folder of a run, or what `holds_words`.
    limit : int, optional
        Only the first so many words; refused for a run.

    Returns
    -------
    embeddings : Embeddings
        Of words, the ids are the words.
    remarks : list of str
    """
    if holds_words(path):
        vectors, remarks = open_words(path, limit)
        return Embeddings(list(vectors.words), np.asarray(vectors.vectors, np.float32)), remarks
    if limit is not None:
        raise UnlabeledError(f"a limit is for word vectors, and {path} holds none; leave it out")
    from unlabeled.runs.run import Run  # its encoder brings torch

    return Run(path).embeddings, []
