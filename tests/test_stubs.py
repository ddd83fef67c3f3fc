"""What type checkers see of the package is what is there when it runs."""

import ast
import importlib
import runpy
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import unlabeled
from unlabeled.registry import methods

PROJECT = Path(__file__).parents[1]
STUB = PROJECT / "src" / "unlabeled" / "__init__.pyi"


def test_the_stub_is_what_make_stubs_writes():
    made = runpy.run_path(str(PROJECT / "tools" / "stubs.py"))["stub"]()
    assert STUB.read_text(encoding="utf-8") == made, "run: make stubs"


def test_every_name_of_the_stub_is_there_and_no_method_is_missing():
    promised = {}
    for node in ast.parse(STUB.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module.startswith("unlabeled"):
            promised |= {alias.asname: (node.module, alias.name) for alias in node.names}
    for name, (module, original) in promised.items():
        assert getattr(unlabeled, name) is getattr(importlib.import_module(module), original)
    assert promised.keys() >= {cls.__name__ for cls in methods().values()} | {"Images", "Run", "data", "losses"}


@pytest.mark.slow
def test_mypy_knows_a_method_by_the_name_a_user_imports(tmp_path):
    (tmp_path / "user.py").write_text(
        textwrap.dedent("""
            import unlabeled
            from unlabeled import Images, SimCLR, data
            reveal_type(unlabeled.SimCLR)
            reveal_type(SimCLR(epochs=3).fit([]))
            reveal_type(Images("photos"))
            reveal_type(data.Vectors)
            SimCLR(epochs="three")
            unlabeled.SimCRL
        """)
    )
    command = [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", str(tmp_path / "user.py")]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=900, check=False)
    said = [line.split(": ", 1)[1] for line in done.stdout.splitlines() if "user.py" in line]
    assert len(said) == 6, done.stdout
    assert all("unlabeled.methods.contrastive.simclr.SimCLR" in line for line in said[:2])
    assert "unlabeled.data.image.images.Images" in said[2]
    assert "unlabeled.data.vectors.Vectors" in said[3]
    assert 'has incompatible type "str"; expected "int"' in said[4]
    assert 'has no attribute "SimCRL"; maybe "SimCLR"?' in said[5]
