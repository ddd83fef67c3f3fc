"""`unlabeled fill`: what may stand at a mask."""

from __future__ import annotations

from typing import Annotated

import typer

from unlabeled.cli.generation.generate import language_model
from unlabeled.cli.shared import AsJson, RunFolder, count, print_json, print_table


def fill(
    run: RunFolder,
    text: Annotated[str, typer.Argument(help='A text with \\[MASK] in it, such as "the \\[MASK] barks".')],
    k: Annotated[int, count("-k", help="How many tokens to name.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Say which tokens may stand at each mask of a text, with a run of the method bert.

    [dim]unlabeled fill run/ "the [MASK] barks"[/dim]
    """
    from unlabeled.methods.language.bert import BERT

    found = language_model(run, BERT).fill(text, k)
    masks = [found] if isinstance(found[0], tuple) else found
    if as_json:
        print_json({"text": text, "masks": [[{"token": token, "p": p} for token, p in mask] for mask in masks]})
        return
    rows = [[str(i + 1), token, f"{p:.3f}"] for i, mask in enumerate(masks) for token, p in mask]
    print_table(["mask", "token", "probability"], rows)
