"""Settings of a method from the command line and from recipe files, by the method's own fields."""

from __future__ import annotations

import re
import tomllib
import types
from collections.abc import Container, Sequence
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.estimator import Estimator
from unlabeled.registry import Option, method, methods, options
from unlabeled.setting_checks import described_type, fits

NOT_GIVEN = {"checkpoint"}
"""Settings that a run fixes itself."""
SIZES = re.compile(r"(^|_)(dim|size|epochs)$")
"""Names of settings that count something of which there must be one."""
YES_OR_NO = ("true", "false", "yes", "no")
OTHER_NAMES = {"seed": "random_state"}
"""Settings by the names that other verbs have for them."""


def configured(
    name: str | None,
    recipe: Path | None,
    words: Sequence[str],
    defaults: dict[str, Any],
    kind: type[Estimator] = Estimator,
) -> Any:
    """Make the method that was asked for; views and encoders may be tables in a recipe, as `to_dict` gives them.

    Parameters
    ----------
    name : str, optional
        The method; it overrides the recipe's.
    recipe : Path, optional
        A TOML file with ``method`` and any of its settings.
    words : sequence of str
        What stood on the command line beside the known options, such as ``["--temperature", "0.2"]``. These come last
        and override the recipe.
    defaults : dict
        The verb's own defaults, overridden by everything else.
    kind : type, default Estimator
        What a method must be for the verb.
    """
    settings = read_recipe(recipe) if recipe is not None else {}
    in_recipe = settings.pop("method", None)
    cls = method(name or in_recipe or "simclr")
    if not issubclass(cls, kind):
        fit = sorted(name for name, other in methods().items() if issubclass(other, kind))
        raise UnlabeledError(f"{cls.__name__} is no method for this command; these are: {', '.join(fit)}")
    known = {option.name: option for option in options(cls) if option.name not in NOT_GIVEN}
    for key in settings:
        if key not in known:
            raise unknown_name(f"setting of {cls.__name__} in {recipe}", key, known)
    if any(isinstance(value, dict) for value in settings.values()):
        from unlabeled.training.settings import restored  # of views and encoders, which bring torch

        settings = restored(settings)
    for key, value in settings.items():
        if not fits(value, known[key].type):
            raise UnlabeledError(f"{recipe}: {key} must be {described_type(known[key].type)}, not {value!r}")
    chosen = {**defaults, **settings, **from_words(words, known, cls.__name__)}
    for key, value in chosen.items():
        untrained = key == "epochs" and "encoder" in known  # the method says whether its encoder allows that
        least = 1 if SIZES.search(key) and not untrained else 0
        if isinstance(value, int) and not isinstance(value, bool) and value < least:
            raise UnlabeledError(f"--{key.replace('_', '-')} is at least {least}, not {value}")
    return cls(**chosen)


def read_recipe(path: Path) -> dict[str, Any]:
    """Read a recipe file.

    Raises
    ------
    UnlabeledError
        If the file is missing or no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnlabeledError(f"cannot read the recipe {path}: {error.strerror}") from error
    except ValueError as error:
        raise UnlabeledError(f"the recipe {path} is not valid TOML: {error}") from error


def flags(cls: type[Estimator]) -> set[str]:
    """Give the options of a method that are true by their name alone."""
    return {"--" + option.name.replace("_", "-") for option in options(cls) if option.type is bool}


def split_arguments(words: Sequence[str], flags: Container[str] = ()) -> tuple[list[str], list[str]]:
    """Part the words that stand alone from ``--name value`` and ``--name=value``, in whatever order they were written.

    One of the `flags` takes only a word of yes or no for its value, and a name before another ``--name`` has none.

    Examples
    --------
    >>> split_arguments(["--epochs", "5", "photos", "--size=32"])
    (['photos'], ['--epochs', '5', '--size=32'])
    >>> split_arguments(["--quick", "photos"], flags={"--quick"})
    (['photos'], ['--quick'])
    """
    alone, pairs = [], []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            alone.append(word)
            continue
        pairs.append(word)
        if "=" not in word and rest and _is_value(rest[0], of_flag=word in flags):
            pairs.append(rest.pop(0))
    return alone, pairs


def _is_value(word: str, *, of_flag: bool) -> bool:
    return word.lower() in YES_OR_NO if of_flag else not word.startswith("--")


def from_words(words: Sequence[str], known: dict[str, Option], method_name: str) -> dict[str, Any]:
    """Read ``--name value`` and ``--name=value`` pairs as settings, each in its field's type.

    A setting that is true or false is true by its name alone.
    """
    found = {}
    rest = list(words)
    while rest:
        word, equals, value = rest.pop(0).partition("=")
        name = word.removeprefix("--").replace("-", "_")
        name = OTHER_NAMES.get(name, name)
        if not word.startswith("--"):
            raise UnlabeledError(f"{word!r} was not expected here; settings are written --name value")
        if name not in known:
            raise unknown_name(f"option or setting of {method_name}", word, ["--" + n.replace("_", "-") for n in known])
        if not equals:
            flag = known[name].type is bool
            given = bool(rest) and _is_value(rest[0], of_flag=flag)
            if not given and not flag:
                raise UnlabeledError(f"{word} needs a value")
            value = rest.pop(0) if given else "true"
        found[name] = parsed(word, value, known[name].type)
    return found


def parsed(word: str, value: str, kind: Any) -> Any:
    """Read a value in a field's type; ``none`` is None where the field allows it."""
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise unknown_name(f"value for {word}", value, map(str, get_args(kind)))
        return value
    if get_origin(kind) is tuple:
        kinds, parts = get_args(kind), [part.strip() for part in value.strip("()[] ").split(",")]
        if len(parts) != len(kinds):
            raise UnlabeledError(f"{word} takes {len(kinds)} values with a comma between them, not {value!r}")
        return tuple(parsed(word, part, kind) for part, kind in zip(parts, kinds, strict=True))
    if get_origin(kind) in (Union, types.UnionType):
        if type(None) in get_args(kind) and value.lower() == "none":
            return None
        choices = [each for each in get_args(kind) if each is not type(None)]
        if any(get_origin(each) is Literal and value in get_args(each) for each in choices):
            return value
        return parsed(word, value, choices[0])
    if kind is bool:
        if value.lower() not in YES_OR_NO:
            raise UnlabeledError(f"{word} is true or false, not {value!r}")
        return value.lower() in ("true", "yes")
    try:
        return kind(value) if kind in (int, float) else value
    except ValueError:
        raise UnlabeledError(f"{word} takes a {'whole ' if kind is int else ''}number, not {value!r:.60}") from None
