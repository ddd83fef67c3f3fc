"""Word vectors as the verbs open them: a file in any format, or the folder of a saved model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from unlabeled.methods.words.word_vectors import WordVectors

VectorsFile = Annotated[
    Path,
    typer.Argument(
        metavar="VECTORS", help="A file of word vectors (word2vec, GloVe, .vec, .safetensors), or a model's folder."
    ),
]
AnalogyMethod = Annotated[
    Literal["3CosAdd", "3CosMul"], typer.Option("--method", help="How the answers of analogies are ranked.")
]


def open_vectors(path: Path) -> WordVectors:
    """Open a file or folder of word vectors."""
    from unlabeled.methods.words.word_vectors import WordVectors

    if path.is_dir():
        from unlabeled import registry
        from unlabeled.errors import UnlabeledError

        model: Any = registry.load(path)
        if not isinstance(vectors := getattr(model, "vectors_", None), WordVectors):
            raise UnlabeledError(f"{path} holds a {type(model).__name__}, which has no word vectors")
        return vectors
    return WordVectors.load(path)
