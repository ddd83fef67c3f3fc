"""`unlabeled methods`: what there is."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unlabeled.cli.shared import AsJson, print_json, print_table, tell

if TYPE_CHECKING:
    from unlabeled.registry import Card


def methods(
    name: Annotated[str | None, typer.Argument(help="One method, with all its settings.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the methods: name, modality, principle, one sentence, paper. With a name: its settings.

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
            print_table(["name", "modality", "principle", "what it does", "paper"], rows, whole=["name"])
        return
    card = registry.card(registry.method(name))
    if as_json:
        options = [{"name": o.name, "type": _type(o.type), "default": o.default, "doc": o.doc} for o in card.options]
        print_json({**asdict(card), "options": options})
        return
    tell(f"{card.class_name}: {card.sentence}", style="bold")
    tell(f"{card.principle}, for {' and '.join(card.modalities)} data. {card.paper}\n")
    print_settings(card, common=False)
    print_settings(card, common=True)


def print_settings(card: Card, common: bool) -> None:
    """Print the settings that a method shares with others, or its own, as options of the command line."""
    rows = [
        ["--" + option.name.replace("_", "-"), _written(option.default), option.doc.replace("`", "")]
        for option in card.options
        if option.common is common
    ]
    if rows:
        title = "Settings that it shares with other methods" if common else f"Settings of {card.class_name}"
        print_table(["option", "default", "meaning"], rows, title, whole=["option"])
        tell("")


def _written(default: Any) -> str:
    """Write a default as it would be typed."""
    return str(default).lower() if default is None or isinstance(default, bool) else str(default)


def _type(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) else str(kind).replace("typing.", "")
