"""Write the package's stub, from which type checkers and editors know the names that are imported when first used."""

from __future__ import annotations

from pathlib import Path

import unlabeled
from unlabeled.registry import methods

STUB = Path(unlabeled.__file__).with_suffix(".pyi")

PAGE = """\
# Written by `make stubs`; do not edit.
from os import PathLike
from typing import Any

{rooms}
{names}

__version__: str

def load(path: str | PathLike[str]) -> Any: ...
"""


def stub() -> str:
    """Make the stub's text: the rooms, the methods and the other nouns, each imported from where it is written."""
    rooms = sorted(path.parent.name for path in STUB.parent.glob("*/__init__.py"))
    found = [*methods().values(), *(getattr(unlabeled, noun) for noun in unlabeled.NOUNS)]
    homes = sorted((cls.__module__, cls.__name__) for cls in found)
    return PAGE.format(
        rooms="\n".join(f"from unlabeled import {room} as {room}" for room in rooms),
        names="\n".join(f"from {module} import {name} as {name}" for module, name in homes),
    )


if __name__ == "__main__":
    STUB.write_text(stub(), encoding="utf-8")
