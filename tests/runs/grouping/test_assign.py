"""New rows are placed as the rows of the command were: each row given again has the result it had."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from pyarrow import csv

import unlabeled
from unlabeled.errors import UnlabeledError
from unlabeled.runs import assign, cluster, find_outliers, topics

TEXTS = ["frog toad newt pond frog", "pond frog toad"] * 9 + ["king queen throne crown", "crown king queen"] * 6


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(0)
    kind = np.repeat([0, 1, 2], [20, 60, 40])
    rows = random.normal(size=(120, 3)) + np.array([[0, 0, 0], [9, 0, 3], [0, 9, 5]])[kind]
    np.save(folder / "x.npy", rows + 1e7)
    lines = [
        f"c{i},{1000 + row[0] * 10:.2f} kg,{row[1]:.3f},{['free', 'pro', 'pro'][k]}"
        for i, (row, k) in enumerate(zip(rows, kind, strict=True))
    ]
    (folder / "t.csv").write_text("id,weight,b,plan\n" + "\n".join(lines))
    (folder / "texts.txt").write_text("\n".join(TEXTS))
    return folder


def columns(path):
    return (csv.read_csv(path) if path.suffix == ".csv" else pq.read_table(path)).to_pydict()


@pytest.mark.parametrize("method", ["kmeans", "minibatch", "mixture"])
@pytest.mark.parametrize(
    ("name", "options"),
    [("x.npy", {}), ("x.npy", {"scale": "standard"}), ("x.npy", {"scale": "unit"}), ("texts.txt", {}), ("t.csv", {})],
)
def test_rows_given_again_are_in_the_cluster_that_the_table_says(data, tmp_path, method, name, options):
    found = cluster(data / name, tmp_path / "c.parquet", k=2 if name == "texts.txt" else 3, method=method, **options)
    again = assign(found["model"], data / name, tmp_path / "again.parquet")
    first, second = columns(tmp_path / "c.parquet"), columns(tmp_path / "again.parquet")
    assert second["id"] == first["id"]
    assert second["cluster"] == first["cluster"]
    np.testing.assert_allclose(second["distance"], first["distance"], rtol=1e-3, atol=1e-3)
    assert again["found"] == {str(group["cluster"]): group["size"] for group in found["clusters"]}


@pytest.mark.parametrize("method", ["mixture", "neighbours"])
@pytest.mark.parametrize("name", ["x.npy", "t.csv", "texts.txt"])
def test_rows_given_again_are_judged_alike_and_a_far_one_is_an_outlier(data, tmp_path, method, name):
    found = find_outliers(data / name, tmp_path / "o.parquet", method=method, contamination=0.05, k=3)
    assign(found["model"], data / name, tmp_path / "again.parquet")
    first, second = columns(tmp_path / "o.parquet"), columns(tmp_path / "again.parquet")
    verdicts = dict(zip(first["id"], first["outlier"], strict=True))
    if method == "mixture":  # by neighbours, a row that is in the store is its own nearest one
        assert dict(zip(second["id"], second["outlier"], strict=True)) == verdicts
    if name == "x.npy":
        np.save(tmp_path / "far.npy", np.array([[1e7 + 99, 1e7, 1e7]]))
        assert assign(found["model"], tmp_path / "far.npy", tmp_path / "far.csv")["found"] == {"outlier": 1}


def test_documents_have_the_topics_that_the_page_names(data, tmp_path):
    topics(data / "texts.txt", tmp_path / "t", k=2, min_df=1, max_df=1.0)
    again = assign(tmp_path / "t", data / "texts.txt", tmp_path / "again.parquet")
    first, second = columns(tmp_path / "t" / "documents.parquet"), columns(tmp_path / "again.parquet")
    assert second["id"] == first["id"]
    assert second["topic"] == first["topic"]
    (tmp_path / "new.txt").write_text("a queen\nzebra\n")
    new = assign(tmp_path / "t", tmp_path / "new.txt", tmp_path / "new.csv")
    assert new["found"] == {"1": 1}
    assert new["said"] == ["1 document without a word that the model knows"]
    assert again["found"] == {"0": 18, "1": 12}


def test_what_is_new_in_a_table_is_said_and_what_is_missing_refused(data, tmp_path):
    found = cluster(data / "t.csv", tmp_path / "c.csv", k=3)
    assert found["columns"] == {"id": "id", "weight": "number (kg)", "b": "number", "plan": "category of 2 values"}
    (tmp_path / "new.csv").write_text("plan,b,id,weight\ngold,0.1,new,1000 kg\nfree,?,other,990 kg\n")
    new = assign(found["model"], tmp_path / "new.csv", tmp_path / "a.csv")
    assert columns(tmp_path / "a.csv")["id"] == ["new", "other"]
    assert any("'plan': 1 values have not been seen before, such as 'gold'" in said for said in new["said"])
    assert any("'b': 1 values are no numbers" in said for said in new["said"])
    (tmp_path / "few.csv").write_text("id,b\na,1\n")
    with pytest.raises(UnlabeledError, match="no column 'weight'"):
        assign(found["model"], tmp_path / "few.csv", tmp_path / "few-out.csv")


def test_the_saved_model_alone_has_the_numbers_of_the_table(data, tmp_path):
    found = cluster(data / "x.npy", tmp_path / "c.parquet", k=3)
    model = unlabeled.load(tmp_path / "c.model" / "model")
    assert model.predict(np.load(data / "x.npy")).tolist() == columns(tmp_path / "c.parquet")["cluster"]
    assert [group["size"] for group in found["clusters"]] == np.bincount(model.labels_).tolist() == [60, 40, 20]


def test_a_model_is_replaced_only_when_asked_to_and_never_anything_else(data, tmp_path):
    cluster(data / "x.npy", tmp_path / "c.csv", k=2, model=tmp_path / "m")
    with pytest.raises(UnlabeledError, match="m exists already"):
        cluster(data / "x.npy", tmp_path / "d.csv", k=2, model=tmp_path / "m")
    assert not (tmp_path / "d.csv").exists()
    (tmp_path / "m" / "notes.txt").write_text("mine")
    with pytest.raises(UnlabeledError, match=r"notes\.txt"):
        find_outliers(data / "x.npy", tmp_path / "d.csv", model=tmp_path / "m", overwrite=True)


def test_folders_that_hold_no_model_are_refused(data, tmp_path):
    with pytest.raises(UnlabeledError, match="holds no model to assign by"):
        assign(tmp_path, data / "x.npy", tmp_path / "a.csv")
    found = cluster(data / "x.npy", tmp_path / "c.csv", k=2)
    with pytest.raises(UnlabeledError, match="rows of 2 numbers, and the model was made from rows of 3"):
        assign(found["model"], [[1, 2]], tmp_path / "a.csv")
    for content in ("{}", "[]", json.dumps({"dim": 3, "scale": "none", "table": 5, "words": None})):
        (tmp_path / "c.model" / "encoding.json").write_text(content)
        with pytest.raises(UnlabeledError, match=r"encoding\.json does not describe rows"):
            assign(found["model"], data / "x.npy", tmp_path / "a.csv")


WHOLE = ["frog-pond toad-pond frog-pond", "toad-pond frog-pond"] * 6 + ["king-hall queen-hall", "queen-hall"] * 6


@pytest.mark.parametrize("verb", ["cluster", "outliers", "topics"])
def test_new_texts_are_cut_into_words_as_the_old_ones_were(tmp_path, verb):
    (tmp_path / "texts.txt").write_text("\n".join(WHOLE))
    source, settings = tmp_path / "texts.txt", {"tokenizer": "whitespace"}
    if verb == "cluster":
        model = cluster(source, tmp_path / "first.csv", k=2, **settings)["model"]
    elif verb == "outliers":
        model = find_outliers(source, tmp_path / "first.csv", k=2, **settings)["model"]
    else:
        topics(source, tmp_path / "topics", k=2, **settings)
        model = tmp_path / "topics"
    assert "frog-pond" in json.dumps([json.loads(path.read_text()) for path in Path(model).rglob("*.json")])
    assigned = assign(model, source, tmp_path / "again.csv")
    assert assigned["said"] == []  # no document without a word that the model knows
    if verb == "cluster":
        assert columns(tmp_path / "again.csv")["cluster"] == columns(tmp_path / "first.csv")["cluster"]


def test_a_tokenizer_is_refused_for_what_is_no_text(data, tmp_path):
    with pytest.raises(UnlabeledError, match=r"a tokenizer \(whitespace\) is for text"):
        cluster(data / "t.csv", tmp_path / "c.csv", tokenizer="whitespace")
    with pytest.raises(UnlabeledError, match="unknown tokenizer 'wrods'"):
        cluster(data / "texts.txt", tmp_path / "c.csv", tokenizer="wrods")


def test_a_row_alone_is_assigned_as_among_others(tmp_path):
    rows = np.concatenate([np.random.default_rng(0).normal(c, 0.5, (60, 3)) for c in (0, 4, 9)]) + 1e8
    for scale in ("none", "standard"):
        found = cluster(rows, tmp_path / "c.csv", k=3, scale=scale, overwrite=True)
        expected = columns(tmp_path / "c.csv")
        for row in (0, 70, 170):  # float32 knows multiples of 8 there
            assign(found["model"], rows[row : row + 1], tmp_path / "one.csv", overwrite=True)
            one = columns(tmp_path / "one.csv")
            assert one["cluster"] == [expected["cluster"][row]]
            assert one["distance"] == pytest.approx([expected["distance"][row]], rel=1e-4)


def test_a_table_far_from_zero_is_assigned_as_it_was_clustered(tmp_path):
    rows = np.concatenate([np.random.default_rng(0).normal(c, 0.5, (60, 3)) for c in (0, 4, 9)]) + 1e8
    np.savetxt(tmp_path / "x.csv", rows, delimiter=",", header="a,b,c", comments="", fmt="%.6f")
    found = cluster(tmp_path / "x.csv", tmp_path / "c.csv", k=3, scale="none")
    assign(found["model"], tmp_path / "x.csv", tmp_path / "again.csv")
    assert columns(tmp_path / "again.csv")["cluster"] == columns(tmp_path / "c.csv")["cluster"]


def test_names_of_rows_and_categories_are_read_as_they_were(tmp_path):
    lines = [f"c{i},{i % 2 * 9 + i / 100},{['007', 'A', '1,5'][i % 3]!r}".replace("'", '"') for i in range(60)]
    (tmp_path / "x.csv").write_text("customer_id,a,kind\n" + "\n".join(lines))
    found = cluster(tmp_path / "x.csv", tmp_path / "c.csv", k=2)
    (tmp_path / "new.csv").write_text("customer_id,a,kind\nc0,0,007\nc9,9,007\n")  # all numbers, taken alone
    again = assign(found["model"], tmp_path / "new.csv", tmp_path / "n.csv")
    assert columns(tmp_path / "n.csv")["id"] == ["c0", "c9"]
    assert again["said"] == []


def test_a_run_beside_the_model_of_other_data_has_no_say(data, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")  # a run that has nothing to do with the table
    found = cluster(data / "t.csv", tmp_path / "c.csv", k=3)
    again = assign(found["model"], data / "t.csv", tmp_path / "again.csv")
    assert again["found"] == {str(group["cluster"]): group["size"] for group in found["clusters"]}
    odd = find_outliers(data / "x.npy", tmp_path / "o.csv", contamination=0.05)
    assert assign(odd["model"], data / "x.npy", tmp_path / "o2.csv")["found"]["outlier"] == odd["n_outliers"]


def test_a_column_that_was_all_the_same_does_not_drown_the_others(tmp_path):
    rows = np.random.default_rng(0).normal(size=(300, 3)) + np.array([[0, 0, 0], [20, 0, 0]])[np.arange(300) % 2]
    rows[:, 1:] = 0.1, 1e-3  # whose mean is not exact
    found = cluster(rows, tmp_path / "c.csv", k=2, scale="standard")
    first = columns(tmp_path / "c.csv")["cluster"]
    rows[:, 1:] = 0.3, 2e-3
    assign(found["model"], rows, tmp_path / "new.csv")
    assert columns(tmp_path / "new.csv")["cluster"] == first


class Cutter:
    def __call__(self, text):
        return text.split()


def test_words_of_a_tokenizer_that_is_not_saved_are_not_cut_by_another(tmp_path):
    (tmp_path / "texts.txt").write_text("\n".join(WHOLE))
    found = cluster(tmp_path / "texts.txt", tmp_path / "c.csv", k=2, tokenizer=Cutter())
    with pytest.raises(UnlabeledError, match="unknown tokenizer 'Cutter'"):
        assign(found["model"], tmp_path / "texts.txt", tmp_path / "a.csv")
