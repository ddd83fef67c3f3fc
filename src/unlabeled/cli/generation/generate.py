"""`unlabeled generate`: texts by a language model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from unlabeled.cli.shared import AsJson, RunFolder, Seed, count, print_json, refuse_unused, tell


def generate(
    context: typer.Context,
    run: RunFolder,
    prompt: Annotated[str, typer.Option("--prompt", "-p", help="How the text begins.")] = "",
    samples: Annotated[int, count(most=10_000, help="How many texts.")] = 1,
    length: Annotated[int, count(help="Most tokens to write.")] = 100,
    temperature: Annotated[float, typer.Option(min=0, help="Below 1 the likely becomes likelier; 0 is certain.")] = 1.0,
    top_k: Annotated[int | None, count(help="Draw from the so many likeliest tokens only.")] = None,
    top_p: Annotated[
        float | None, typer.Option(help="Draw only from the likeliest tokens whose probabilities sum to this (0 to 1).")
    ] = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Write on from a prompt, with a run of the method gpt.

    [dim]unlabeled generate run/ --prompt "Once upon a time"[/dim]
    """
    from unlabeled.methods.language.gpt import GPT

    if temperature == 0:
        refuse_unused(context, ["top_k", "top_p"], "is for drawing, and with --temperature 0 nothing is drawn")
    model = language_model(run, GPT)
    texts = model.generate(
        [prompt] * samples, length=length, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed
    )
    if as_json:
        print_json({"prompt": prompt, "texts": texts})
        return
    tell("\n---\n".join(texts))


def language_model(run: Path, kind: type[Any]) -> Any:
    """Load the model of a run, or of a folder that `save` wrote, which must be of a given method."""
    from unlabeled.errors import UnlabeledError
    from unlabeled.estimator import name_of
    from unlabeled.registry import load

    model = load(run / "model" if (run / "model" / "model.json").exists() else run)
    if not isinstance(model, kind):
        raise UnlabeledError(f"this needs a run of {name_of(kind)}; {run} holds one of {type(model).__name__}")
    return model
