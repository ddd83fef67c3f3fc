import json
from importlib import import_module

import numpy as np
import pytest

from unlabeled.data import Vectors
from unlabeled.explore import near_duplicates
from unlabeled.runs import Embeddings, duplicates_note, oddities


def odd(embeddings, content=None):
    """Find oddities of embeddings whose content is as given, or the vectors themselves."""
    return oddities(embeddings, Vectors(embeddings.vectors if content is None else content))


@pytest.fixture
def embeddings():
    """Rows that all have a large part in common, of which row 7 is a copy of row 3 and row 11 is far from all."""
    vectors = np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32)
    vectors[7] = vectors[3]
    vectors += 30
    vectors[11] = 30 * np.array([1, -1] * 4)
    return Embeddings([f"{row}.png" for row in range(40)], vectors)


def test_a_copy_is_found_although_all_vectors_are_alike(embeddings):
    found = odd(embeddings)["near_duplicates"]
    assert found["compared"] == 40
    assert (len(found["nearest"]), found["pairs"]) == (1, 1)
    assert found["nearest"][0]["ids"] == ["3.png", "7.png"]
    assert found["nearest"][0]["cosine"] == pytest.approx(1)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_neither_an_offset_nor_a_low_rank_makes_a_copy(scale):
    rng = np.random.default_rng(0)
    low = rng.normal(size=(300, 2)) @ rng.normal(size=(2, 64)) + 0.05 * rng.normal(size=(300, 64)) + 5
    low[200:205] = low[100:105] + 1e-4 * rng.normal(size=(5, 64))  # five copies, each stored anew with a loss
    names = [str(row) for row in range(300)]
    found = odd(Embeddings(names, (scale * low).astype(np.float32)))["near_duplicates"]
    assert {tuple(pair["ids"]) for pair in found["nearest"]} == {(str(100 + i), str(200 + i)) for i in range(5)}
    # Their cosines alone would not tell: those of hundreds of other pairs are above 0.99 as well.
    assert len(near_duplicates(low, 0.99)[0]) > 500


def test_a_pair_of_other_content_is_called_look_alikes(embeddings):
    content = np.random.default_rng(1).normal(size=(40, 5))
    found = odd(embeddings, content)
    pair = found["near_duplicates"]["nearest"][0]
    assert (pair["ids"], pair["copy"]) == (["3.png", "7.png"], False)
    assert duplicates_note(found) == (
        "No near-duplicates among 40 instances; 1 pair of look-alikes, near to the encoder but of other content, "
        "such as 3.png and 7.png"
    )
    content[7] = content[3] * 1.0001  # as stored anew with a loss
    found = odd(embeddings, content)["near_duplicates"]
    assert (found["pairs"], found["look_alikes"], found["checked"]) == (1, 0, 1)


def test_copies_of_one_image_alone_are_all_copies():
    found = odd(Embeddings(list("abcd"), np.ones((4, 8), np.float32) * np.arange(1, 9, dtype=np.float32)))
    assert found["near_duplicates"]["compared"] == 4
    json.dumps(found)


def test_the_farthest_comes_first(embeddings):
    found = odd(embeddings)["outliers"]
    assert len(found) == 12
    assert found[0]["id"] == "11.png"
    distances = [outlier["distance"] for outlier in found]
    assert distances == sorted(distances, reverse=True)
    assert distances[0] > 0.5 > distances[1]


def test_of_many_some_are_compared(embeddings, monkeypatch):
    monkeypatch.setattr(import_module("unlabeled.runs.grouping.oddities"), "MAX_ROWS", 20)
    found = odd(embeddings)
    assert found["near_duplicates"]["compared"] == 20
    assert {outlier["id"] for outlier in found["outliers"]} <= set(embeddings.ids)
    assert found == odd(embeddings)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_few_instances_are_enough(rows):
    found = odd(Embeddings([str(row) for row in range(rows)], np.eye(rows, 4, dtype=np.float32)))
    assert (len(found["outliers"]), found["near_duplicates"]["pairs"]) == (rows, 0)


def test_what_is_found_is_json_and_is_put_in_words(embeddings):
    found = json.loads(json.dumps(odd(embeddings)))
    assert duplicates_note(found) == ("1 pair of near-duplicates among 40 instances, such as 3.png and 7.png")
    found["near_duplicates"] |= {"pairs": 0, "nearest": [], "look_alikes": 0}
    assert duplicates_note(found) == "No near-duplicates among 40 instances"
