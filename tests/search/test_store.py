import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from unlabeled.errors import UnlabeledError
from unlabeled.search import ExactStore, LanceStore, VectorStore
from unlabeled.search.store import checked_k, rows_table


@pytest.fixture(params=["exact", "lance"])
def build(request, tmp_path):
    """Build either store, so that each promise of the protocol is checked on both."""

    def build(*args, **kwargs):
        if request.param == "exact":
            return ExactStore.build(*args, **kwargs)
        return LanceStore.build(*args, folder=tmp_path / "built", **kwargs)

    return build


POINTS = [[0, 0], [3, 4], [6, 8], [0, 1]]
NAMES = ["origin", "five", "ten", "one"]


def test_known_distances(build):
    query = [[3, 4]]
    found = build(NAMES, POINTS, metric="euclidean").query(query, 4)
    assert found.ids.tolist() == [["five", "one", "origin", "ten"]]
    assert found.distances[0] == pytest.approx([0, np.sqrt(18), 5, 5])  # a tie: origin comes before ten
    found = build(NAMES, POINTS, metric="cosine").query(query, 4)
    assert sorted(found.ids[0, :2]) == ["five", "ten"]
    assert found.distances[0] == pytest.approx([0, 0, 0.2, 1], abs=1e-6)  # the vector of zeros is at 1
    assert found.distances.min() >= 0
    found = build(NAMES, POINTS, metric="inner_product").query(query, 4)
    assert found.ids.tolist() == [["ten", "five", "one", "origin"]]
    assert found.distances[0] == pytest.approx([-50, -25, -4, 0], abs=1e-5)


def test_queries_are_merged_by_the_nearest(build):
    found = build(NAMES, POINTS, metric="euclidean").query([[3, 4], [0, 0.9]], 3).merged()
    assert found.ids.tolist() == [["five", "one", "origin"]]
    assert found.distances[0] == pytest.approx([0, 0.1, 0.9], abs=1e-6)


@pytest.mark.parametrize("table", [dict, pd.DataFrame, pa.table])
def test_metadata_are_columns_of_any_table(build, table):
    store = build(NAMES, POINTS, table({"size": [1, 2, 3, 4]}))
    assert sorted(store.query([[1, 1]], 4, where="size > 2").ids[0]) == ["one", "ten"]


def test_what_is_neither_names_columns_nor_a_condition_is_told(build):
    with pytest.raises(UnlabeledError, match="ids must be a list of names, not None"):
        build(None, POINTS)
    with pytest.raises(UnlabeledError, match=r"metadata come as columns by name, .* not as \[1, 2\]"):
        build(NAMES, POINTS, [1, 2])
    with pytest.raises(UnlabeledError, match=r"where is a condition in SQL, .* not 3"):
        build(NAMES, POINTS).query([[1, 1]], 1, where=3)


def test_shapes_types_and_protocol(build):
    store: VectorStore = build(NAMES, POINTS)
    found = store.query(np.ones((5, 2), np.float16), k=3)
    assert found.ids.shape == found.indices.shape == found.distances.shape == (5, 3)
    assert found.indices.dtype == np.int64
    assert found.distances.dtype == np.float32
    assert (len(found), len(store), store.dim, store.metric) == (5, 4, 2, "cosine")


def test_k_beyond_the_store_gives_all_of_it(build):
    assert sorted(build(NAMES, POINTS).query([[1, 1]], k=100).indices[0]) == [0, 1, 2, 3]


def test_neighbours_at_equal_distance_come_in_order_of_row(build):
    found = build([str(i) for i in range(60)], np.tile([[1, 0], [0, 1], [1, 1]], (20, 1)), metric="euclidean")
    assert found.query([[1, 0]], 40).indices[0].tolist() == [*range(0, 60, 3), *range(2, 60, 3)]


def test_no_queries_give_no_neighbours(build):
    assert build(NAMES, POINTS).query(np.empty((0, 2)), k=3).indices.shape == (0, 3)


def test_filters(build):
    store = build(NAMES, POINTS, {"kind": ["a", "b", "b", None], "size": [1, 2, 3, 4]}, metric="euclidean")
    assert store.query([[0, 0]], 5, where="kind = 'b'").ids.tolist() == [["five", "ten"]]
    assert store.query([[0, 0], [9, 9]], 1, where="size > 1 AND size < 4").ids.tolist() == [["five"], ["ten"]]
    assert store.query([[0, 0]], 5, where="kind IS NULL OR id = 'ten'").indices.tolist() == [[3, 2]]
    assert store.query([[0, 0], [1, 1]], 5, where="size > 9").indices.shape == (2, 0)


