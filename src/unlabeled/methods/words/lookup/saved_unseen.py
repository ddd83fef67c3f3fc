"""What makes vectors of unseen words from n-grams, taken apart into settings and arrays to be saved."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from unlabeled.methods.words.counting.unseen_words import Unseen
from unlabeled.methods.words.formats.fasttext_format import MeanOfNgrams
from unlabeled.methods.words.lookup.checks import OOV
from unlabeled.methods.words.word_vectors import UnitLength


def unseen_parts(oov: OOV) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Take apart what makes vectors of unseen words.

    Returns
    -------
    settings : dict
        In JSON's types; empty for what is no subword model of this library.
    arrays : dict of str to array
    """
    make = oov.make if isinstance(oov, UnitLength) else oov
    if not isinstance(make, Unseen | MeanOfNgrams):
        return {}, {}
    settings = {"shortest": make.shortest, "longest": make.longest, "unit_length": make is not oov}
    if isinstance(make, Unseen):
        return settings, {"ngrams": make.table, "ngram_hashes": make.hashes}
    return settings, {"ngrams": make.table[make.words :]}


def unseen_of(settings: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> OOV:
    """Put together again what `unseen_parts` took apart."""
    lengths = settings["shortest"], settings["longest"]
    make = (
        Unseen(*lengths, arrays["ngram_hashes"], arrays["ngrams"])
        if "ngram_hashes" in arrays
        else MeanOfNgrams(arrays["ngrams"], 0, *lengths)
    )
    return UnitLength(make) if settings["unit_length"] else make
