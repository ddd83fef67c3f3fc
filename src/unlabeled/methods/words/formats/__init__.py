"""Files of word vectors: formats of other tools and our own, told apart by looking into the file."""

from __future__ import annotations

from unlabeled.methods.words.formats.choose import read_words, write_words
from unlabeled.methods.words.formats.word_table import Selection

__all__ = ["Selection", "read_words", "write_words"]
