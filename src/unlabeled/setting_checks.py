"""Checks of settings that every room needs."""

from __future__ import annotations

import dataclasses
import math
import os
import re
import types
from collections.abc import Callable, Iterable, Sequence
from functools import cache, wraps
from numbers import Integral, Real
from typing import Any, Literal, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

from unlabeled.errors import UnlabeledError

P = ParamSpec("P")
T = TypeVar("T")
LARGEST_SEED = 2**32 - 1
LARGEST = 2**63 - 1
"""The largest whole number of PyTorch."""
SIZES = re.compile(r"((^|_)dim|_layers|_depth|^(prototypes|permutations|guesses|iterations|noise|ramp_steps))$")
"""Names of settings that count something of which there must be one."""
NAMED = {int: "a whole number", float: "a number", str: "a text", bool: "True or False", types.NoneType: "None"}
"""What the types of settings are called in messages."""


class StandIn:
    """Stands, in an estimator that was loaded, for an object that it was given and that was not saved."""


def check_whole_number(name: str, value: Any, least: int = 1, most: int | None = None) -> None:
    """Refuse what is not a whole number in a range; True and False are none.

    Examples
    --------
    >>> check_whole_number("epochs", 0)
    Traceback (most recent call last):
        ...
    unlabeled.errors.UnlabeledError: epochs must be a whole number of at least 1, got 0
    """
    whole = isinstance(value, Integral) and not isinstance(value, bool)  # NumPy's integers are Integral
    if not whole or value < least or (most is not None and value > most):
        what = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise UnlabeledError(f"{name} must be a whole number {what}, got {value!r}")


def seed_numbers(seeds: Any) -> tuple[int, ...]:
    """Give the seeds that were asked for: 3 stands for 0, 1, 2.

    Examples
    --------
    >>> seed_numbers(2), seed_numbers([5])
    ((0, 1), (5,))
    """
    if not hasattr(seeds, "__iter__") or isinstance(seeds, str):
        check_whole_number("seeds", seeds)
        return tuple(range(seeds))
    numbers = tuple(seeds)
    for seed in numbers:
        check_whole_number("a seed", seed, 0, LARGEST_SEED)
    return tuple(int(seed) for seed in numbers)


def counts_asked(name: str, counts: Any) -> list[int]:
    """Give whole numbers from 1 up, or the only one."""
    numbers = list(counts) if hasattr(counts, "__iter__") and not isinstance(counts, str) else [counts]
    if not numbers:
        raise UnlabeledError(f"{name} must be one or more numbers from 1 up, not []")
    for number in numbers:
        check_whole_number(name, number)
    return numbers


def check_whole_settings(owner: Any, *names: str, least: int = 1) -> None:
    """Refuse attributes that are neither None nor a whole number of at least `least`."""
    for name in names:
        if (value := getattr(owner, name)) is not None:
            check_whole_number(name, value, least)


def refuse_idle(owner: Any, names: Iterable[str], why: str) -> None:
    """Refuse settings that differ from their default although they change nothing beside the others.

    Parameters
    ----------
    owner : Estimator
    names : iterable of str
        The settings that have no effect.
    why : str
        What they are for; it follows name and value.
    """
    default = {field.name: field.default for field in dataclasses.fields(owner)}
    for name in names:
        if name in default and (value := getattr(owner, name)) != default[name]:
            raise UnlabeledError(f"{name}={value!r:.60} {why}; leave it out")


