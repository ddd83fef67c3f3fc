import shutil
import subprocess
import sys
from pathlib import Path
from unittest import mock

import numba

import unlabeled
from unlabeled.kernels.compiled import compiled

HELPER = "import numba\n\n@numba.njit(forceinline=True)\ndef helper(x):\n    return x + {}\n"
KERNEL = """\
from unlabeled.kernels.compiled import compiled
from unlabeled.helper import helper

@compiled
def kernel(x):
    return 10 * helper(x)

print(kernel(1), len(kernel.stats.cache_hits))
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
