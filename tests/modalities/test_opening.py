from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from torch.utils.data import TensorDataset

from unlabeled import SimCLR
from unlabeled.data import Images, Vectors
from unlabeled.errors import UnlabeledError
from unlabeled.modalities import open_instances, open_source


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def test_open_collections_are_given_back() -> None:
    images, vectors = Images(np.zeros((2, 4, 4), np.uint8)), Vectors([[1.0]])
    assert open_source(images) is images
    assert open_source(vectors) is vectors


def test_paths_to_images(picture: Path) -> None:
    folder = picture.parent
    (folder / "list.txt").write_text("a.png\n")
    np.save(folder / "x.npy", np.zeros((2, 4, 4, 3), np.uint8))
    np.savez(folder / "x.npz", images=np.zeros((2, 4, 4), np.uint8))
    pq.write_table(pa.table({"image": [picture.read_bytes()]}), folder / "x.parquet")
    for path in (folder, picture, *(folder / n for n in ["list.txt", "x.npy", "x.npz", "x.parquet"])):
        assert isinstance(open_source(path), Images), path
        assert isinstance(open_source(str(path)), Images), path


def test_a_folder_of_links_to_folders_of_images_is_one_of_images_beside_a_text(tmp_path: Path) -> None:
    (tmp_path / "far" / "cats").mkdir(parents=True)
    Image.new("L", (4, 4)).save(tmp_path / "far" / "cats" / "a.png")
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "README.txt").write_text("All cats.")
    (tmp_path / "here" / "cats").symlink_to(tmp_path / "far" / "cats", target_is_directory=True)
    opened = open_source(tmp_path / "here")
    assert isinstance(opened, Images)
    assert opened.ids == ["cats/a.png"]


def test_paths_to_vectors(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    (tmp_path / "x.tsv").write_text("a\tb\n1\t2\n")
    np.save(tmp_path / "x.npy", np.ones((1, 2)))
    np.savez(tmp_path / "x.npz", x=np.ones((1, 2)))
    pq.write_table(pa.table({"vector": [[1.0, 2.0]]}), tmp_path / "x.parquet")
    pq.write_table(pa.table({"a": [1], "b": [2]}), tmp_path / "y.parquet")
    for path in sorted(tmp_path.iterdir()):
        vectors = open_source(path)
        assert isinstance(vectors, Vectors), path
        assert vectors.array.shape == (1, 2)


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 4, 4), np.uint8),
        torch.zeros(2, 3, 4, 4),
        [Image.new("L", (4, 4))],
        [np.zeros((4, 4), np.uint8), np.zeros((5, 5), np.uint8)],
        (torch.zeros(3, 4, 4),),
        TensorDataset(torch.zeros(2, 3, 4, 4)),
    ],
)
def test_objects_that_are_images(images: Any) -> None:
    assert isinstance(open_source(images), Images)


@pytest.mark.parametrize(
    "vectors",
    [
        np.ones((2, 3)),
        torch.ones(2, 3),
        [[1, 2], [3, 4]],
        ((1.0, 2.0), (3.0, 4.0)),
        [np.ones(3), np.zeros(3)],
        [torch.ones(3), torch.zeros(3)],
    ],
)
def test_objects_that_are_vectors(vectors: Any) -> None:
    assert isinstance(open_source(vectors), Vectors)


def test_lists_of_paths_and_columns_of_a_frame(picture: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"path": [str(picture)], "size": [4]})
    for paths in ([picture], [str(picture)], frame["path"], np.array([str(picture)])):
        assert isinstance(open_source(paths), Images)
    assert isinstance(open_source(frame), Vectors)


def test_missing_path_suggests(picture: Path) -> None:
    with pytest.raises(UnlabeledError, match=r"did you mean a\.png"):
        open_source(picture.with_name("b.png"))


@pytest.mark.parametrize("name", ["x.docx", "noname"])
def test_unknown_suffix(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(UnlabeledError, match=r"cannot open .*\.parquet, \.npy"):
        open_source(tmp_path / name)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros(5), r"reshape\(-1, 1\)"),
        (torch.zeros(5), r"reshape\(-1, 1\)"),
        ([1.0, 2.0], r"reshape\(-1, 1\)"),
        (np.zeros((1, 1, 1, 1, 1, 1)), "shape"),
        ([], "empty"),
        (None, "cannot read images from NoneType"),
        (3, "cannot read images from int"),
        ((i for i in range(3)), "from generator"),
        ({"a": 1}, "from dict"),
        ([None], "no path"),
    ],
)
def test_things_that_are_neither(wrong: Any, message: str) -> None:
    with pytest.raises(UnlabeledError, match=message):
        open_source(wrong)


def test_one_dimensional_file(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros(4))
    with pytest.raises(UnlabeledError, match="reshape"):
        open_source(tmp_path / "x.npy")


def test_empty_folder_and_list(tmp_path: Path) -> None:
    with pytest.raises(UnlabeledError, match="is empty"):
        open_source(tmp_path)
    (tmp_path / "list.txt").write_text("# nothing\n")
    with pytest.raises(UnlabeledError, match="lists no paths"):
        open_source(tmp_path / "list.txt")


def test_a_tenth_in_colour_makes_a_collection_of_colour_however_it_is_ordered():
    shapes = [(8, 8, 3) if place % 10 == 7 else (8, 8) for place in range(100)]
    pictures = [Image.fromarray(np.full(shape, place, np.uint8)) for place, shape in enumerate(shapes)]
    for order in (pictures, sorted(pictures, key=lambda picture: picture.mode)):
        assert open_instances(order, SimCLR(progress=False))[1].shape[0] == 3


@pytest.mark.parametrize("row", [["1", "2"], ["1.5", "-2", "3e4"], ["1", "2", "3", "4"]])
def test_rows_of_numbers_may_be_strings(row: list[str]) -> None:
    instances, _ = open_instances([row] * 4, SimCLR())
    assert isinstance(instances, Vectors)
    assert instances.array[0].tolist() == [float(number) for number in row]


@pytest.mark.parametrize("row", [("the dog barks", "yes"), ["a", "b", "c"], ("number", "1")])
def test_pairs_and_triples_of_texts_are_no_rows_of_numbers(row: Any) -> None:
    with pytest.raises(UnlabeledError, match="these are pairs or triples of texts"):
        SimCLR(epochs=1, progress=False).fit([row] * 4)
