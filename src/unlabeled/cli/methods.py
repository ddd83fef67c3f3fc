"""`unlabeled methods`: what there is."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unlabeled.cli.shared import AsJson, print_json, print_table, tell

if TYPE_CHECKING:
    from unlabeled.estimator import Estimator
    from unlabeled.registry import Card


def methods(
    name: Annotated[str | None, typer.Argument(help="One method, with all its settings.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the methods: name, kinds of data, principle, one sentence, paper. With a name: its settings.

    [dim]unlabeled methods simclr[/dim]
    """
    from unlabeled import registry

    if name is None:
        cards = [registry.card(cls) for cls in registry.methods().values()]
        cards.sort(key=lambda card: (card.principle, card.name))
        if as_json:
            print_json([{key: value for key, value in asdict(card).items() if key != "options"} for card in cards])
        else:
            rows = [[c.name, ", ".join(c.modalities), c.principle, c.sentence, c.paper] for c in cards]
            print_table(["name", "data", "principle", "what it does", "paper"], rows, whole=["name"])
        return
    cls = registry.method(name)
    card, of_a_verb = registry.card(cls), _set_by_a_verb(cls)
    if as_json:
        options = [{"name": o.name, "type": _type(o.type), "default": o.default, "doc": o.doc} for o in card.options]
        print_json({**asdict(card), "options": options})
        return
    tell(f"{card.class_name}: {card.sentence}", style="bold")
    tell(f"{card.principle}; data: {', '.join(card.modalities)}. {card.paper}\n")
    for common in (False, True):
        print_settings(card, common, of_a_verb)


def print_settings(card: Card, common: bool, of_a_verb: bool = True) -> None:
    """Print the settings that a method shares with others, or its own: as options of a verb, or as Python has them."""
    rows = [
        [
            "--" + option.name.replace("_", "-") if of_a_verb else option.name,
            _written(option.default) if of_a_verb else repr(option.default),
            option.doc.replace("`", ""),
        ]
        for option in card.options
        if option.common is common
    ]
    if rows:
        title = "Settings that it shares with other methods" if common else f"Settings of {card.class_name}"
        what = "option" if of_a_verb else "setting"
        print_table([what, "default", "meaning"], rows, title if of_a_verb else f"{title}, in Python", whole=[what])
        tell("")


def _set_by_a_verb(cls: type[Estimator]) -> bool:
    """Tell whether `unlabeled learn` or `unlabeled words` takes the settings of a method as options."""
    from unlabeled.methods.words.word_embedding import WordEmbedding

    if issubclass(cls, WordEmbedding):  # asked first, for it needs no torch
        return True
    from unlabeled.training.bases.self_supervised import SelfSupervised

    return issubclass(cls, SelfSupervised)


def _written(default: Any) -> str:
    """Write a default as it would be typed."""
    return str(default).lower() if default is None or isinstance(default, bool) else str(default)


def _type(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) else str(kind).replace("typing.", "")
