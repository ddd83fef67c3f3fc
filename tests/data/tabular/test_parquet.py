from __future__ import annotations

import io
import json
import os
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from unlabeled.data import Images
from unlabeled.data.labels import read_labels
from unlabeled.data.tabular.parquet import ParquetImages, class_names, image_column, read_column, read_parquet
from unlabeled.data.tabular.table import Table
from unlabeled.data.text.document_texts import read_texts
from unlabeled.data.text.text_tables import read_columns
from unlabeled.errors import UnlabeledError
from unlabeled.runs.embeddings import read_embeddings
from unlabeled.search import ExactStore
from unlabeled.search.neighbour_graph import NeighbourGraph


def encoded(value: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (4, 4), value).save(buffer, "PNG")
    return buffer.getvalue()


def levels(images: Images) -> list[int]:
    return [np.asarray(images.decode(i))[0, 0].item() for i in range(len(images))]


def structs(values: list[int], paths: list[str | None] | None = None) -> list[dict[str, Any]]:
    return [{"bytes": encoded(v), "path": None if paths is None else paths[i]} for i, v in enumerate(values)]


def write(path: Path, columns: dict[str, Any], names: list[str] | None = None, row_group_size: int = 2) -> Path:
    table = pa.table(columns)
    if names is not None:
        features = {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": names}}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=row_group_size)
    return path


def test_hugging_face_layout(tmp_path: Path) -> None:
    paths: list[str | None] = [f"train/{i}.png" for i in range(5)]
    columns = {"image": structs([5, 4, 3, 2, 1], paths), "label": [1, 0, 1, -1, None]}
    images = Images(write(tmp_path / "train.parquet", columns, ["cat", "dog"]))
    assert images.ids == paths
    assert images.classes == ["cat", "dog"]
    assert images.labels is not None
    assert images.labels.dtype == np.int64
    assert images.labels.tolist() == [1, 0, 1, -1, -1]
    assert levels(images) == [5, 4, 3, 2, 1]


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary()])
@pytest.mark.parametrize("name", ["image", "img", "content"])
def test_binary_column(tmp_path: Path, kind: pa.DataType, name: str) -> None:
    column = pa.array([encoded(i) for i in range(5)], kind)
    images = Images(write(tmp_path / "a.parquet", {name: column, "note": list("abcde")}))
    assert images.ids == ["0", "1", "2", "3", "4"]
    assert images.labels is None
    assert levels(images) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("paths", [None, ["a", "b", None], ["a", "b", "a"], ["a", "b", ""]])
def test_ids_are_numbers_unless_every_path_is_there_and_unique(tmp_path: Path, paths: list[str | None] | None) -> None:
    images = Images(write(tmp_path / "a.parquet", {"image": structs([1, 2, 3], paths)}))
    assert images.ids == ["0", "1", "2"]


def test_struct_without_path(tmp_path: Path) -> None:
    images = Images(write(tmp_path / "a.parquet", {"image": [{"bytes": encoded(v)} for v in (8, 9)]}))
    assert levels(images) == [8, 9]


def test_labels_without_names_and_as_strings(tmp_path: Path) -> None:
    image = structs([1, 2, 3])
    numbers = Images(write(tmp_path / "a.parquet", {"image": image, "label": [10, 9, 10]}))
    assert numbers.labels is not None
    assert (numbers.labels.tolist(), numbers.classes) == ([1, 0, 1], ["9", "10"])
    for column in (pa.array(["dog", None, "cat"]), pa.array(["dog", None, "cat"]).dictionary_encode()):
        words = Images(write(tmp_path / "b.parquet", {"image": image, "Category": column}))
        assert words.labels is not None
        assert (words.labels.tolist(), words.classes) == ([1, -1, 0], ["cat", "dog"])


def test_a_label_column_that_is_no_class_is_left_alone(tmp_path: Path) -> None:
    images = Images(write(tmp_path / "a.parquet", {"image": structs([1, 2]), "label": [[0.5], [1.5]]}))
    assert images.labels is None


def test_a_label_without_a_name(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"image": structs([1, 2]), "label": [0, 2]}, ["cat", "dog"])
    with pytest.raises(UnlabeledError, match="row 1: label 2 of only 2 named classes"):
        Images(path)


@pytest.mark.parametrize("metadata", [b"no json", b"{}", b"[]", b'{"info": {"features": {"label": 3}}}'])
def test_unusable_metadata_is_passed_over(metadata: bytes) -> None:
    assert class_names(pa.schema([("label", pa.int64())], {b"huggingface": metadata}), "label") is None


def test_the_image_column_is_found() -> None:
    def found(**columns: pa.DataType) -> str | None:
        return image_column(pa.schema(list(columns.items())))

    nested = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    assert found(image=nested, mask=nested) == "image"
    assert found(picture=nested, label=pa.int64()) == "picture"
    assert found(image=pa.string(), photo=pa.binary()) == "photo"
    assert found(x=pa.float32()) is None
    with pytest.raises(UnlabeledError, match="left, right"):
        found(left=nested, right=pa.binary())


