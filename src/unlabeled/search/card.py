"""The card of a saved store: what kind it is, and by which metric it searches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from unlabeled.errors import UnlabeledError
from unlabeled.files import read_json, write_json

FILE, VERSION = "store.json", 1


def write_card(folder: Path, kind: str, metric: str, **more: Any) -> None:
    """Put the card of a store into its folder, with what else its kind keeps there."""
    write_json(folder / FILE, {"store": kind, "version": VERSION, "metric": metric, **more})


def read_card(folder: Path, kind: str) -> dict[str, Any]:
    """Give the card of the store in a folder; one of another kind or version, or without a metric, is refused."""
    card = read_json(folder / FILE)
    if not isinstance(card, dict) or (card.get("store"), card.get("version")) != (kind, VERSION):
        raise UnlabeledError(f"{folder} does not hold a store of the kind {kind!r} that this version can read")
    if not isinstance(card.get("metric"), str):
        raise UnlabeledError(f"{folder / FILE} is damaged: the metric is {card.get('metric')!r:.60}")
    return card


def card_stamp(folder: Path) -> tuple[int, int] | None:
    """Tell a folder's card from one that was written later; None if there is none."""
    try:
        status = (folder / FILE).stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns
