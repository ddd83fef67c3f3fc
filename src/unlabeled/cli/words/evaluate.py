"""`unlabeled words evaluate`: word vectors against people's judgements, and as what a classifier reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unlabeled.cli.shared import MOST_SEEDS, AsJson, Column, count, print_json, refuse_unused, tell
from unlabeled.cli.words.vectors import AnalogyMethod, Errors, Limit, VectorsFile, open_vectors, tokenizer_of

if TYPE_CHECKING:
    from unlabeled.evaluation import ExtrinsicResult
    from unlabeled.methods.words.word_vectors import WordVectors

Files = list[Path]


def evaluate(
    context: typer.Context,
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
    classify: Annotated[
        Path | None,
        typer.Option(help="A table of texts with labels (.csv, .tsv, .parquet) to learn a classifier from."),
    ] = None,
    test: Annotated[
        Path | None,
        typer.Option(help="The table to test the classifier on.  [dim]default: a fifth of the first[/dim]"),
    ] = None,
    column: Column = None,
    seeds: Annotated[int, count(most=MOST_SEEDS, help="How many times the classifier is learnt.")] = 3,
    restrict: Annotated[
        int | None,
        count(help="Look for answers among the first so many words."),
    ] = 30_000,
    method: AnalogyMethod = "3CosAdd",
    tokenizer: Annotated[
        str | None,
        typer.Option(
            help="How texts become words for [bold]--classify[/bold].  [dim]default: that of the model, or words[/dim]"
        ),
    ] = None,
    limit: Limit = None,
    errors: Errors = "strict",
    as_json: AsJson = False,
) -> None:
    """Judge word vectors: similarity (Spearman), analogies by section, choice of synonyms, use to a classifier.

    The classifier of texts is learnt on the vectors as they are, on vectors trained along, and on random ones.

    [dim]unlabeled words evaluate vectors.bin --similarity wordsim353.tsv --analogies questions-words.txt[/dim]

    [dim]unlabeled words evaluate vectors.bin --classify train.parquet --test test.parquet[/dim]
    """
    from unlabeled import evaluation
    from unlabeled.errors import UnlabeledError

    if classify is None:
        refuse_unused(context, ["test", "column", "seeds", "tokenizer"], "goes with --classify")
    if not analogies:
        refuse_unused(context, ["restrict", "method"], "goes with --analogies")
    if not (similarity or analogies or synonyms or classify):
        raise UnlabeledError(
            "say what to judge by: --similarity, --analogies, --synonyms or --classify, each with a file"
        )
    opened = open_vectors(vectors, limit, errors)
    if classify is not None and tokenizer is None and vectors.is_dir():
        tokenizer = tokenizer_of(vectors)
    results: list[Any] = [
        *(evaluation.word_similarity(opened, path) for path in similarity or ()),
        *(evaluation.analogies(opened, path, restrict=restrict, method=method) for path in analogies or ()),
        *(evaluation.synonyms(opened, path) for path in synonyms or ()),
        *([_classified(opened, classify, test, column, seeds, tokenizer)] if classify is not None else []),
    ]
    if as_json:
        print_json([result.to_dict() for result in results])
        return
    tell("\n\n".join(map(str, results)))


def _classified(
    vectors: WordVectors, train: Path, test: Path | None, column: str | None, seeds: int, tokenizer: str | None
) -> ExtrinsicResult:
    """Learn to classify the texts of one table, and test on those of another or on a fifth held out."""
    from unlabeled.data.text.labelled_texts import LabelledTexts
    from unlabeled.evaluation import extrinsic
    from unlabeled.evaluation.split import stratified_split

    known = LabelledTexts.read(train, column)
    if test is None:
        learnt, held = (known.part(rows) for rows in stratified_split(known.codes(known.classes), 0.2, 0))
    else:
        learnt, held = known, LabelledTexts.read(test, column)
    classes = [*learnt.classes, *(name for name in held.classes if name not in learnt.classes)]
    learnt_codes, held_codes = learnt.codes(classes), held.codes(classes)
    return extrinsic(
        vectors, learnt.texts, learnt_codes, held.texts, held_codes, seeds=range(seeds), tokenizer=tokenizer
    )
