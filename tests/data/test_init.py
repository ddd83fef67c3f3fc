from __future__ import annotations

import subprocess
import sys

import pytest

import unlabeled.data


def test_every_public_name_is_there() -> None:
    assert dir(unlabeled.data) == sorted(unlabeled.data.__all__)
    for name in unlabeled.data.__all__:
        assert getattr(unlabeled.data, name).__name__ == name


def test_unknown_names() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Imagse'"):
        _ = unlabeled.data.Imagse  # type: ignore[attr-defined]  # the mistake under test


@pytest.mark.parametrize("name", ["read_labels", "Images"])
def test_light_names_load_neither_torch_nor_pyarrow(name: str) -> None:
    check = f"import sys, unlabeled.data; unlabeled.data.{name}; assert not {{'torch', 'pyarrow'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True)
