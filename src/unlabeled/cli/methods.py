"""`unlabeled methods`: what there is."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from unlabeled.cli.shared import AsJson, out, print_json, print_table


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
            print_table(["name", "modality", "principle", "what it does", "paper"], rows)
        return
    card = registry.card(registry.method(name))
    if as_json:
        options = [{"name": o.name, "type": _type(o.type), "default": o.default, "doc": o.doc} for o in card.options]
        print_json({**asdict(card), "options": options})
        return
    out.print(f"{card.class_name}: {card.sentence}", style="bold", markup=False, highlight=False)
    out.print(
        f"{card.principle}, for {' and '.join(card.modalities)} data. {card.paper}\n", markup=False, highlight=False
    )
    for common, title in ((False, f"Settings of {card.class_name}"), (True, "Settings of every deep method")):
        rows = [["--" + o.name.replace("_", "-"), str(o.default), o.doc] for o in card.options if o.common is common]
        if rows:
            print_table(["option", "default", "meaning"], rows, title)
            out.print()


def _type(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) else str(kind).replace("typing.", "")
