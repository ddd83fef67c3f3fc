"""`unlabeled words`: word vectors, from a text to their use."""

from __future__ import annotations

import typer

from unlabeled.cli.words.analogy import analogy
from unlabeled.cli.words.evaluate import evaluate
from unlabeled.cli.words.nearest import nearest
from unlabeled.cli.words.train import trainer

app = typer.Typer(name="words", no_args_is_help=True, rich_markup_mode="rich")

LEARNT = ("--dim 300 --epochs 10 --min-count 2", "--dim 100 --out vectors.bin")
for name, what, some, given in [
    ("skipgram", "Learn word vectors by predicting the words around a word.", *LEARNT),
    ("cbow", "Learn word vectors by predicting a word from those around it.", *LEARNT),
    ("glove", "Learn word vectors from how often words stand together.", *LEARNT),
    (
        "onehot",
        "Give every word a direction of its own: the baseline, which learns nothing.",
        "--max-vocab 5000 --min-count 2",
        "--max-vocab 5000 --out baseline.bin",
    ),
]:
    extra = {"allow_extra_args": True, "ignore_unknown_options": True}
    app.command(name, context_settings=extra)(trainer(name, what, some, given))
for verb in (evaluate, nearest, analogy):
    app.command()(verb)


@app.callback()
def words() -> None:
    """Word vectors: learn them from text, judge them, ask them."""
