"""Errors for people: what is wrong, where, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from types import ModuleType


class UnlabeledError(ValueError):
    """Input, a file or a setting is not usable; the message says what, where and what to do.

    It is a `ValueError`, which is what scikit-learn's tools expect of an estimator that refuses its input.
    The command line prints the message alone, without a traceback, and exits with status 2.
    """


class UnknownWordError(UnlabeledError, KeyError):
    """A word that was looked up is not there. It is a `KeyError` too, as look-ups of Python raise.

    Parameters
    ----------
    message : str
    suggest : callable, optional
        Gives words that may have been meant. It is called when the message is shown, and not before: who catches the
        error need not wait for it.
    """

    def __init__(self, message: str, suggest: Callable[[], Iterable[str]] = tuple) -> None:
        super().__init__(message)
        self._suggest: Callable[[], Iterable[str]] | None = suggest

    def __str__(self) -> str:
        if self._suggest is not None:
            near = list(self._suggest())
            self._suggest = None
            self.args = (self.args[0] + (f"; did you mean {' or '.join(map(repr, near))}?" if near else ""),)
        return str(self.args[0])

    def __reduce__(self) -> tuple[type[UnknownWordError], tuple[str]]:
        return type(self), (str(self),)


class MissingExtraError(UnlabeledError, ImportError):
    """An optional package is not installed; the message names the extra that brings it."""


class FolderLockedError(UnlabeledError):
    """Another process is writing into the folder."""


class DivergenceError(UnlabeledError):
    """Training diverged: its numbers grew until they were none."""


def diverged(what: str, learning_rate: float | None = None, other: str = "") -> DivergenceError:
    """Make the error for a training whose numbers are no longer finite.

    Parameters
    ----------
    what : str
        What was found, and when.
    learning_rate : float, optional
        The rate that was too high.
    other : str, default ""
        What else may help.

    Examples
    --------
    >>> print(diverged("the loss is nan by step 7", 10.0, "set clip_norm"))
    training diverged: the loss is nan by step 7; lower the learning rate, which is 10, or set clip_norm
    """
    rate = "" if learning_rate is None else f", which is {learning_rate:g}"
    return DivergenceError(f"training diverged: {what}; lower the learning rate{rate}{other and f', or {other}'}")


def unknown_name(kind: str, name: object, known: Iterable[str]) -> UnlabeledError:
    """Make the error for a name that is not among those known, with the nearest one as a suggestion.

    Parameters
    ----------
    kind : str
        What the name stands for, such as ``"method"`` or ``"encoder"``.
    name : object
        The name as the user wrote it; what is no string is as unknown.
    known : iterable of str
        The names that would have been accepted.

    Examples
    --------
    >>> print(unknown_name("method", "simclear", ["simclr", "byol"]))
    unknown method 'simclear'; did you mean 'simclr'? Known: byol, simclr
    """
    names = sorted(known)
    hint = nearest_name(str(name), names) or "."
    return UnlabeledError(f"unknown {kind} {name!r}{hint} Known: {', '.join(names)}")


def nearest_name(name: str, known: Iterable[str]) -> str:
    """Ask whether the nearest of the known names was meant; nothing if none is near.

    Examples
    --------
    >>> nearest_name("txet", ["id", "Text"])
    "; did you mean 'Text'?"
    """
    folded = {each.lower(): each for each in known}
    near = get_close_matches(name.lower(), folded, n=1, cutoff=0.5)
    return f"; did you mean {folded[near[0]]!r}?" if near else ""


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
