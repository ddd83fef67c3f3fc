"""Write the reference's index pages: one for the root files, one a room, each listing the room's public names."""

from __future__ import annotations

import pkgutil
import re
import shutil
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import unlabeled
from unlabeled.registry import methods

PAGE = """\
{title}
{underline}

.. automodule:: {module}

.. currentmodule:: {module}

.. autosummary::
   :toctree: .
   :nosignatures:

{names}
"""


def public_names(module: ModuleType) -> list[str]:
    """List what a module offers: the methods and their nouns, its `__all__`, or else what is written in it."""
    if module is unlabeled.methods:
        nouns = [getattr(unlabeled, noun) for noun in unlabeled.NOUNS]
        places = [f"{own.__module__}.{own.__name__}" for own in [*methods().values(), *nouns]]
        return [place.removeprefix("unlabeled.methods.") for place in places if place.startswith("unlabeled.methods.")]
    own = [n for n, v in vars(module).items() if getattr(v, "__module__", None) == module.__name__ and n[0] != "_"]
    return sorted(getattr(module, "__all__", own), key=str.lower)


def documented_modules() -> list[ModuleType]:
    """List the package's rooms and root files that offer something, in alphabetical order."""
    names = [info.name for info in pkgutil.iter_modules(unlabeled.__path__) if not info.name.startswith("_")]
    return [module for name in names if public_names(module := import_module(f"unlabeled.{name}"))]


def write_pages(app: Any, _config: Any) -> None:
    folder = Path(app.srcdir) / "api" / "generated"
    shutil.rmtree(folder, ignore_errors=True)  # else the pages of names that are gone would stay
    folder.mkdir(parents=True)
    for module in documented_modules():
        title = module.__name__
        names = "\n".join(f"   {name}" for name in public_names(module))
        page = PAGE.format(title=title, underline="=" * len(title), module=module.__name__, names=names)
        (folder / f"{title}.index.rst").write_text(page, encoding="utf-8")


def skip_routing(_app: Any, _kind: str, name: str, _member: object, skip: bool, _options: object) -> bool:
    """Leave out what scikit-learn adds to every estimator for its metadata routing: `set_fit_request` and its like."""
    return skip or bool(re.fullmatch(r"set_\w+_request", name))


def drop_foreign_links(_app: Any, _kind: str, _name: str, member: Any, _options: object, lines: list[str]) -> None:
    """Write what scikit-learn's docstrings link to in its own manual as plain words."""
    if str(getattr(member, "__module__", "")).startswith("sklearn."):
        lines[:] = [re.sub(r":ref:`([^`<]+?)\s*(?:<[^`>]*>)?`", r"\1", line) for line in lines]


def setup(app: Any) -> dict[str, bool]:
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-skip-member", skip_routing)
    app.connect("autodoc-process-docstring", drop_foreign_links, priority=100)  # before numpydoc reads it
    app.connect("config-inited", write_pages)  # before autosummary looks for the pages that need stubs
    return {"parallel_read_safe": True}
