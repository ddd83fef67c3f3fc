"""`unlabeled topics`: what a collection of texts is about."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unlabeled.cli.shared import MOST, AsJson, Column, Seed, TokenizerName, count, print_json, print_table, tell
from unlabeled.counted import counted


def _countable(value: float) -> float:
    if not value <= MOST:
        raise typer.BadParameter(f"{value} is no number of documents.")
    if value > 1 and value != int(value):
        raise typer.BadParameter(f"{value} is neither a share of the documents, up to 1, nor a whole number of them.")
    return value


def topics(
    source: Annotated[
        Path,
        typer.Argument(
            help="A folder of texts, a table (.csv, .parquet, .jsonl), a file of a text a line, or a run over texts."
        ),
    ],
    k: Annotated[int, count("-k", help="How many topics.")] = 20,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write.")] = Path("topics"),
    method: Annotated[
        str,
        typer.Option(
            help="By words: [bold]lda[/bold] (latent_dirichlet_allocation) or [bold]plsa[/bold]; by vectors: "
            "[bold]clusters[/bold]; [bold]auto[/bold] is clusters of a run or with --encoder, and else lda."
        ),
    ] = "auto",
    encoder: Annotated[
        str | None,
        typer.Option(help="What makes vectors of texts: a run, or [bold]transformers:<name>[/bold]."),
    ] = None,
    column: Column = None,
    stop_words: Annotated[
        str,
        typer.Option(
            help="Leave out the commonest words of a language, such as [bold]english[/bold] or [bold]de[/bold]; "
            "[bold]none[/bold]; or a file of words."
        ),
    ] = "english",
    tokenizer: TokenizerName = "words",
    min_df: Annotated[
        float,
        typer.Option(min=0, callback=_countable, help="Only words in at least so many documents; below 1, a share."),
    ] = 2,
    max_df: Annotated[
        float,
        typer.Option(min=0, callback=_countable, help="Only words in at most so many documents; up to 1, a share."),
    ] = 0.5,
    max_words: Annotated[int | None, count(help="Only the commonest so many words.  [dim]default: all[/dim]")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace topics that are already there.")] = False,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Find the topics of texts: their words, how large they are, and which documents are about them.

    [dim]unlabeled topics messages/ -k 20 --out topics/[/dim]

    [dim]unlabeled topics reviews.csv --column text -k 10 --method plsa[/dim]

    [dim]unlabeled topics run/ -k 20[/dim]
    """
    from unlabeled.runs import topics as run

    found = run(
        source,
        out,
        k=k,
        method=method,
        encoder=encoder,
        column=column,
        tokenizer=tokenizer,
        stop_words=_stop_words(stop_words),
        min_df=min_df if min_df < 1 else int(min_df),
        max_df=max_df if max_df <= 1 else int(max_df),
        max_features=max_words,
        random_state=seed,
        overwrite=overwrite,
        progress=False if as_json else None,
    )
    if as_json:
        print_json(found)
        return
    print_table(
        ["topic", "share", "documents", "coherence", "words"],
        [
            [
                str(topic["topic"]),
                f"{topic['share']:.1%}",
                f"{topic['documents']:,}",
                "–" if topic["coherence"] is None else f"{topic['coherence']:.2f}",
                " ".join(entry["word"] for entry in topic["words"]),
            ]
            for topic in found["topics"]
        ],
    )
    tell(
        f"{counted(found['k'], 'topic')} of {counted(found['documents'], 'document')}, "
        f"mean coherence {found['coherence']:.3f}, diversity {found['diversity']:.2f}: {out / 'topics.html'}"
    )


def _stop_words(choice: str) -> str | list[str] | None:
    """Read the option: a list's name, nothing, or a file."""
    from unlabeled.data.paths import existing
    from unlabeled.data.plain_text import read_plain_text

    if choice == "none":
        return None
    if not Path(choice).exists() and not Path(choice).suffix and "/" not in choice:
        return choice
    return read_plain_text(existing(choice)).split()
