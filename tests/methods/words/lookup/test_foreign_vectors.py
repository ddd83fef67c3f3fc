"""Word vectors of other libraries give the same vectors for the same words."""

from types import SimpleNamespace

import numpy as np
import pytest

from unlabeled import SentenceVectors, WordVectors
from unlabeled.errors import UnlabeledError
from unlabeled.methods.words.lookup.foreign_vectors import foreign_vectors
from unlabeled.methods.words.lookup.opened_vectors import opened_vectors

WORDS = ["frog", "king", "été"]
TABLE = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)


def same(found):
    return found.words == tuple(WORDS) and np.allclose(found.vectors, TABLE)


def spacy_like(words=WORDS):
    """What spaCy's Vocab has: a string store from hashes to words, and a table whose keys are hashes."""
    hashes = {hash(word): word for word in words}
    vectors = SimpleNamespace(key2row={key: row for row, key in enumerate(hashes)}, data=TABLE)
    return SimpleNamespace(strings=hashes, vectors=vectors)


def test_a_mapping():
    assert same(foreign_vectors(dict(zip(WORDS, TABLE, strict=True))))
    with pytest.raises(UnlabeledError, match="no words"):
        foreign_vectors({})


def test_gensim():
    gensim = pytest.importorskip("gensim.models")
    keyed = gensim.KeyedVectors(4)
    keyed.add_vectors(WORDS, TABLE)
    assert same(foreign_vectors(keyed))
    assert same(foreign_vectors(SimpleNamespace(wv=keyed)))


def test_a_vocabulary_as_of_spacy():
    assert same(foreign_vectors(spacy_like()))
    assert same(foreign_vectors(SimpleNamespace(vocab=spacy_like())))
    with pytest.raises(UnlabeledError, match="no table of word vectors"):
        foreign_vectors(spacy_like([]))


def test_spacy_itself():
    spacy = pytest.importorskip("spacy")
    pipeline = spacy.blank("en")
    for word, vector in zip(WORDS, TABLE, strict=True):
        pipeline.vocab.set_vector(word, vector)
    found = foreign_vectors(pipeline)
    assert sorted(found.words) == sorted(WORDS)
    assert np.allclose(found.lookup(WORDS), TABLE)


def test_a_static_embedding():
    pytest.importorskip("sentence_transformers")
    model = WordVectors(WORDS, TABLE).to_sentence_transformer()
    found = foreign_vectors(model)
    assert np.allclose(found.lookup(WORDS), TABLE)
    assert np.allclose(foreign_vectors(model[0]).vectors, found.vectors)


def test_wherever_vectors_are_opened():
    assert opened_vectors(dict(zip(WORDS, TABLE, strict=True)))[0].words == tuple(WORDS)
    means = SentenceVectors(vectors=spacy_like(), weighting="mean").fit(["frog king"]).transform(["frog king"])
    assert np.allclose(means, TABLE[:2].mean(0), atol=1e-6)
    with pytest.raises(UnlabeledError, match="give word vectors"):
        opened_vectors(3)
