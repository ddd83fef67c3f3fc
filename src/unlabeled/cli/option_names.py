"""Names of settings in messages, written as they are typed on the command line."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import typer

SPOKEN = r"(?=\s+(?:must|is|are|needs?|takes?|says?)\b|=)"
"""What follows a name of one word where it is a setting and no word of the sentence."""


def as_typed(message: str, names: Iterable[str]) -> str:
    """Write settings as options: ``batch_size`` as ``--batch-size``, ``size=224`` as ``--size 224``.

    A name of one word, such as ``epochs``, is taken for the setting where a sentence begins with it or a value is
    given to it.

    Parameters
    ----------
    message : str
    names : iterable of str
        The settings that the verb has, as they are called in Python.

    Examples
    --------
    >>> as_typed("batch_size must be at least 1, or None; set precision='float32'", ["batch_size", "precision"])
    '--batch-size must be at least 1, or none; set --precision float32'
    >>> as_typed("epochs must be at least 1: two epochs are few", ["epochs"])
    '--epochs must be at least 1: two epochs are few'
    """
    for name in sorted(names, key=len, reverse=True):
        option = "--" + name.replace("_", "-")
        if "_" in name:
            found = rf"(?<![\w./-]){name}(?![\w./-])"
        else:
            found = rf"(?:^|(?<=[:;,.] )){name}{SPOKEN}|(?<![\w./-]){name}(?==['\"\w])"
        message = re.sub(found, option, message)
    message = re.sub(r"(--[a-z][a-z-]*)=(['\"]?)([\w.]+)\2", r"\1 \3", message)
    return re.sub(r"\bor None\b", "or none", message)


def settings_of(command: Any, words: Sequence[str]) -> set[str]:
    """Give the names of all settings that a command line may name: the verb's options and its method's settings."""
    names: set[str] = set()
    rest = [word for word in words if not word.startswith("-")]
    while rest and hasattr(command, "commands") and rest[0] in command.commands:
        command = command.commands[rest.pop(0)]
    names |= {option.opts[0].lstrip("-").replace("-", "_") for option in command.params if option.opts[0][:2] == "--"}
    if command.context_settings.get("allow_extra_args"):
        names |= _settings_of_methods()
    return names


def _settings_of_methods() -> set[str]:
    """Give the fields of all methods that have been imported; that is the one which the command line named."""
    from unlabeled.estimator import Estimator

    found, rest = set(), [Estimator]
    while rest:
        cls = rest.pop()
        found |= set(getattr(cls, "__dataclass_fields__", {}))
        rest += cls.__subclasses__()
    return found


def said_to_a_person(error: Exception, app: typer.Typer) -> str:
    """Give the message of an error in the words of the command line."""
    from typer.main import get_command

    return as_typed(str(error), settings_of(get_command(app), sys.argv[1:]))
