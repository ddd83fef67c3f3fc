"""Learn from data nobody labelled.

Every public name is imported when it is first used, so that ``import unlabeled`` is quick. A name is found by the
project's own rule: one noun a file, and the file is named after it (`SimCLR` lives in ``simclr.py``).
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

__version__ = "0.1.0"

NOUNS = (
    *("Corpus", "Detector", "Documents", "Images", "NeighbourGraph", "Run", "Vectors", "WordVectors"),
    *("compare", "conditional_probabilities", "cooccurrence", "elbow", "expectation_maximisation", "label_dataset"),
    *("fine_tune", "merge_clusters", "transfer"),
)
"""What one works with beside the methods; `make stubs` tells type checkers and editors of both."""

_HERE = Path(__file__).parent


def _modules() -> dict[str, str]:
    """Map a noun, in lower case without underscores, to the module that holds it; the command line holds verbs."""
    found = {}
    for path in sorted(_HERE.rglob("*.py")):
        if not path.stem.startswith("_") and path.relative_to(_HERE).parts[0] != "cli":
            found[path.stem.replace("_", "")] = ".".join(("unlabeled", *path.relative_to(_HERE).with_suffix("").parts))
    return found


def load(path: Any) -> Any:
    """Load a fitted estimator saved by `save`, whatever its class (see `unlabeled.registry.load`)."""
    from unlabeled.registry import load

    return load(path)


def __getattr__(name: str) -> Any:
    if name == "__all__":  # asked for by `from unlabeled import *`, which brings the methods and the nouns
        from unlabeled.registry import methods

        return sorted([*(cls.__name__ for cls in methods().values()), *NOUNS, "load"])
    if (_HERE / name / "__init__.py").exists():
        return import_module(f"unlabeled.{name}")
    module = None if name.startswith("_") else _modules().get(name.replace("_", "").lower())
    if module is not None and hasattr(found := import_module(module), name):
        return getattr(found, name)
    raise AttributeError(f"module 'unlabeled' has no attribute {name!r}")


def __dir__() -> list[str]:
    from unlabeled.registry import methods

    return sorted([*globals(), *(cls.__name__ for cls in methods().values()), *NOUNS])
