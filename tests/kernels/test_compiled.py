import os
import shutil
import subprocess
import sys
from pathlib import Path
from unittest import mock

import numba
import numpy as np
import pytest

import unlabeled
from unlabeled.kernels.compiled import compiled, processor_has

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
    for name in ("__init__.py", "errors.py", "kernels/__init__.py", "kernels/compiled.py"):
        shutil.copy(Path(unlabeled.__file__).parent / name, package / name)
    (package / "kernel.py").write_text(KERNEL)

    def run(constant):
        (package / "helper.py").write_text(HELPER.format(constant))
        command = [sys.executable, "-m", "unlabeled.kernel"]
        return subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout.split()

    assert run(1) == ["20", "0"]
    assert run(1) == ["20", "1"]
    assert run(5) == ["60", "0"]


def in_new_process(code, simd):
    """Run Python with `UNLABELED_SIMD`; give what it printed."""
    environment = os.environ | {"UNLABELED_SIMD": simd}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    return done.stdout, done.stderr


HAS = "from unlabeled.kernels.compiled import processor_has as has; print(*map(has, ('avx2', 'avx512f', 'avx512vnni')))"
avx512 = pytest.mark.skipif(not processor_has("avx512f"), reason="the processor has no AVX-512 to be left out")


@avx512
def test_avx512_is_left_out_on_demand():
    assert in_new_process(HAS, "")[0].startswith("True True")
    assert in_new_process(HAS, "avx2")[0] == "True False False\n"


def test_a_simd_that_is_unknown_or_too_late_is_refused():
    assert "unknown value of UNLABELED_SIMD 'sse9'" in in_new_process(HAS, "sse9")[1]
    if processor_has("avx512f"):
        early = "import numba; numba.njit(lambda x: x)(1); " + HAS
        assert "UNLABELED_SIMD=avx2 comes too late" in in_new_process(early, "avx2")[1]


FITS = """
import sys
import numpy as np
from unlabeled import PLSA, GaussianMixture, GloVe, KMeans, LatentDirichletAllocation, SkipGram

rng = np.random.default_rng(0)
X = np.concatenate([rng.normal(place, 1, (3000, 40)) for place in (0, 5, 9)]).astype(np.float32)
words = np.array([f"w{i}" for i in range(40)])
texts = [" ".join(rng.choice(words[:20] if i % 2 else words[20:], 30)) for i in range(60)]
quiet = {"progress": False, "random_state": 0}
words_settings = {"dim": 24, "epochs": 2, "min_count": 1, **quiet}
settings = {"deterministic": True, **words_settings}
np.savez(
    sys.argv[1],
    kmeans=KMeans(20, **quiet).fit(X).cluster_centers_,
    gaussian=GaussianMixture(3, **quiet).fit(X).means_,
    plsa=PLSA(2, stop_words=None, **quiet).fit(texts).components_,
    lda=LatentDirichletAllocation(2, stop_words=None, max_iter=20, **quiet).fit(texts).components_,
    skip_gram=SkipGram(subsample=None, **settings).fit(texts).vectors_.vectors,
    hierarchical=SkipGram(loss="hierarchical", subsample=None, **settings).fit(texts).vectors_.vectors,
    full=SkipGram(loss="full", subsample=None, **settings).fit(texts).vectors_.vectors,
    glove=GloVe(workers=1, **words_settings).fit(texts).vectors_.vectors,
)
"""


@pytest.mark.slow
@avx512
def test_fits_without_avx512_agree_to_rounding(tmp_path):
    for name, simd in (("wide", ""), ("narrow", "avx2")):
        _, error = in_new_process(f"import sys; sys.argv[1:] = [{str(tmp_path / name)!r}]; {FITS}", simd)
        assert (tmp_path / f"{name}.npz").exists(), error
    with np.load(tmp_path / "wide.npz") as wide, np.load(tmp_path / "narrow.npz") as narrow:
        for fit in wide.files:
            # Sums are taken in the same order, so most are equal bit for bit; where a product and a sum become one
            # rounding or the screening by bytes is left out, float32 rounding of 6e-8 adds up over some hundred steps.
            np.testing.assert_allclose(narrow[fit], wide[fit], rtol=1e-3, atol=1e-4, err_msg=fit)
