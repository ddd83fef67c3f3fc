import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from unlabeled.errors import UnlabeledError
from unlabeled.estimator import Estimator
from unlabeled.registry import card, methods
from unlabeled.setting_checks import SIZES, check_types, check_whole_number, check_whole_settings


@pytest.mark.parametrize("value", [1, 7, np.int64(3), np.uint8(1)])
def test_whole_numbers_pass(value):
    check_whole_number("k", value)


@pytest.mark.parametrize("value", [0, -1, True, False, 1.0, 2.5, "3", None, np.float64(2), np.bool_(True), [1]])
def test_others_are_refused_with_name_and_value(value):
    with pytest.raises(UnlabeledError, match=re.escape(f"k must be a whole number of at least 1, got {value!r}")):
        check_whole_number("k", value)


def test_ranges():
    check_whole_number("k", 0, least=0, most=0)
    with pytest.raises(UnlabeledError, match="k must be a whole number from 1 to 4, got 5"):
        check_whole_number("k", 5, most=4)


def test_settings_may_be_none():
    check_whole_settings(SimpleNamespace(a=None, b=2), "a", "b")
    with pytest.raises(UnlabeledError, match="b must be a whole number of at least 3, got 2"):
        check_whole_settings(SimpleNamespace(a=None, b=2), "a", "b", least=3)


class Sized(Estimator):
    hidden_dim: int = 8
    noise: int = 4
    input_noise: float = 0.0
    temperature: float = 0.1
    teacher_temperature: float = 0.04
    weight: float = 1.0
    shift: int = -2


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"hidden_dim": 0}, "hidden_dim must be a whole number of at least 1, got 0"),
        ({"hidden_dim": -1}, "hidden_dim must be a whole number of at least 1, got -1"),
        ({"hidden_dim": 2**63}, "hidden_dim must be at most 9223372036854775807"),
        ({"noise": 0}, "noise must be a whole number of at least 1"),
        ({"weight": float("nan")}, "weight must be a number, not nan"),
        ({"weight": 2**70}, "weight must be at most"),
        ({"temperature": 0}, "temperature must be a positive number, not 0"),
        ({"temperature": float("inf")}, "temperature must be a positive number, not inf"),
        ({"teacher_temperature": -1.0}, "teacher_temperature must be a positive number"),
    ],
)
def test_numbers_that_cannot_be_meant_are_refused_by_one_rule(settings, says):
    with pytest.raises(UnlabeledError, match=says):
        check_types(Sized(**settings))


def test_what_is_no_size_may_be_zero_or_below():
    check_types(Sized(input_noise=0, weight=-1, shift=-3))


def test_the_defaults_of_all_methods_pass():
    for cls in methods().values():
        check_types(cls())


def test_no_method_learns_with_a_size_of_nothing():
    """That a projection to no numbers trains, and teaches nothing, was a fault of nearly all methods."""
    found = {(name, option.name) for name, cls in methods().items() for option in card(cls).options}
    sizes = [(name, option) for name, option in found if SIZES.search(option)]
    assert len(sizes) > 30
    for name, option in sizes:
        cls = methods()[name]
        for value in (0, -1):
            with pytest.raises(UnlabeledError, match=f"{option} must be"):
                check_types(cls(**{option: value}))


def test_what_no_setting_can_be_is_refused_by_its_name():
    anything = r"typing\.Any|ArrayLike|SupportsArray|Callable"
    checked = 0
    for cls in methods().values():
        for option in card(cls).options:
            if not re.search(anything, str(option.type)):
                with pytest.raises(UnlabeledError, match=f"{option.name} must be "):
                    check_types(cls(**{option.name: object()}))
                checked += 1
    assert checked > 1000  # of the 1,302 that there are


def test_settings_that_are_folders_are_texts_or_paths():
    folders = {"checkpoint", "cache", "encoder", "text_encoder"}
    found = [(cls, option) for cls in methods().values() for option in card(cls).options if option.name in folders]
    assert {option.name for _, option in found} == folders
    for cls, option in found:
        for folder in ("run", Path("run")):
            check_types(cls(**{option.name: folder}))
