"""Word vectors as the verbs open them: a file in any format, or the folder of a saved model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from unlabeled.cli.shared import count, say

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


Limit = Annotated[int | None, count(help="Read the first so many words of the file only.  [dim]default: all[/dim]")]
Errors = Annotated[
    Literal["strict", "replace"],
    typer.Option(help="Words that are not UTF-8: refuse the file, or [bold]replace[/bold] what is wrong by U+FFFD."),
]


def open_vectors(path: Path, limit: int | None = None, errors: Literal["strict", "replace"] = "strict") -> WordVectors:
    """Open a file or folder of word vectors."""
    from unlabeled.runs.embedded_words import open_words

    vectors, remarks = open_words(path, limit, errors)
    for remark in remarks:
        say(remark)
    return vectors


def tokenizer_of(folder: Path) -> Any:
    """Give the tokenizer of a saved model, from its description alone: its vectors may be large."""
    from unlabeled.data.text.tokenization.tokenizers import LostTokenizer
    from unlabeled.files import read_json
    from unlabeled.methods.words.word_embedding import MODEL

    return LostTokenizer.of(read_json(folder / MODEL)["tokenizer"])
