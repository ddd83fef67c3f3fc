"""Word vectors as a `StaticEmbedding` of sentence-transformers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.errors import require, unknown_name

UNKNOWN = "[UNK]"
_LETTERS = r"[\p{L}\p{M}\p{N}\p{Pc}\x{200C}\x{200D}]+"
WORD = rf"{_LETTERS}(?:['\x{{2019}}]{_LETTERS})*|\p{{So}}[\p{{M}}\p{{Sk}}\x{{200D}}\p{{So}}]*"


def static_embedding(words: Sequence[str], vectors: NDArray[Any], tokenizer: str) -> Any:
    """Make the model; see `WordVectors.to_sentence_transformer`."""
    if tokenizer not in ("words", "whitespace"):
        raise unknown_name("tokenizer of a static embedding", str(tokenizer), ["words", "whitespace"])
    package = require("sentence_transformers", "sentence-transformers")
    modules = require("sentence_transformers.sentence_transformer.modules", "sentence-transformers")
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    numbers = {word: row for row, word in enumerate([UNKNOWN, *(word for word in words if word != UNKNOWN)])}
    cut = Tokenizer(models.WordLevel(numbers, unk_token=UNKNOWN))
    if tokenizer == "whitespace":
        cut.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    else:
        cut.normalizer = normalizers.Sequence([normalizers.Lowercase(), normalizers.NFC()])
        cut.pre_tokenizer = pre_tokenizers.Split(Regex(WORD), behavior="removed", invert=True)
    known = [row for row, word in enumerate(words) if word != UNKNOWN]
    weights = np.concatenate([np.zeros((1, vectors.shape[1])), vectors[known]]).astype(np.float32)
    return package.SentenceTransformer(modules=[modules.StaticEmbedding(cut, embedding_weights=weights)])
