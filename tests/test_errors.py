"""Errors name the nearest thing that exists and the extra that is missing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlabeled.errors import MissingExtraError, UnlabeledError, require, unknown_name


def test_an_error_is_a_value_error_so_that_scikit_learn_accepts_it():
    assert issubclass(UnlabeledError, ValueError)
    assert issubclass(MissingExtraError, ImportError)


@pytest.mark.parametrize("written", ["simclear", "SimCLR", "sim-clr", "SIMCLRR"])
def test_a_near_miss_is_answered_with_the_name_that_was_meant(written):
    assert "did you mean 'simclr'?" in str(unknown_name("method", written, ["byol", "simclr", "rotation"]))


def test_the_suggestion_keeps_the_spelling_of_the_known_name():
    assert "did you mean 'SimCLR'?" in str(unknown_name("class", "simclr2", ["SimCLR"]))


def test_a_name_like_no_other_gets_the_sorted_list_and_no_suggestion():
    message = str(unknown_name("method", "zzzzzz", ["simclr", "byol"]))
    assert message == "unknown method 'zzzzzz'. Known: byol, simclr"


@given(st.text(max_size=30), st.lists(st.text(min_size=1, max_size=10), max_size=5))
def test_every_name_and_every_list_make_a_message(name, known):
    message = str(unknown_name("method", name, known))
    assert repr(name) in message
    assert all(k in message for k in known)


def test_require_gives_the_module():
    import json

    assert require("json", "x") is json


def test_require_names_the_package_and_the_extra():
    with pytest.raises(MissingExtraError, match=r"'no_such_package'.*unlabeled\[maps\]"):
        require("no_such_package.part", "maps")
