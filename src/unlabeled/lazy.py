"""Packages whose names are imported when they are first used, so that importing the package is quick (PEP 562)."""

from __future__ import annotations

import pkgutil
import re
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

CLASS = re.compile(r"^class (\w+)", re.MULTILINE)

Attributes = tuple[Callable[[str], Any], Callable[[], list[str]]]


def import_all(package: ModuleType) -> None:
    """Import all files of a package, so that the classes in them are known."""
    for info in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        import_module(info.name)


def lazy_exports(package: str, homes: Mapping[str, str]) -> Attributes:
    """Make the ``__getattr__`` and ``__dir__`` of a package.

    A function may bear the name of its file, as `cluster` in ``cluster.py``. Python makes an imported file an attribute
    of the package, which would hide the function; here the function keeps its place.

    Parameters
    ----------
    package : str
        ``__name__`` of the package.
    homes : mapping of str to str
        For each name the file it is in; a file of a sub-folder is ``folder.file``.
    """

    class Package(ModuleType):
        def __setattr__(self, name: str, value: Any) -> None:
            own = isinstance(value, ModuleType) and homes.get(name) == name
            super().__setattr__(name, getattr(value, name) if own else value)

    sys.modules[package].__class__ = Package

    def attribute(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    return attribute, lambda: sorted(homes)


def classes_by_file(package: str, folder: str) -> Attributes:
    """Make the ``__getattr__`` and ``__dir__`` of a package in which each class is in the file named after it.

    No file is imported, and none is listed anywhere: ``SkipGram`` is found because there is a ``skip_gram.py``, here or
    in a sub-folder, that holds a class of that name.

    Parameters
    ----------
    package, folder : str
        ``__name__`` of the package, and its ``__path__[0]``.
    """

    def homes() -> dict[str, str]:
        found: dict[str, str] = {}
        for path in Path(folder).rglob("[!_]*.py"):
            names = CLASS.findall(path.read_text(encoding="utf-8"))
            module = ".".join(path.relative_to(folder).with_suffix("").parts)
            found |= {name: module for name in names if name.lower() == path.stem.replace("_", "")}
        return found

    def attribute(name: str) -> Any:
        if name[:1].isupper() and name in (known := homes()):
            return getattr(import_module(f"{package}.{known[name]}"), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return attribute, lambda: sorted(homes())