def test_folder_of_files_is_read_as_one_in_order(tmp_path: Path) -> None:
    write(tmp_path / "b" / "2.parquet", {"image": structs([3, 4, 5])})
    write(tmp_path / "a.parquet", {"image": structs([1, 2])})
    images = Images(tmp_path)
    assert levels(images) == [1, 2, 3, 4, 5]
    assert images.ids == ["0", "1", "2", "3", "4"]


def test_files_with_other_columns_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", {"image": structs([1])})
    write(tmp_path / "b.parquet", {"image": structs([1]), "label": [1]})
    with pytest.raises(UnlabeledError, match=r"b\.parquet has other columns than .*a\.parquet"):
        Images(tmp_path)


def test_unusable_files(tmp_path: Path) -> None:
    (tmp_path / "text.parquet").write_text("no parquet")
    with pytest.raises(UnlabeledError, match=r"cannot read .*text\.parquet as parquet"):
        Images(tmp_path / "text.parquet")
    with pytest.raises(UnlabeledError, match=r"no column of images .* x, y"):
        Images(write(tmp_path / "numbers.parquet", {"x": [1], "y": [2]}))
    empty = pa.array([], pa.binary())
    with pytest.raises(UnlabeledError, match="no rows"):
        Images(write(tmp_path / "empty.parquet", {"image": empty}))


def test_a_row_without_bytes_is_one_unreadable_image(tmp_path: Path) -> None:
    image = [{"bytes": encoded(1), "path": None}, {"bytes": None, "path": "x.png"}, None, {"bytes": b"", "path": None}]
    prepared = Images(write(tmp_path / "a.parquet", {"image": image})).prepare(on_error="skip")
    assert prepared.kept.tolist() == [0]
    assert [s.reason for s in prepared.skipped] == ["the row holds no bytes"] * 2 + ["the file is empty"]


def test_a_damaged_row_group_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"image": structs([1, 2, 3, 4])})
    images = Images(path)
    content = bytearray(path.read_bytes())
    start = pq.read_metadata(path).row_group(1).column(0).data_page_offset
    content[start : start + 60] = bytes(60)
    path.write_bytes(content)
    assert images.decode(1).size == (4, 4)
    with pytest.raises(UnlabeledError, match=r"cannot read row group 1 of .*a\.parquet"):
        images.prepare(on_error="skip")
    with pytest.raises(UnlabeledError, match=r"cannot read the column 'image\.bytes' of"):
        read_column(path, "image.bytes")


def test_row_groups_are_read_once_while_they_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.parquet", {"image": structs(list(range(20)))}, row_group_size=4)
    origin = ParquetImages([path], path)
    read: list[int] = []
    load = origin._read_group
    monkeypatch.setattr(origin, "_read_group", lambda number: read.append(number) or load(number))
    order = np.random.default_rng(0).permutation(20).tolist()
    assert [origin.read(i) for i in order * 2] == [encoded(i) for i in order * 2]
    assert sorted(read) == [0, 1, 2, 3, 4]


def test_only_so_many_row_groups_are_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.parquet", {"image": structs(list(range(20)))}, row_group_size=4)
    origin = ParquetImages([path], path)
    origin.read(0)
    one = origin._cached[0].nbytes
    monkeypatch.setattr("unlabeled.data.tabular.parquet.GROUP_CACHE_BYTES", int(2.5 * one))
    for i in range(20):
        origin.read(i)
        assert sum(group.nbytes for group in origin._cached.values()) <= 2.5 * one
    assert sorted(origin._cached) == [3, 4]  # the latest
    origin.read(12)
    origin.read(0)
    assert sorted(origin._cached) == [0, 3]  # the longest unused went


def test_threads_may_read_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unlabeled.data.tabular.parquet.GROUP_CACHE_BYTES", 1)
    path = write(tmp_path / "a.parquet", {"image": structs(list(range(40)))}, row_group_size=3)
    origin = ParquetImages([path], path)
    expected = [encoded(i) for i in range(40)]
    wrong: list[int] = []

    def read(seed: int) -> None:
        for i in np.random.default_rng(seed).integers(0, 40, 100).tolist():
            if origin.read(i) != expected[i]:
                wrong.append(i)

    threads = [Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_fingerprint_follows_the_files(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"image": structs([1, 2])})
    os.utime(path, ns=(1, 1))
    base = Images(path).fingerprint
    assert Images(path).fingerprint == base
    os.utime(path, ns=(1, 2))
    assert Images(path).fingerprint == base  # the same content at another time
    write(path, {"image": structs([1, 3])})
    assert Images(path).fingerprint != base


@pytest.fixture(scope="module")
def cifar10() -> Path:
    folder = os.environ.get("UNLABELED_DATA")
    if folder is None or not (path := Path(folder) / "cifar10" / "train.parquet").exists():
        pytest.skip("UNLABELED_DATA does not name a folder with cifar10/train.parquet")
    return path


