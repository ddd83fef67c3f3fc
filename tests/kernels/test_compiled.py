import shutil
import subprocess
import sys
from pathlib import Path
from unittest import mock

import numba

import unlabeled
from unlabeled.kernels.compiled import compiled

HELPER = """\
from typing import NamedTuple
import numba

class Pair{0}(NamedTuple):
    x: int

pair = Pair{0}(1)

@numba.njit(forceinline=True)
def helper(x):
    return x + {0}
"""
KERNEL = """\
from unlabeled.kernels.compiled import compiled
from unlabeled.helper import helper, pair

@compiled
def kernel(pair):
    return 10 * helper(pair.x)

print(kernel(pair), len(kernel.stats.cache_hits))
"""


def test_compiles_without_a_cache_folder():
    def add(a, b):
        return a + b

    real = numba.njit

    def no_cache(*, cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return real(**options)

    with mock.patch.object(numba, "njit", no_cache):
        function = compiled(add)
    assert function(1, 2) == 3


def test_kept_code_is_used_again_but_not_after_a_change_of_another_kernel_file(tmp_path):
    # The change renames a type too, so what was kept cannot even be read back.
    package = tmp_path / "unlabeled"
    (package / "kernels").mkdir(parents=True)
    for name in ("__init__.py", "kernels/__init__.py", "kernels/compiled.py"):
        shutil.copy(Path(unlabeled.__file__).parent / name, package / name)
    (package / "kernel.py").write_text(KERNEL)

    def run(constant):
        (package / "helper.py").write_text(HELPER.format(constant))
        command = [sys.executable, "-m", "unlabeled.kernel"]
        return subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout.split()

    assert run(1) == ["20", "0"]
    assert run(1) == ["20", "1"]
    assert run(5) == ["60", "0"]
