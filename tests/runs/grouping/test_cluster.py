from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from PIL import Image
from sklearn.metrics import adjusted_rand_score

from unlabeled.errors import UnlabeledError
from unlabeled.runs import Embeddings, assign, cluster, write_embeddings


@pytest.fixture
def groups():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [30, 20, 10])
    return np.eye(3, 5)[labels] * 4 + 0.1 * rng.normal(size=(60, 5)), labels


@pytest.mark.parametrize("method", ["kmeans", "mixture"])
def test_the_table_says_who_is_where(groups, method, tmp_path):
    found = cluster(groups[0], tmp_path / "c.parquet", method=method)
    table = pq.read_table(tmp_path / "c.parquet").to_pydict()
    assert table["id"] == [str(i) for i in range(60)]
    assert table["cluster"] == groups[1].tolist()
    assert [group["size"] for group in found["clusters"]] == [30, 20, 10]
    assert (found["k"], found["rows"]) == (3, 60)
    assert all(0 < distance < 2 for distance in table["distance"])
    if method == "mixture":
        assert min(table["probability"]) > 0.99
    else:
        assert "probability" not in table
    with Image.open(tmp_path / "c.png") as picture:
        assert picture.width > 500
    nearest = sorted(range(30), key=lambda row: table["distance"][row])[:10]
    assert found["clusters"][0]["examples"] == [str(row) for row in nearest]


def test_the_same_seed_gives_the_same_bytes(groups, tmp_path):
    for name in ("a", "b"):
        cluster(groups[0], tmp_path / f"{name}.csv", k=4, random_state=3)
    for ending in (".csv", ".png"):
        assert (tmp_path / f"a{ending}").read_bytes() == (tmp_path / f"b{ending}").read_bytes()


def test_labels_judge_and_do_not_take_part(groups, tmp_path):
    vectors, labels = groups
    write_embeddings(
        Embeddings([str(i) for i in range(60)], vectors.astype(np.float32), labels, ["x", "y", "z"]),
        tmp_path / "v.parquet",
    )
    judged = cluster(tmp_path / "v.parquet", tmp_path / "c.csv", k=3)
    assert judged["agreement"]["nmi"] == pytest.approx(1)
    assert judged["agreement"]["n_classes"] == 3
    assert "agreement" not in cluster(vectors, tmp_path / "c2.csv", k=3)


def test_segments_of_customers_are_described_by_their_values(tmp_path):
    rng = np.random.default_rng(0)
    lines = ["customer_id,age,plan"]
    lines += [f"{i},{rng.normal(25, 2):.1f},free" for i in range(40)]
    lines += [f"{i},{rng.normal(70, 2):.1f},pro" for i in range(40, 60)]
    (tmp_path / "customers.csv").write_text("\n".join(lines))
    found = cluster(tmp_path / "customers.csv", tmp_path / "c.csv")
    assert found["k"] == 2
    young, old = found["clusters"]
    assert (young["size"], old["size"]) == (40, 20)
    assert "plan free 100% (67%)" in young["typical"]
    assert "plan pro 100% (33%)" in old["typical"]
    age = next(trait for trait in old["profile"] if trait["column"] == "age")
    assert age["here"] == pytest.approx(70, abs=2)
    assert age["deviations"] > 1


def test_documents_are_described_by_their_words(tmp_path):
    texts = ["frog toad pond", "toad newt pond", "pond frog newt", "king queen throne", "queen king crown"] * 4
    (tmp_path / "texts.txt").write_text("\n".join(texts))
    found = cluster(tmp_path / "texts.txt", tmp_path / "c.csv", k=2)
    ponds, kings = found["clusters"]
    assert (ponds["size"], kings["size"]) == (12, 8)
    assert set(ponds["words"]) == {"frog", "toad", "pond", "newt"}
    assert set(kings["words"][:2]) == {"king", "queen"}


