"""`unlabeled words evaluate`: word vectors against people's judgements."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from unlabeled.cli.shared import AsJson, print_json
from unlabeled.cli.words.vectors import AnalogyMethod, VectorsFile, open_vectors

Files = list[Path]


def evaluate(
    vectors: VectorsFile,
    similarity: Annotated[
        Files | None,
        typer.Option("--similarity", help="Word pairs with people's scores, such as wordsim353.tsv; may be repeated."),
    ] = None,
    analogies: Annotated[
        Files | None, typer.Option("--analogies", help="Questions in sections, such as questions-words.txt.")
    ] = None,
    synonyms: Annotated[
        Files | None,
        typer.Option("--synonyms", help="A line a question: a word, its synonym, and words that are none."),
    ] = None,
    restrict: Annotated[
        int | None,
        typer.Option(min=1, help="Search analogies' answers among so many words.  [dim]default: 30000[/dim]"),
    ] = 30_000,
    method: AnalogyMethod = "3CosAdd",
    as_json: AsJson = False,
) -> None:
    """Judge word vectors: similarity (Spearman), analogies by section, choice of synonyms.

    [dim]unlabeled words evaluate vectors.bin --similarity wordsim353.tsv --analogies questions-words.txt[/dim]
    """
    from unlabeled import evaluation
    from unlabeled.errors import UnlabeledError

    if not (similarity or analogies or synonyms):
        raise UnlabeledError("say what to judge by: --similarity, --analogies or --synonyms, each with a file")
    opened = open_vectors(vectors)
    results: list[Any] = [
        *(evaluation.word_similarity(opened, path) for path in similarity or ()),
        *(evaluation.analogies(opened, path, restrict=restrict, method=method) for path in analogies or ()),
        *(evaluation.synonyms(opened, path) for path in synonyms or ()),
    ]
    if as_json:
        print_json([result.to_dict() for result in results])
        return
    print("\n\n".join(map(str, results)))
