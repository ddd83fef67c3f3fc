from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from PIL import Image
from pyarrow import csv

from unlabeled.errors import UnlabeledError
from unlabeled.runs import Embeddings, find_outliers, write_embeddings


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(0, 1, (98, 3)), [[9, 9, 9], [-8, 9, -8]]])


@pytest.mark.parametrize("method", ["mixture", "neighbours"])
def test_the_table_ranks_all_and_names_the_nearest_normal(rows, method, tmp_path):
    found = find_outliers(rows, tmp_path / "o.parquet", top=5, contamination=0.02, method=method)
    table = pq.read_table(tmp_path / "o.parquet").to_pydict()
    assert set(table["id"][:2]) == {"98", "99"}
    assert sorted(table["id"], key=int) == [str(i) for i in range(100)]
    assert table["score"] == sorted(table["score"])
    assert table["outlier"] == [True, True] + [False] * 98
    assert all(score < found["threshold"] for score in table["score"][:2])
    assert table["normal"][5:] == [None] * 95
    for name, normal, distance in zip(table["id"][:5], table["normal"], table["distance"], strict=False):
        lengths = np.linalg.norm(rows - rows[int(name)], axis=1)
        lengths[[98, 99, int(name)]] = np.inf
        assert int(normal) == lengths.argmin()
        assert distance == pytest.approx(lengths.min(), rel=1e-4)
    assert [entry["id"] for entry in found["outliers"]] == table["id"][:5]
    assert found["n_outliers"] == 2
    with Image.open(tmp_path / "o.png") as picture:
        assert picture.width > 500


def test_every_outlier_has_a_neighbour_though_fewer_are_shown(rows, tmp_path):
    found = find_outliers(rows, tmp_path / "o.parquet", top=1, contamination=0.1)
    table = pq.read_table(tmp_path / "o.parquet").to_pydict()
    assert found["n_outliers"] == 10
    assert len(found["outliers"]) == 1
    assert [normal is not None for normal in table["normal"]] == [True] * 10 + [False] * 90


def test_rows_of_a_table_say_what_is_unusual(tmp_path):
    rng = np.random.default_rng(0)
    lines = ["id,pulse,ward", *(f"p{i},{rng.normal(70, 4):.0f},{'AB'[i % 2]}" for i in range(60)), "odd,190,A"]
    (tmp_path / "x.csv").write_text("\n".join(lines))
    first = find_outliers(tmp_path / "x.csv", tmp_path / "o.csv", top=2)["outliers"][0]
    assert (first["id"], first["outlier"]) == ("odd", True)
    assert first["unusual"].startswith("pulse 190 (")
    assert "ward A (51%)" in first["unusual"]


def test_images_stand_beside_their_nearest_normal_one(rows, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(100):
        side = 8 if number % 2 else 16  # of different sizes
        Image.new("RGB", (side, side), (0, 0, 255) if number < 98 else (255, 0, 0)).save(folder / f"{number}.png")
    write_embeddings(Embeddings([f"{i}.png" for i in range(100)], rows.astype(np.float32)), tmp_path / "v.parquet")
    find_outliers(tmp_path / "v.parquet", tmp_path / "o.csv", top=2, contamination=0.02, scale="none", images=folder)
    with Image.open(tmp_path / "o.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    red, blue = ((pixels == colour).all(axis=2) for colour in ([255, 0, 0], [0, 0, 255]))
    assert red.sum() > 1000
    assert blue.sum() > 1000
    assert np.flatnonzero(red.any(axis=0)).min() < np.flatnonzero(blue.any(axis=0)).min()
    assert np.flatnonzero(red.any(axis=0)).max() < np.flatnonzero(blue.any(axis=0)).max()


def test_two_rows_are_enough(tmp_path):
    found = find_outliers([[0.0], [1.0]], tmp_path / "o.csv", contamination=0.5)
    assert len(found["outliers"]) == 2


@pytest.mark.parametrize(
    ("out", "options", "says"),
    [
        ("o.json", {}, "ends in .parquet or .csv"),
        ("x.csv", {}, "is what is read"),
        ("o.csv", {"picture": "x.csv"}, "ends in .png"),
        ("o.csv", {"contamination": 0.7}, "at most 0.5"),
        ("o.csv", {"k": 500}, "less than the 3 rows"),
    ],
)
def test_what_cannot_be_done_is_refused(out, options, says, tmp_path):
    (tmp_path / "x.csv").write_text("a,b\n1,2\n3,4\n5,9\n")
    with pytest.raises(UnlabeledError, match=says):
        find_outliers(tmp_path / "x.csv", tmp_path / out, **options)
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]


def test_reasons_stand_in_the_table(tmp_path):
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"age": random.normal(40, 5, 200), "plan": ["free", "pro"] * 100})
    frame.loc[7, "age"] = 99.0
    frame.loc[11, "plan"] = "gold"
    find_outliers(frame, tmp_path / "o.csv", top=5, contamination=0.01)
    table = csv.read_csv(tmp_path / "o.csv").to_pydict()
    reasons = dict(zip(table["id"], table["reason"], strict=True))
    assert reasons[7].startswith("age 99 (40")
    assert reasons[11].startswith("plan gold (0%)")
    assert sum(bool(reason) for reason in table["reason"]) == 5
    find_outliers(np.r_[random.normal(size=(99, 2)), [[0, 9]]], tmp_path / "v.csv", top=1)
    assert csv.read_csv(tmp_path / "v.csv")["reason"][0].as_py().startswith("column 1 9 (")
