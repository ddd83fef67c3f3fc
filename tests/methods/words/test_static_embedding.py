from __future__ import annotations

import numpy as np
import pytest

from unlabeled import WordVectors
from unlabeled.data import tokenize
from unlabeled.errors import UnlabeledError

WORDS = ["don't", "panic", "été", "हिन्दी", "👍", "it’s"]
VECTORS = WordVectors(WORDS, np.random.default_rng(0).normal(size=(len(WORDS), 4)))


@pytest.mark.slow
def test_texts_get_the_mean_of_their_words(tmp_path):
    package = pytest.importorskip("sentence_transformers")
    texts = ["Don't PANIC!", "e\u0301te\u0301 हिन्दी panic", "it’s 👍", "panic unknown"]
    VECTORS.to_sentence_transformer().save_pretrained(str(tmp_path / "model"))
    found = package.SentenceTransformer(str(tmp_path / "model"), device="cpu").encode(texts)
    for vector, text in zip(found, texts, strict=True):
        words = tokenize(text)
        mean = sum(VECTORS[word] for word in words if word in VECTORS) / len(words)
        assert np.allclose(vector, mean, atol=1e-6)
    exact = WordVectors(["A-b"], [[1.0, 2.0]]).to_sentence_transformer("whitespace").encode(["A-b A-b"])
    assert exact.tolist() == [[1, 2]]


def test_another_tokenizer_is_refused():
    with pytest.raises(UnlabeledError, match="unknown tokenizer of a static embedding 'jieba'"):
        VECTORS.to_sentence_transformer("jieba")