@pytest.mark.slow
@pytest.mark.real_data
def test_cifar10_is_what_pillow_decodes(cifar10: Path) -> None:
    images = Images(cifar10)
    assert len(images) == 50_000
    assert images.classes is not None
    assert images.classes[0] == "airplane"
    assert images.labels is not None
    assert np.bincount(images.labels).tolist() == [5000] * 10
    # The paths, which the labels were not made from here, name the classes too.
    assert all(images.ids[i].split("/")[1] == images.classes[images.labels[i]] for i in range(0, 50_000, 97))

    prepared = images.prepare()
    assert (prepared.size, prepared.channels, prepared.skipped) == (32, 3, [])
    assert prepared.pixels is not None
    rows = pq.read_table(cifar10, columns=["image"]).column("image")
    for i in np.random.default_rng(0).choice(50_000, 300, replace=False).tolist():
        pillow = np.asarray(Image.open(io.BytesIO(rows[i].as_py()["bytes"])).convert("RGB"))
        np.testing.assert_array_equal(prepared.pixels[i], pillow.transpose(2, 0, 1))


@pytest.fixture
def repeated(tmp_path, monkeypatch):
    """A file of a kilobyte: one text of 100 kB that stands in 5,000 rows, where 100 MB are free."""
    for module in ("unlabeled.memory", "unlabeled.data.tabular.parquet"):
        monkeypatch.setattr(f"{module}.free_memory", lambda: 100_000_000)
    index, long = pa.array([0] * 5_000, pa.int32()), pa.DictionaryArray.from_arrays
    columns = {
        "id": [str(i) for i in range(5_000)],
        "text": long(index, ["x" * 100_000]),
        "label": long(index, ["y" * 100_000]),
        "vector": pa.array([[1.0, 2.0]] * 5_000),
    }
    pq.write_table(pa.table(columns), tmp_path / "r.parquet", compression="zstd", store_schema=False)
    picture = pa.StructArray.from_arrays([pa.array([encoded(1) + b"\0" * 100_000] * 2_000)], ["bytes"])
    pq.write_table(pa.table({"image": picture}), tmp_path / "p.parquet", compression="zstd")
    assert max(path.stat().st_size for path in tmp_path.iterdir()) < 60_000
    return tmp_path / "r.parquet"


@pytest.mark.parametrize(
    "read",
    [
        read_parquet,
        read_labels,
        read_embeddings,
        read_texts,
        read_columns,
        Table.read,
        lambda path: read_column(path, "text"),
        lambda path: Images(path.with_name("p.parquet")).decode(0),
    ],
)
def test_values_that_repeat_count_as_often_as_they_stand_there(repeated, read):
    with pytest.raises(UnlabeledError, match=r"needs [01]\.\d GB of memory"):
        read(repeated)


def test_what_fits_into_memory_is_read_though_it_repeats(repeated):
    assert read_parquet(repeated, ["id", "vector"]).num_rows == 5_000


def test_rows_of_a_store_and_of_a_graph_that_take_too_much_memory_are_refused(repeated, tmp_path):
    vectors = np.eye(3, dtype=np.float32)
    ExactStore.build(["a", "b", "c"], vectors).save(tmp_path / "store")
    NeighbourGraph.from_vectors(vectors, 1).save(tmp_path / "graph")
    table = pq.read_table(repeated)
    pq.write_table(table.set_column(0, "id", table["text"]), repeated, compression="zstd")
    for kind, folder in ((ExactStore, tmp_path / "store"), (NeighbourGraph, tmp_path / "graph")):
        (folder / "rows.parquet").write_bytes(repeated.read_bytes())
        with pytest.raises(UnlabeledError, match=r"is damaged .*needs \d\.\d GB of memory.*build it again"):
            kind.open(folder)


@pytest.mark.parametrize(
    ("column", "labels", "classes"),
    [
        ([0.0, None, 1.0], [0, -1, 1], ["0", "1"]),  # whole numbers with a gap, as pandas writes them
        ([1.0, float("nan"), -1.0], [0, -1, -1], ["1"]),
        ([True, None, False], [1, -1, 0], ["False", "True"]),
    ],
)
def test_labels_as_pandas_writes_them(tmp_path: Path, column: Any, labels: list[int], classes: list[str]) -> None:
    images = Images(write(tmp_path / "a.parquet", {"image": structs([1, 2, 3]), "label": column}))
    assert images.labels is not None
    assert (images.labels.tolist(), images.classes) == (labels, classes)


def test_a_quantity_is_no_label(tmp_path: Path) -> None:
    images = Images(write(tmp_path / "a.parquet", {"image": structs([1, 2]), "label": [0.5, 1.0]}))
    assert images.labels is None


def test_embeddings_of_several_lengths_are_refused(tmp_path):
    lists = pa.array(
        [[1.0, 2.0, 3.0], [4.0], [5.0, 6.0]], pa.list_(pa.float32())
    )  # six numbers, so two a row would fit
    pq.write_table(pa.table({"id": ["a", "b", "c"], "vector": lists}), tmp_path / "x.parquet")
    with pytest.raises(UnlabeledError, match="the lists must all be there and of one length"):
        read_embeddings(tmp_path / "x.parquet")
    pq.write_table(pa.table({"id": ["a"], "vector": [[1.0, 2.0]]}), tmp_path / "x.parquet")
    assert read_embeddings(tmp_path / "x.parquet").vectors.tolist() == [[1.0, 2.0]]
