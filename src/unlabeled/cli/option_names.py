"""Names of settings in messages, written as they are typed on the command line."""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import typer

SPOKEN = r"(?=\s+(?:must|is|are|needs?|takes?|says?)\b|=)"
"""What follows a name of one word where it is a setting and no word of the sentence."""


ADVICE = {
    "on_error": re.compile(r",? or leave (?:out such \w+|them out): on_error='skip'$"),
    "errors": re.compile(
        r"(?:, or let such bytes count as U\+FFFD: errors='replace'|; errors='replace' puts U\+FFFD there)$"
    ),
}
"""Advice at the end of messages, by the setting which a verb must have for it."""


def as_typed(message: str, names: Mapping[str, str]) -> str:
    """Write settings as options: ``batch_size`` as ``--batch-size``, ``size=224`` as ``--size 224``.

    A name of one word, such as ``epochs``, is taken for the setting where a sentence begins with it or a value is
    given to it.

    Parameters
    ----------
    message : str
    names : mapping of str to str
        The settings that the verb has: as they are called in Python, and as they are typed.

    Examples
    --------
    >>> names = {"batch_size": "--batch-size", "size": "--size", "k": "-k"}
    >>> as_typed("batch_size must be at least 1, or None; set size=224", names)
    '--batch-size must be at least 1, or none; set --size 224'
    >>> as_typed("take a smaller batch_size. Not batch_size.txt", names)
    'take a smaller --batch-size. Not batch_size.txt'
    >>> as_typed("k must be at least 1: a size of 1 is small", names)
    '-k must be at least 1: a size of 1 is small'
    """
    for name in sorted(names, key=len, reverse=True):
        found = rf"(?:^|(?<=[:;,.] )){name}{SPOKEN}|(?<![\w./-]){name}(?==['\"\w.])"
        if "_" in name:
            found = rf"(?<![\w./-]){name}(?![\w/-]|\.\w)"
        message = re.sub(found, names[name], message)
    message = re.sub(r"(?<![\w-])(--?[a-z][a-z-]*)=\.\.\.", r"\1", message)
    message = re.sub(r"(?<![\w-])(--?[a-z][a-z-]*)=(?:(['\"])([\w.]+)\2)?", r"\1 \3", message)
    return re.sub(r"\bor None\b", "or none", message)


def settings_of(command: Any, words: Sequence[str]) -> dict[str, str]:
    """Give all settings that a command line may name: the verb's options, and those of methods where it takes them."""
    rest = [word for word in words if not word.startswith("-")]
    while rest and hasattr(command, "commands") and rest[0] in command.commands:
        command = command.commands[rest.pop(0)]
    names = _settings_of_methods() if command.context_settings.get("allow_extra_args") else {}
    for option in command.params:
        if option.param_type_name == "option":
            names |= {option.name: option.opts[0], option.opts[0].lstrip("-").replace("-", "_"): option.opts[0]}
    return names


def _settings_of_methods() -> dict[str, str]:
    """Give the fields of all methods that have been imported; the one which the command line named is among them."""
    from unlabeled.estimator import Estimator

    found: dict[str, str] = {}
    rest: list[type[Estimator]] = [Estimator]
    while rest:
        cls = rest.pop()
        found |= {field.name: "--" + field.name.replace("_", "-") for field in dataclasses.fields(cls)}
        rest += cls.__subclasses__()
    return found


def message_for_user(error: Exception, app: typer.Typer) -> str:
    """Give the message of an error in the words of the command line."""
    from typer.main import get_command

    names = settings_of(get_command(app), sys.argv[1:])
    message = str(error)
    for setting, advice in ADVICE.items():
        if setting not in names:
            message = advice.sub("", message)
    return as_typed(message, names)