def test_images_show_their_clusters(groups, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, label in enumerate(groups[1]):
        Image.new("RGB", (8, 8), (255 * (label == 0), 255 * (label == 1), 255 * (label == 2))).save(
            folder / f"{number}.png"
        )
    embeddings = Embeddings([f"{i}.png" for i in range(60)], groups[0].astype(np.float32))
    write_embeddings(embeddings, tmp_path / "v.parquet")
    cluster(tmp_path / "v.parquet", tmp_path / "c.parquet", k=3, images=folder)
    with Image.open(tmp_path / "c.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    rows = [np.flatnonzero((pixels == colour).all(axis=2).any(axis=1)) for colour in np.eye(3, dtype=int) * 255]
    assert rows[0].max() < rows[1].min()
    assert rows[1].max() < rows[2].min()


def test_a_plot_of_two_columns_is_of_them_and_of_one_row_too(tmp_path):
    cluster([[0, 1], [2, 3], [0, 2]], tmp_path / "c.csv", k=2)
    cluster([[5.0]], tmp_path / "one.csv")
    assert (tmp_path / "one.png").exists()


@pytest.mark.parametrize(
    ("out", "options", "says"),
    [
        ("c.txt", {}, "ends in .parquet or .csv"),
        ("v.parquet", {}, "is what is read"),
        ("c.csv", {"k": 2, "picture": "c.jpg"}, "ends in .png"),
        ("c.csv", {"k": 99}, "99 clusters of only 60 rows"),
        ("c.csv", {"k": 0}, "at least 1"),
        ("c.csv", {"method": "kmean"}, "did you mean 'kmeans'"),
        ("v.parquet/c.csv", {"k": 2}, "cannot be written"),
    ],
)
def test_what_cannot_be_done_is_refused_and_leaves_nothing(groups, out, options, says, tmp_path):
    embeddings = Embeddings([str(i) for i in range(60)], groups[0].astype(np.float32))
    write_embeddings(embeddings, tmp_path / "v.parquet")
    before = (tmp_path / "v.parquet").read_bytes()
    with pytest.raises(UnlabeledError, match=says):
        cluster(tmp_path / "v.parquet", tmp_path / out, **options)
    assert (tmp_path / "v.parquet").read_bytes() == before
    assert not (tmp_path / "c.csv").exists()


def test_folders_that_are_missing_are_made(groups, tmp_path):
    cluster(groups[0], tmp_path / "new" / "folder" / "c.csv", k=2)
    assert {path.name for path in (tmp_path / "new" / "folder").iterdir()} == {"c.csv", "c.png", "c.model"}


def mixed_frame(n=400, towns=45):
    """Make two groups by income and plan; the town says nothing, and a tenth of everything is missing."""
    random = np.random.default_rng(0)
    kind = random.integers(0, 2, n)
    income = random.normal([20, 80], 12, (n, 2))[range(n), kind]
    plan = np.where(random.random(n) < 0.9, np.array(["free", "pro"])[kind], "team").astype(object)
    town = np.array([f"town {number}" for number in random.integers(0, towns, n)], dtype=object)
    for column, gap in ((income, np.nan), (plan, None), (town, None)):
        column[random.random(n) < 0.1] = gap
    return pd.DataFrame({"income": income, "plan": plan, "town": town}), kind


def test_a_mixture_takes_categories_as_they_are(tmp_path):
    frame, kind = mixed_frame()
    found = cluster(frame, tmp_path / "m.csv", method="mixture")
    assert found["k"] == 2
    assert found["chosen"] == "k = 2 has the lowest BIC"
    labels = pd.read_csv(tmp_path / "m.csv")["cluster"]
    assert adjusted_rand_score(kind, labels) > 0.9
    assert any("missing values have no say" in sentence for sentence in found["said"])
    for group in found["clusters"]:
        assert group["typical"].startswith(("income", "plan"))
        levels = {trait["value"] for trait in group["profile"] if trait["column"] == "plan"}
        assert levels == {"free", "pro", "team", "missing"}
    gaps = cluster(frame[["income"]], tmp_path / "i.csv", method="mixture")
    assert gaps["k"] == 2  # and not more, on the median of what is missing
    whole = cluster(frame[["income"]].dropna(), tmp_path / "w.csv", method="mixture")
    assert (whole["k"], "covariance" in whole["chosen"]) == (2, True)


def test_new_rows_may_lack_values_or_hold_levels_nobody_saw(tmp_path):
    frame, _ = mixed_frame()
    found = cluster(frame, tmp_path / "m.csv", method="mixture", k=2)
    new = pd.DataFrame({"income": [np.nan, 85.0], "plan": ["free", "gold"], "town": ["elsewhere", None]})
    assigned = assign(found["model"], new, tmp_path / "n.csv")
    poor = pd.read_csv(tmp_path / "m.csv")["cluster"][frame["income"].argmin()]
    assert pd.read_csv(tmp_path / "n.csv")["cluster"].tolist() == [poor, 1 - poor]
    assert "column 'income': 1 values are no numbers and count as missing" in assigned["said"]


def test_unit_rows_make_no_sense_of_categories_in_a_mixture(tmp_path):
    with pytest.raises(UnlabeledError, match="take standard or none"):
        cluster(mixed_frame()[0], tmp_path / "m.csv", method="mixture", scale="unit")
    assert not list(tmp_path.iterdir())
