"""How every kernel of the library is compiled."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core.registry import cpu_target

ANY_ORDER = frozenset({"reassoc", "contract", "nsz"})
"""For `fastmath`: sums may be taken in any order, and a product and a sum in one rounding."""


def compiled(function: Callable[..., Any], fastmath: frozenset[str] = frozenset()) -> Callable[..., Any]:
    """Compile without the interpreter lock, and keep the machine code on disk where some folder can be written.

    Numba takes its kept code for fresh as long as the kernel's own file is unchanged. But a kernel also contains code
    from other files. After an upgrade, a kernel compiled for the old helpers would run with arrays made by the new
    ones, and write beyond their ends; and types that no longer exist could not be read back. So the kept code belongs
    to one version of all files with kernels, which Numba compares before it reads anything else.
    """
    try:
        kernel = numba.njit(nogil=True, cache=True, fastmath=set(fastmath))(function)
        index = kernel._cache._cache_file
    except (RuntimeError, AttributeError):  # no folder can be written; or a Numba that keeps its code in another way
        return numba.njit(nogil=True, fastmath=set(fastmath))(function)  # type: ignore[no-any-return]  # Numba has no types
    index._version = (index._version, _sources())
    return kernel  # type: ignore[no-any-return]  # Numba has no types


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a part of kernels. It becomes one with each kernel that calls it."""
    return numba.njit(forceinline=True)(function)  # type: ignore[no-any-return]  # Numba has no types


def processor_has(feature: str) -> bool:
    """Tell whether the processor that kernels are compiled for has some instructions, by LLVM's name of them."""
    _, _, features = cpu_target.target_context.codegen().magic_tuple()
    return f"+{feature}" in features.split(",")


@cache
def _sources() -> str:
    """Give a fingerprint of all the package's files in which there may be compiled code."""
    texts = (path.read_bytes() for path in sorted(Path(__file__).parents[1].rglob("*.py")))
    return hashlib.sha256(b"\0".join(text for text in texts if b"numba" in text or b"compiled" in text)).hexdigest()
