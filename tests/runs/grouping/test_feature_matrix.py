"""What is compared: every kind of source opened, scaled, and described."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from unlabeled.errors import UnlabeledError
from unlabeled.files import write_json
from unlabeled.runs import Embeddings, open_rows, write_embeddings

TEXTS = ["the frog and the toad", "a toad by the pond", "the king on his throne", "a queen and a king"]


@pytest.fixture
def vectors():
    return np.random.default_rng(0).normal(5, 2, (12, 3)).astype(np.float32)


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(12):
        Image.new("RGB", (8, 8), (20 * number, 0, 0)).save(folder / f"{number}.png")
    return folder


def lengths(array):
    return np.linalg.norm(array, axis=1)


def test_arrays_are_taken_as_they_are(vectors, tmp_path):
    np.save(tmp_path / "x.npy", vectors)
    for source in (vectors, tmp_path / "x.npy"):
        rows = open_rows(source)
        assert (rows.array == vectors).all()
        assert rows.ids[:2] == ["0", "1"]
        assert rows.said == []


def test_embeddings_count_by_direction(vectors, tmp_path):
    labels = np.array([0, 1, -1] * 4)
    write_embeddings(
        Embeddings([f"{i}.png" for i in range(12)], vectors, labels, ["cat", "dog"]), tmp_path / "v.parquet"
    )
    rows = open_rows(tmp_path / "v.parquet")
    np.testing.assert_allclose(rows.array, vectors / lengths(vectors)[:, None], rtol=1e-6)
    assert (rows.labels == labels).all()
    assert rows.ids[3] == "3.png"
    assert "their direction counts" in rows.said[0]


@pytest.mark.parametrize("scale", ["unit", "standard", "none"])
def test_any_scale_may_be_asked_for(vectors, scale):
    array = open_rows(vectors, scale=scale).array
    if scale == "unit":
        np.testing.assert_allclose(lengths(array), 1, rtol=1e-6)
    elif scale == "standard":
        np.testing.assert_allclose([array.mean(axis=0), array.std(axis=0)], [[0] * 3, [1] * 3], atol=1e-6)
    else:
        assert (array == vectors).all()


def test_a_table_is_standardised_and_stays_at_hand(tmp_path):
    (tmp_path / "x.csv").write_text("id,age,sex,name\na,20,f,\nb,40,m,\n")
    for source in (tmp_path / "x.csv", pd.read_csv(tmp_path / "x.csv")):
        rows = open_rows(source)
        np.testing.assert_allclose(rows.array, [[-1, 0.5**0.5, 0], [1, 0, 0.5**0.5]], rtol=1e-6)
        assert rows.table.numbers["age"].tolist() == [20, 40]
        assert any("'name' is left out" in sentence for sentence in rows.said)
    assert open_rows(tmp_path / "x.csv", scale="none").array[:, 0].tolist() == [20, 40]


def test_documents_become_directions_of_weighed_words(tmp_path):
    folder = tmp_path / "docs"
    folder.mkdir()
    for number, text in enumerate(TEXTS):
        (folder / f"{number}.txt").write_text(text)
    (tmp_path / "lines.txt").write_text("\n".join(TEXTS))
    pd.DataFrame({"text": TEXTS, "n": range(4)}).to_csv(tmp_path / "x.csv", index=False)
    found = [
        open_rows(folder),
        open_rows(tmp_path / "lines.txt"),
        open_rows(tmp_path / "x.csv", column="text"),
    ]
    for rows in found:
        np.testing.assert_allclose(lengths(rows.array), 1, rtol=1e-5)
        likeness = rows.array @ rows.array.T
        assert likeness[0, 1] > likeness[0, 2]
        assert likeness[2, 3] > likeness[0, 3]
        assert "toad" in rows.words
        assert rows.weights.shape == (4, len(rows.words))
    assert found[0].ids == ["0.txt", "1.txt", "2.txt", "3.txt"]


def test_images_may_be_shown_by_their_ids(vectors, photos, tmp_path):
    write_embeddings(Embeddings([f"{i}.png" for i in range(12)], vectors), tmp_path / "v.parquet")
    assert len(open_rows(tmp_path / "v.parquet", images=photos).images) == 12
    with pytest.raises(UnlabeledError, match=r"12 of the 12 ids are no images in .*photos, such as '0'"):
        open_rows(vectors, images=photos)
    with pytest.raises(UnlabeledError, match="holds no images to show"):
        open_rows(tmp_path / "v.parquet", images=tmp_path / "v.parquet")


def test_a_run_gives_its_embeddings_and_images(vectors, photos, tmp_path):
    run = tmp_path / "run"
    embeddings = Embeddings([f"{i}.png" for i in range(12)], vectors, np.array([0, 1] * 6), ["cat", "dog"])
    write_embeddings(embeddings, run / "embeddings.parquet")
    write_json(run / "run.json", {"complete": True, "recipe": {"method": "simclr"}, "source": str(photos)})
    rows = open_rows(run)
    np.testing.assert_allclose(rows.array, open_rows(run / "embeddings.parquet").array)
    assert (rows.ids, rows.labels.tolist()) == (embeddings.ids, embeddings.labels.tolist())
    assert set(rows.images.ids) == set(rows.ids)
    photos.rename(tmp_path / "elsewhere")
    moved = open_rows(run)
    assert moved.images is None
    assert "no longer at" in moved.said[0]
    assert len(open_rows(run, images=tmp_path / "elsewhere").images) == 12
    write_json(run / "run.json", {"complete": False, "recipe": {"method": "simclr"}})
    with pytest.raises(UnlabeledError, match="was not finished"):
        open_rows(run)


def test_what_cannot_be_compared_is_refused(vectors, photos, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "x.csv").write_text("a,b\n1,2\n3,4\n")
    (tmp_path / "damaged.parquet").write_text("PAR1 no")
    vectors[4, 1] = np.nan
    for source, says in (
        (tmp_path / "nowhere.csv", "does not exist"),
        (tmp_path / "empty", "is empty"),
        (photos, "unlabeled learn"),
        (photos / "0.png", "unlabeled segment"),
        (tmp_path / "damaged.parquet", "cannot read .*damaged"),
        (vectors, "nan in row 4, column 1"),
    ):
        with pytest.raises(UnlabeledError, match=says):
            open_rows(source)
    with pytest.raises(UnlabeledError, match="no column 'txt'"):
        open_rows(tmp_path / "x.csv", column="txt")
    with pytest.raises(UnlabeledError, match="did you mean 'standard'"):
        open_rows(tmp_path / "x.csv", scale="standrad")


def test_lists_of_different_length_are_named(tmp_path):
    pq.write_table(pa.table({"id": ["a", "b"], "vector": [[1.0, 2.0], [3.0]]}), tmp_path / "x.parquet")
    with pytest.raises(UnlabeledError, match="of one length"):
        open_rows(tmp_path / "x.parquet")
