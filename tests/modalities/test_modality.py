from __future__ import annotations

import inspect
import re
from dataclasses import fields

import pytest

from unlabeled.modalities import Settings, modalities

OF_METHODS = {"epochs", "usual_length"}
"""What is asked of methods and is no setting of how data are prepared."""


@pytest.mark.parametrize("name", ["image", "vector", "text", "video", "pair"])
def test_a_modality_names_the_settings_that_it_asks_for(name):
    kind = modalities()[name]
    source = inspect.getsource(inspect.getmodule(type(kind)))
    asked = {one or other for one, other in re.findall(r"""getattr\(settings, "(\w+)"|\bsettings\.(\w+)""", source)}
    assert asked - {field.name for field in fields(Settings)} - OF_METHODS <= set(kind.settings)
    assert all(f'"{setting}"' in source for setting in kind.settings)