@pytest.mark.parametrize("where", ["kind ==== 'b'", "knid = 'b'", "size", "'"])
def test_a_filter_that_cannot_be_read_is_quoted_with_the_columns(build, where):
    store = build(NAMES, POINTS, {"kind": list("abba"), "size": [1, 2, 3, 4]})
    with pytest.raises(UnlabeledError, match=r"the filter .* cannot be applied: .*columns: id, position, kind, size"):
        store.query([[0, 0]], 1, where=where)


def test_bad_queries(build):
    store = build(NAMES, POINTS)
    with pytest.raises(UnlabeledError, match=r"dimension 3, but .* dimension 2"):
        store.query([[1, 2, 3]], 1)
    with pytest.raises(UnlabeledError, match="NaN"):
        store.query([[1, np.nan]], 1)
    with pytest.raises(UnlabeledError, match="k must be a whole number of at least 1"):
        store.query([[1, 2]], 0)


def test_bad_contents(build):
    with pytest.raises(UnlabeledError, match="no vectors"):
        build([], np.empty((0, 2)))
    with pytest.raises(UnlabeledError, match="3 ids for 4 vectors"):
        build(NAMES[:3], POINTS)
    with pytest.raises(UnlabeledError, match="'five' occurs more than once"):
        build(["five", "a", "five", "b"], POINTS)
    with pytest.raises(UnlabeledError, match=r"row 1 .* NaN"):
        build(["a", "b"], [[0, 0], [np.nan, 0]])
    with pytest.raises(UnlabeledError, match="unknown metric 'cosin'; did you mean 'cosine'"):
        build(NAMES, POINTS, metric="cosin")


def test_building_changes_nothing_it_was_given(build):
    vectors = np.array(POINTS, np.float32)
    build(NAMES, vectors, metric="euclidean").query(vectors, 2)
    assert vectors.tolist() == POINTS


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "inner_product"])
def test_a_saved_store_answers_the_same(build, tmp_path, metric):
    rng = np.random.default_rng(0)
    store = build([f"é{i}" for i in range(50)], rng.normal(3, 1, (50, 4)), {"half": np.arange(50) % 2}, metric=metric)
    store.save(tmp_path / "saved")
    again = type(store).open(tmp_path / "saved")
    queries = rng.normal(3, 1, (7, 4))
    for where in (None, "half = 1"):
        a, b = store.query(queries, 6, where), again.query(queries, 6, where)
        assert a.ids.tolist() == b.ids.tolist()
        assert a.distances.tolist() == b.distances.tolist()


