"""`unlabeled words`: word vectors, from a text to their use."""

from __future__ import annotations

import typer

from unlabeled.cli.words.analogy import analogy
from unlabeled.cli.words.evaluate import evaluate
from unlabeled.cli.words.nearest import nearest
from unlabeled.cli.words.train import trainer

app = typer.Typer(name="words", no_args_is_help=True, rich_markup_mode="rich")

for name, what in {
    "skipgram": "Learn word vectors by predicting the words around a word.",
    "cbow": "Learn word vectors by predicting a word from those around it.",
    "glove": "Learn word vectors from how often words stand together.",
    "onehot": "Give every word a direction of its own: the baseline, which learns nothing.",
}.items():
    extra = {"allow_extra_args": True, "ignore_unknown_options": True}
    app.command(name, context_settings=extra)(trainer(name, what))
for verb in (evaluate, nearest, analogy):
    app.command()(verb)


@app.callback()
def words() -> None:
    """Word vectors: learn them from text, judge them, ask them."""
