import re
from types import SimpleNamespace

import numpy as np
import pytest

from unlabeled.errors import UnlabeledError
from unlabeled.setting_checks import check_whole_number, check_whole_settings


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
