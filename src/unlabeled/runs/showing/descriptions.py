"""Instances of a run in words, to stand beside their ids."""

from __future__ import annotations

from unlabeled.errors import UnlabeledError
from unlabeled.modalities import modality_of
from unlabeled.runs.added import sources_of
from unlabeled.runs.run import Run


def descriptions(run: Run, ids: list[str]) -> dict[str, str]:
    """Say in words what instances are, by id; empty unless the data are still there and can be said in words."""
    try:
        others = sources_of(run, ids)
        data = run.source
    except UnlabeledError:
        return {}
    words: dict[str, str] = {}
    for each in {id(each): each for each in (data, *others.values())}.values():
        place = {name: row for row, name in enumerate(each.ids)}
        names = [name for name in ids if others.get(name, data) is each and name in place]
        words |= {name: modality_of(each).describe(each, place[name]) for name in names}
    return words if len(words) == len(set(ids)) and any(words.values()) else {}
