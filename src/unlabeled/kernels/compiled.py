"""How every kernel of the library is compiled.

The environment variable ``UNLABELED_SIMD=avx2``, set before Python starts, compiles for a processor like this one but
without AVX-512. It is there for tests and for measuring what most users have; results agree up to rounding.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
from llvmlite import binding
from numba.core.registry import cpu_target

from unlabeled.errors import UnlabeledError, unknown_name

ANY_ORDER = frozenset({"reassoc", "contract", "nsz"})
"""For `fastmath`: sums may be taken in any order, and a product and a sum in one rounding."""


SIMD = "UNLABELED_SIMD"
WIDEST = ("avx2",)


def limit_simd(widest: str | None) -> None:
    """Compile for this processor without the instructions that are wider than these.

    Parameters
    ----------
    widest : "avx2" or None
        None, or an empty string, leaves all.

    Raises
    ------
    UnlabeledError
        For another name, and if Numba has compiled something for the whole processor already.
    """
    if not widest:
        return
    if widest not in WIDEST:
        raise unknown_name(f"value of {SIMD}", widest, WIDEST)
    found = binding.get_host_cpu_features()
    narrow = {name: on and not name.startswith(("avx512", "avx10", "amx")) for name, on in found.items()}
    features = ",".join(f"{'+' if on else '-'}{name}" for name, on in sorted(narrow.items()))
    os.environ["NUMBA_CPU_FEATURES"] = numba.config.CPU_FEATURES = features  # Numba reads its environment again
    if processor_has("avx512f"):
        raise UnlabeledError(f"{SIMD}={widest} comes too late: Numba has compiled something already")


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


limit_simd(os.environ.get(SIMD))
