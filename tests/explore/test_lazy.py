import subprocess
import sys


def test_importing_explore_loads_nothing_heavy():
    script = """
import sys, unlabeled.explore
assert not {"matplotlib", "openTSNE", "sklearn", "PIL", "torch", "numba"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", script], check=True)
