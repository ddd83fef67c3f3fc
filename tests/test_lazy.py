"""Packages whose names are imported when they are first used."""

from __future__ import annotations

import importlib
import subprocess
import sys
import types

import pytest

import unlabeled
from unlabeled.methods import mixture, words
from unlabeled.registry import methods


def in_a_new_process(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_every_method_is_a_name_of_its_folder():
    for cls in methods().values():
        folder = importlib.import_module(".".join(cls.__module__.split(".")[:3]))  # unlabeled.methods.<principle>
        assert getattr(folder, cls.__name__) is cls
        assert cls.__name__ in dir(folder)


def test_word_methods_are_imported_by_name_without_torch_and_scikit_learn():
    code = """
import sys
from unlabeled.methods.words import CBOW, GloVe, OneHot, SkipGram, WordVectors
assert SkipGram.__name__ == "SkipGram"
print(sorted({"torch", "sklearn", "pandas", "matplotlib"} & sys.modules.keys()))
"""
    assert in_a_new_process(code) == "[]"


def test_files_remain_modules():
    from unlabeled.methods.words import glove, word_vectors

    assert isinstance(glove, types.ModuleType)
    assert word_vectors.WordVectors is words.WordVectors


@pytest.mark.parametrize("name", ["SkipGramm", "skipgram", "Mixture", "__wrapped__"])
def test_what_is_not_there_is_an_attribute_error(name):
    for package in (words, mixture):
        with pytest.raises(AttributeError, match=f"has no attribute '{name}'"):
            getattr(package, name)


def test_nouns_are_names_of_the_package():
    from unlabeled import conditional_probabilities, expectation_maximisation

    assert callable(conditional_probabilities)
    assert callable(expectation_maximisation)
    assert {"conditional_probabilities", "expectation_maximisation"} <= set(dir(unlabeled))


def test_a_function_keeps_its_place_when_the_file_named_like_it_is_imported():
    code = """
import unlabeled.runs
from unlabeled.runs.grouping.topics import topics as first
from unlabeled.runs import topics, cluster
from unlabeled.runs.grouping.cluster import cluster as second
assert topics is first and cluster is second
assert unlabeled.runs.topics is first and unlabeled.runs.cluster is second
from unlabeled.runs.grouping import write_table
print(type(write_table).__name__)
"""
    assert in_a_new_process(code) == "module"


def test_every_name_a_package_promises_is_there():
    from unlabeled import data, runs

    for package in (data, runs):
        assert set(package.__all__) == set(dir(package))
        assert all(getattr(package, name).__module__.startswith(package.__name__) for name in package.__all__)
