"""Word vectors of other libraries: spaCy, gensim, sentence-transformers, and plain mappings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from unlabeled.errors import UnlabeledError
from unlabeled.methods.words.word_vectors import WordVectors


def foreign_vectors(given: Any) -> WordVectors | None:
    """Take the vectors of words from an object of another library; None if it is no such object.

    Parameters
    ----------
    given : object
        A mapping from words to vectors; gensim's ``KeyedVectors`` or a model that has them as ``wv``; a spaCy pipeline,
        ``Vocab`` or ``Vectors`` with its ``Vocab``; a ``StaticEmbedding`` of sentence-transformers, or a model made of
        one. None of these libraries is imported. Tokens of a ``StaticEmbedding`` are its words.

    Raises
    ------
    UnlabeledError
        If it holds no vectors, such as a spaCy pipeline without any.

    Examples
    --------
    >>> foreign_vectors({"frog": [1.0, 0.0], "king": [0.0, 1.0]}).words
    ('frog', 'king')
    """
    if isinstance(given, Mapping):
        if not given:
            raise UnlabeledError("the mapping holds no words")
        return WordVectors(list(given), np.stack([np.asarray(vector) for vector in given.values()]))
    keyed = getattr(given, "wv", given)
    if hasattr(keyed, "index_to_key") and hasattr(keyed, "vectors"):
        return WordVectors(list(keyed.index_to_key), keyed.vectors)
    vocab = getattr(given, "vocab", given)
    if hasattr(vocab, "strings") and hasattr(vocab, "vectors"):
        return _of_spacy(vocab)
    static = _static_embedding(given)
    if static is not None:
        numbers = sorted(static.tokenizer.get_vocab().items(), key=lambda entry: entry[1])
        weights = static.embedding.weight.detach().cpu().numpy()
        return WordVectors([word for word, _ in numbers], weights[[row for _, row in numbers]])
    return None


def _of_spacy(vocab: Any) -> WordVectors:
    """Take the table of a spaCy vocabulary: its keys are hashes of words, several of which may share a row."""
    table = vocab.vectors
    rows = {vocab.strings[key]: int(row) for key, row in table.key2row.items()}
    words = [word for word in rows if word]
    if not words:
        raise UnlabeledError(
            "the spaCy pipeline has no table of word vectors; take one that has, such as en_core_web_md"
        )
    data = table.data.get() if hasattr(table.data, "get") else table.data  # from a GPU
    return WordVectors(words, np.asarray(data)[[rows[word] for word in words]])


def _static_embedding(given: Any) -> Any:
    """Find the module with one vector a token, alone or as the first of a model."""
    candidates = [given]
    if hasattr(given, "encode") and hasattr(given, "__getitem__"):
        candidates.append(given[0])
    found = [part for part in candidates if hasattr(part, "tokenizer") and hasattr(part, "embedding")]
    return next((part for part in found if hasattr(part.embedding, "weight")), None)