def test_a_missing_folder_or_another_kind_of_store_is_an_error(build, tmp_path):
    store = build(NAMES, POINTS)
    with pytest.raises(UnlabeledError, match="nowhere"):
        type(store).open(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
    store.save(tmp_path / "saved")
    other = {ExactStore: LanceStore, LanceStore: ExactStore}[type(store)]
    with pytest.raises(UnlabeledError, match="does not hold"):
        other.open(tmp_path / "saved")


@pytest.mark.parametrize(
    ("metric", "says"), [("hamming", "unknown metric 'hamming'"), (7, "is damaged: the metric is 7")]
)
def test_a_store_by_a_metric_that_there_is_not_is_refused(metric, says, build, tmp_path):
    store = build(NAMES, POINTS)
    store.save(tmp_path / "saved")
    card = tmp_path / "saved" / "store.json"
    card.write_text(json.dumps(json.loads(card.read_text()) | {"metric": metric}))
    with pytest.raises(UnlabeledError, match=says):
        type(store).open(tmp_path / "saved")


def test_rows_table_refuses_columns_it_cannot_keep():
    with pytest.raises(UnlabeledError, match="'vector' has a name the store uses"):
        rows_table(["a"], {"vector": [1]}, 1)
    with pytest.raises(UnlabeledError, match="'size' has 2 rows for 1 vectors"):
        rows_table(["a"], {"size": [1, 2]}, 1)
    with pytest.raises(UnlabeledError, match="columns of one type"):
        rows_table(["a", "b"], {"mixed": [1, "x"]}, 2)


def test_checked_k_accepts_numpy_integers():
    assert checked_k(np.int64(3)) == 3


# --- changes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "inner_product"])
def test_a_store_that_was_changed_answers_like_one_built_from_the_result(build, tmp_path, metric):
    rng = np.random.default_rng(0)
    other = rng.normal(size=(2, 6))
    vectors, more = rng.normal(size=(40, 6)), 3 * rng.normal(size=(10, 6))  # longer ones change the mapping of products
    store = build([f"it's {i}" for i in range(40)], vectors, {"n": np.arange(40)}, metric=metric)
    store.add([f"new {i}" for i in range(10)], more, {"n": np.arange(100, 110)})
    store.delete(["it's 0", "it's 7", "new 9"])
    store.update(["new 3", "it's 5"], 9 * other, {"n": [-1, -2]})
    store.update(["it's 6"], metadata={"n": [-3]})

    ids = [f"it's {i}" for i in range(40) if i not in (0, 7)] + [f"new {i}" for i in range(9)]
    kept = np.concatenate([np.delete(vectors, [0, 7], axis=0), more[:9]])
    numbers = np.array([i for i in range(40) if i not in (0, 7)] + list(range(100, 109)))
    for name, vector, number in (("new 3", 9 * other[0], -1), ("it's 5", 9 * other[1], -2), ("it's 6", vectors[6], -3)):
        kept[ids.index(name)], numbers[ids.index(name)] = vector, number
    expected = ExactStore.build(ids, kept, {"n": numbers}, metric=metric)

    store.save(tmp_path / "saved")
    queries = rng.normal(size=(5, 6))
    for changed in (store, type(store).open(tmp_path / "saved")):
        assert len(changed) == len(ids)
        for where in (None, "n < 0", "n >= 100"):
            found, right = changed.query(queries, 50, where), expected.query(queries, 50, where)
            assert found.ids.tolist() == right.ids.tolist()
            assert found.indices.tolist() == right.indices.tolist()
            np.testing.assert_allclose(found.distances, right.distances, rtol=1e-5, atol=1e-5)


def test_columns_that_are_not_given_are_empty_in_new_rows_and_stay_in_changed_ones(build):
    store = build(NAMES, POINTS, {"kind": list("abcd"), "size": [1, 2, 3, 4]}, metric="euclidean")
    store.add(["late"], [[9, 9]], {"size": [5]})
    store.update(["one"], metadata={"size": [40]})
    assert store.query([[9, 9]], 5, where="kind IS NULL").ids.tolist() == [["late"]]
    assert store.query([[9, 9]], 5, where="kind = 'd' AND size = 40").ids.tolist() == [["one"]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda store: store.add(["five"], [[1, 2]]), "holds the id 'five' already"),
        (lambda store: store.add(["x", "x"], [[1, 2], [3, 4]]), "occurs more than once"),
        (lambda store: store.add(["x"], [[1, 2, 3]]), "dimension 3"),
        (lambda store: store.add(["x"], [[1, np.nan]]), "NaN"),
        (lambda store: store.add(["x"], [[1, 2]], {"colour": ["red"]}), "no metadata column 'colour'"),
        (lambda store: store.add(["x"], [[1, 2]], {"size": ["large"]}), "types"),
        (lambda store: store.update(["gone"], [[1, 2]]), "no row with the id 'gone'"),
        (lambda store: store.update(["one", "five"], [[1, 2]]), "2 ids for 1 vectors"),
        (lambda store: store.delete(["one", "gone"]), "no row with the id 'gone'"),
        (lambda store: store.delete(["one", "one"]), "named more than once"),
        (lambda store: store.delete("one"), "a list of names"),
    ],
)
def test_a_change_that_does_not_fit_is_refused_whole(build, change, message):
    store = build(NAMES, POINTS, {"size": [1, 2, 3, 4]}, metric="euclidean")
    with pytest.raises(UnlabeledError, match=message):
        change(store)
    assert store.query([[0, 0]], 9).ids.tolist() == [["origin", "one", "five", "ten"]]


def test_a_store_may_become_empty_and_be_filled_again(build):
    store = build(NAMES, POINTS, metric="inner_product")
    store.delete(NAMES)
    assert len(store) == 0
    assert store.query([[1, 1]], 3).ids.shape == (1, 0)
    store.add(["again", "and"], [[1, 1], [2, 0]])
    found = store.query([[1, 2]], 3)
    assert (found.ids.tolist(), found.distances.tolist()) == ([["again", "and"]], [[-3, -2]])


def test_an_id_that_is_no_unicode_text_is_refused(build):
    with pytest.raises(UnlabeledError, match=r"'caf\\udce9' holds a surrogate"):
        build(["a", "caf\udce9"], POINTS[:2])
    with pytest.raises(UnlabeledError, match=r"the metadata cannot be stored.*surrogate"):
        build(["a", "b"], POINTS[:2], {"kind": ["x", "caf\udce9"]})