def fits(value: Any, kind: Any) -> bool:
    """Tell whether a value may stand for a setting of a type.

    Any value may stand for a type that is neither plain nor a class, and a `StandIn` for an object of any class.

    Examples
    --------
    >>> fits(3, float), fits("3", float), fits("sgd", Literal["sgd", "adam"]), fits([1, 2], tuple[int, int])
    (True, False, True, True)
    """
    origin = get_origin(kind)
    if origin is Literal:
        return isinstance(value, str | int | None) and value in get_args(kind)
    if origin in (Union, types.UnionType):
        return any(fits(value, each) for each in get_args(kind))
    if origin in (tuple, list, Sequence):
        return hasattr(value, "__len__") and not isinstance(value, str | bytes | dict)
    if kind in (int, float):
        return isinstance(value, Integral if kind is int else Real) and not isinstance(value, bool)
    if kind is bool:
        return type(value).__name__ in ("bool", "bool_")  # also NumPy's, old and new
    if origin is os.PathLike:
        return isinstance(value, os.PathLike)
    if kind is Any or not isinstance(kind, type):
        return True
    return isinstance(value, kind if kind in (str, types.NoneType) else (kind, StandIn))


def described_type(kind: Any) -> str:
    """Say in words what a setting of a type may be.

    Examples
    --------
    >>> described_type(int | None), described_type(Literal["sgd", "adam"] | float)
    ('a whole number or None', "'sgd', 'adam' or a number")
    >>> described_type(str | os.PathLike[str] | None)
    'a text, a path or None'
    """
    kinds = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
    found = [
        word
        for each in kinds
        for word in (map(repr, get_args(each)) if get_origin(each) is Literal else [_type_name(each)])
    ]
    return " or ".join([", ".join(found[:-1]), found[-1]] if len(found) > 1 else found)


def _type_name(kind: Any) -> str:
    if get_origin(kind) in (tuple, list, Sequence):
        return "several values"
    if get_origin(kind) is os.PathLike:
        return "a path"
    name = str(getattr(kind, "__name__", kind))
    return NAMED.get(kind) or (f"{'an' if name[0] in 'AEIOU' else 'a'} {name}" if isinstance(kind, type) else name)


def check_types(owner: Any) -> None:
    """Refuse settings of another type than their fields say, and numbers that none of that name can be.

    These are NaN, sizes below 1, temperatures that are not positive, whole numbers of more than 63 bits, and seeds that
    no generator of random numbers takes. A text in place of a name that there is not is left to the owner, which knows
    the names.

    Raises
    ------
    UnlabeledError
        With the name of the setting, and what it may be.
    """
    cls: Any = type(owner)
    for name, kind in _hints(cls).items():
        value = getattr(owner, name, None)
        if name == "random_state":
            _check_seed(value)
        elif not fits(value, kind) and not (isinstance(value, str) and "Literal" in str(kind)):
            hint = "; give its encoder_" if hasattr(value, "encoder_") else ""
            raise UnlabeledError(f"{name} must be {described_type(kind)}, not {value!r:.60}{hint}")
        elif isinstance(value, Real) and value != value:
            raise UnlabeledError(f"{name} must be a number, not {value!r}")
        elif isinstance(value, Real) and name.endswith("temperature") and not 0 < float(value) < math.inf:
            raise UnlabeledError(f"{name} must be a positive number, not {value!r:.60}")
        elif isinstance(value, Integral) and abs(int(value)) > LARGEST:
            raise UnlabeledError(f"{name} must be at most {LARGEST}, got {value!r:.60}")
        elif isinstance(value, Integral) and SIZES.search(name) and "float" not in str(kind):
            check_whole_number(name, value)


def _check_seed(value: Any) -> None:
    whole = isinstance(value, Integral) and not isinstance(value, bool) and 0 <= int(value) <= LARGEST_SEED
    if value is not None and not whole and not hasattr(value, "randint"):
        raise UnlabeledError(f"random_state must be a whole number from 0 to {LARGEST_SEED} or None, not {value!r:.60}")


@cache
def _hints(cls: type[Any]) -> dict[str, Any]:
    try:
        hints = get_type_hints(cls)
    except NameError:  # a class of the user's that names types which are not there when it runs
        return {}
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def after_check(fit: Callable[P, T]) -> Callable[P, T]:
    """Make the `fit` of an estimator check the types of its settings first."""

    @wraps(fit)
    def checked(*args: P.args, **kwargs: P.kwargs) -> T:
        check_types(args[0])
        return fit(*args, **kwargs)

    return checked
