"""Words in the verbs for embeddings: files and folders of models, with the words as ids."""

from __future__ import annotations

import gzip

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import adjusted_rand_score

from unlabeled import SkipGram, WordVectors
from unlabeled.errors import UnlabeledError
from unlabeled.runs import assign, cluster, find_outliers
from unlabeled.runs.embedded_words import holds_words, open_embeddings, open_words


@pytest.fixture
def vectors():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(3), 20)
    rows = rng.normal(size=(3, 8))[groups] * 3 + 0.1 * rng.normal(size=(60, 8))
    return WordVectors([f"word{i}of{group}" for i, group in enumerate(groups)], rows.astype(np.float32))


@pytest.mark.parametrize("name", ["w.vec", "w.bin", "w.safetensors", "w.vec.gz", "model"])
def test_words_are_ids_wherever_they_come_from(vectors, name, tmp_path):
    path = tmp_path / name
    if name == "model":
        model = SkipGram(dim=8, epochs=1, min_count=1, subsample=None, progress=False).fit(
            ["frog toad pond frog toad pond"]
        )
        model.save(path)
        vectors = model.vectors_
    elif name.endswith(".gz"):
        vectors.save(tmp_path / "w.vec")
        path.write_bytes(gzip.compress((tmp_path / "w.vec").read_bytes()))
    else:
        vectors.save(path)
    assert holds_words(path)
    embeddings, remarks = open_embeddings(path, limit=2)
    assert (embeddings.ids, remarks) == (list(vectors.words[:2]), [])
    np.testing.assert_allclose(embeddings.vectors, vectors.vectors[:2], rtol=1e-5)


def test_clusters_and_outliers_of_words(vectors, tmp_path):
    vectors.save(tmp_path / "w.vec")
    found = cluster(tmp_path / "w.vec", tmp_path / "c.parquet", k=3, limit=50)
    table = pq.read_table(tmp_path / "c.parquet").to_pydict()
    assert table["id"] == list(vectors.words[:50])
    assert adjusted_rand_score([word[-1] for word in table["id"]], table["cluster"]) == 1
    assert find_outliers(tmp_path / "w.vec", tmp_path / "o.csv", top=1)["outliers"][0]["id"] in vectors.words
    again = assign(found["model"], tmp_path / "w.vec", tmp_path / "n.parquet")
    assert again["rows"] == 60
    assert pq.read_table(tmp_path / "n.parquet").to_pydict()["cluster"][:50] == table["cluster"]


def test_what_loading_warns_of_is_said(tmp_path):
    (tmp_path / "w.vec").write_text("3 2\na 1 0\nb 0 1\na 5 5\n")
    vectors, remarks = open_words(tmp_path / "w.vec")
    assert list(vectors.words) == ["a", "b"]
    assert any("a" in remark for remark in remarks)
    said = cluster(tmp_path / "w.vec", tmp_path / "c.csv", k=1)["said"]
    assert remarks[0] in said


def test_a_limit_is_for_words(tmp_path):
    (tmp_path / "texts.txt").write_text("a frog\na toad\n")
    for refused in (
        lambda: cluster(tmp_path / "texts.txt", tmp_path / "c.csv", k=1, limit=5),
        lambda: cluster([[0, 1], [2, 3]], tmp_path / "c.csv", k=1, limit=5),
        lambda: open_embeddings(tmp_path, limit=5),
    ):
        with pytest.raises(UnlabeledError, match="a limit is for word vectors"):
            refused()
