"""Errors for people: what is wrong, where, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from types import ModuleType


class UnlabeledError(ValueError):
    """Input, a file or a setting is not usable; the message says what, where and what to do.

    It is a `ValueError`, which is what scikit-learn's tools expect of an estimator that refuses its input.
    The command line prints the message alone, without a traceback, and exits with status 2.
    """


class MissingExtraError(UnlabeledError, ImportError):
    """An optional package is not installed; the message names the extra that brings it."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UnlabeledError:
    """Make the error for a name that is not among those known, with the nearest one as a suggestion.

    Parameters
    ----------
    kind : str
        What the name stands for, such as ``"method"`` or ``"encoder"``.
    name : str
        The name as the user wrote it.
    known : iterable of str
        The names that would have been accepted.

    Examples
    --------
    >>> print(unknown_name("method", "simclear", ["simclr", "byol"]))
    unknown method 'simclear'; did you mean 'simclr'? Known: byol, simclr
    """
    names = sorted(known)
    folded = {n.lower(): n for n in names}
    near = get_close_matches(name.lower(), folded, n=1, cutoff=0.5)
    hint = f"; did you mean {folded[near[0]]!r}?" if near else "."
    return UnlabeledError(f"unknown {kind} {name!r}{hint} Known: {', '.join(names)}")


def require(module: str, extra: str) -> ModuleType:
    """Import an optional module, or say which extra installs it."""
    from importlib import import_module

    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise MissingExtraError(
            f"this needs the package {package!r}; install it with: pip install 'unlabeled[{extra}]'"
        ) from error
