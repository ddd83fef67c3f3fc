"""The methods there are, found by looking: a class in a file of `unlabeled.methods` that bears its name."""

from __future__ import annotations

import dataclasses
import inspect
import os
import pkgutil
import re
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.estimator import Estimator, name_of
from unlabeled.files import read_json, refuses_damage
from unlabeled.setting_checks import check_types

ALIASES = {
    "tracking": "trackingbycolorization",
    "future": "futureprediction",
    "lda": "latentdirichletallocation",
    "gmm": "gaussianmixture",
    "mae": "maskedautoencoder",
    "vae": "variationalautoencoder",
    "tsdae": "noisytextrestoration",
    "rotnet": "rotation",
    "word2vec": "skipgram",
}
"""Other names by which methods are known, without dashes and underscores."""


@dataclasses.dataclass(frozen=True)
class Option:
    """One hyper-parameter of a method."""

    name: str
    type: Any
    default: Any
    doc: str
    common: bool
    """Whether every deep method has it (a field of a base class) or only this one."""


@dataclasses.dataclass(frozen=True)
class Card:
    """What the tables show of a method; every entry is read off the class and its docstring."""

    name: str
    class_name: str
    modalities: tuple[str, ...]
    """The kinds of data that it takes."""
    principle: str
    sentence: str
    paper: str
    """The first of its references."""
    options: tuple[Option, ...]


@cache
def methods() -> dict[str, type[Estimator]]:
    """Give every method by its name on the command line.

    A file added to a folder of `unlabeled.methods` is found without being listed anywhere, provided that it holds a
    class named after it: ``simclr.py`` holds `SimCLR`.
    """
    found = ((module, _named_after(module)) for module in _modules())
    return {module.rpartition(".")[2]: cls for module, cls in found if cls is not None}


def method(name: str) -> type[Estimator]:
    """Find a method by name, in any spelling of case, dashes and underscores; only its own file is imported.

    Raises
    ------
    UnlabeledError
        If there is none; the message suggests the nearest.

    Examples
    --------
    >>> method("SimCLR").__name__
    'SimCLR'
    """
    plain = re.sub(r"[-_ ]", "", name).lower()
    plain = ALIASES.get(plain, plain)
    for module in _modules():
        if module.rpartition(".")[2].replace("_", "") == plain and (cls := _named_after(module)) is not None:
            return cls
    raise unknown_name("method", name, methods())


@cache
def _modules() -> tuple[str, ...]:
    """List the files of `unlabeled.methods` as modules, without importing them."""
    import unlabeled.methods as home

    walk = pkgutil.walk_packages(home.__path__, home.__name__ + ".")
    return tuple(info.name for info in walk if not info.ispkg)


def _named_after(module: str) -> type[Estimator] | None:
    """Give the method that a file is named after, if it holds one; a base of several methods is none itself."""
    wanted = module.rpartition(".")[2].replace("_", "")
    for name, cls in vars(import_module(module)).items():
        if name.lower() == wanted and inspect.isclass(cls) and cls.__module__ == module:
            return cls if issubclass(cls, Estimator) and not inspect.isabstract(cls) else None
    return None


def card(cls: type[Estimator]) -> Card:
    """Read a method's card off its class: attributes give principle and kinds of data, the docstring the rest."""
    doc = inspect.getdoc(cls) or ""
    return Card(
        name=name_of(cls),
        class_name=cls.__name__,
        modalities=cls.kinds_of_data(),
        principle=cls.principle,
        sentence=" ".join(doc.partition("\n\n")[0].split()),
        paper=" ".join(re.split(r"\.\. \[\d+\]", _section(doc, "References").removeprefix(".. [1]"))[0].split()),
        options=options(cls),
    )


def options(cls: type[Estimator]) -> tuple[Option, ...]:
    """List a method's hyper-parameters with their types, defaults and the sentence each has in its docstring."""
    hints = get_type_hints(cls)
    own = inspect.get_annotations(cls)
    fields = {field.name: field for field in dataclasses.fields(cls)}
    docs: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        docs |= _parameter_docs(inspect.cleandoc(base.__dict__.get("__doc__") or ""))
    listed = sorted(fields.values(), key=lambda field: field.name not in own)  # a method's own come first
    return tuple(Option(f.name, hints[f.name], f.default, docs.get(f.name, ""), f.name not in own) for f in listed)


def _section(doc: str, title: str) -> str:
    """Cut one section out of a numpydoc docstring."""
    match = re.search(rf"^{title}\n-+\n(.*?)(?=^\S[^\n]*\n-+\n|\Z)", doc, re.MULTILINE | re.DOTALL)
    return match.group(1).strip("\n") if match else ""


def _parameter_docs(doc: str) -> dict[str, str]:
    found = {}
    for block in re.split(r"\n(?=\S)", _section(doc, "Parameters")):
        head, _, body = block.partition("\n")
        for name in head.partition(" : ")[0].split(", "):
            found[name.strip()] = " ".join(body.split())
    return found


@refuses_damage
def load(path: str | os.PathLike[str]) -> Any:
    """Load a fitted estimator saved by `save`, whatever its class.

    Parameters
    ----------
    path : path
        The folder that `save` wrote.

    Raises
    ------
    UnlabeledError
        If the folder does not hold a saved estimator.
    """
    cls: Any = method(saved_method(path))
    found = cls.load(path)
    check_types(found)
    return found


@refuses_damage
def saved_method(path: str | os.PathLike[str]) -> str:
    """Give the name of the method whose estimator `save` wrote into a folder.

    Raises
    ------
    UnlabeledError
        If the folder does not hold a saved estimator.
    """
    path = Path(path)
    if not (path / "model.json").exists():
        raise UnlabeledError(f"{path} holds no saved estimator (there is no model.json in it)")
    name = read_json(path / "model.json")["method"]
    if not isinstance(name, str):
        raise UnlabeledError(f"{path / 'model.json'} is damaged: the method is {name!r:.60}")
    return name
