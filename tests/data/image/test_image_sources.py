"""Where images come from: folders, files, lists, arrays and datasets, and the fingerprint of each."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset, Subset, TensorDataset

from unlabeled.data import Images
from unlabeled.errors import UnlabeledError


def colour(value: int, width: int = 6, height: int = 6) -> Image.Image:
    return Image.new("RGB", (width, height), (value, 255 - value, 7))


def save(path: Path, value: int = 0, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    colour(value, **options).save(path)
    return path


def encoded(value: int) -> bytes:
    buffer = io.BytesIO()
    colour(value).save(buffer, "PNG")
    return buffer.getvalue()


def first_pixels(images: Images) -> list[int]:
    """The red level that `colour` was given, which tells the images apart."""
    return [np.asarray(images.decode(i))[0, 0, 0].item() for i in range(len(images))]


# Folders


def test_folder_with_class_folders(tmp_path: Path) -> None:
    for i, name in enumerate(["dog/b.png", "cat/deep/a.PNG", "cat/c.bmp"]):
        save(tmp_path / name, i)
    images = Images(tmp_path)
    assert images.ids == ["cat/c.bmp", "cat/deep/a.PNG", "dog/b.png"]
    assert images.classes == ["cat", "dog"]
    assert images.labels is not None
    assert images.labels.dtype == np.int64
    assert images.labels.tolist() == [0, 0, 1]
    assert first_pixels(images) == [2, 1, 0]
    assert images.kind == "image"
    assert repr(images) == f"Images(3 from {tmp_path})"


def test_numbered_class_folders_are_in_numerical_order(tmp_path: Path) -> None:
    for name in ["10/a.png", "9/a.png", "2/a.png"]:
        save(tmp_path / name)
    images = Images(str(tmp_path))
    assert images.classes == ["2", "9", "10"]
    assert images.labels is not None
    assert images.labels.tolist() == [2, 0, 1]


@pytest.mark.parametrize(
    "names", [["a.png", "cat/b.png", "dog/c.png"], ["only/a.png", "only/b.png"], ["a.png", "b.png"]]
)
def test_folders_that_are_no_classes(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        save(tmp_path / name)
    images = Images(tmp_path)
    assert images.labels is None
    assert images.classes is None


def test_other_files_in_a_class_folder_do_not_count(tmp_path: Path) -> None:
    save(tmp_path / "cat" / "a.png")
    save(tmp_path / "dog" / "a.png")
    (tmp_path / "README.md").write_text("about")
    (tmp_path / "empty").mkdir()
    assert Images(tmp_path).classes == ["cat", "dog"]


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(UnlabeledError, match="is empty"):
        Images(tmp_path)


def test_a_folder_without_images_says_what_it_holds(tmp_path: Path) -> None:
    for name in ["a.doc", "b.doc", "c.heic"]:
        (tmp_path / name).touch()
    with pytest.raises(UnlabeledError, match=r"no images; it has 2 \.doc, 1 \.heic"):
        Images(tmp_path)


def test_opening_a_folder_reads_no_image(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_text("no image")
    images = Images(tmp_path)
    assert len(images) == 1
    with pytest.raises(UnlabeledError, match=r"cannot read image 'broken\.jpg' of .*known format"):
        images.decode(0)


# Text files, lists, single files


def test_text_file_of_paths(tmp_path: Path) -> None:
    save(tmp_path / "pictures" / "a.png", 3)
    save(tmp_path / "pictures" / "b.png", 4)
    (tmp_path / "list.txt").write_text("# two\npictures/b.png\n\npictures/a.png\n")
    images = Images(tmp_path / "list.txt")
    assert images.ids == ["pictures/b.png", "pictures/a.png"]
    assert first_pixels(images) == [4, 3]
    assert images.labels is None


def test_one_file(tmp_path: Path) -> None:
    images = Images(save(tmp_path / "a.png", 9))
    assert images.ids == ["a.png"]
    assert first_pixels(images) == [9]


def test_list_of_everything(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", 1)
    array = np.asarray(colour(5))
    items = [
        str(path),
        path,
        colour(2),
        encoded(3),
        bytearray(encoded(4)),
        array,
        torch.from_numpy(array.copy()).permute(2, 0, 1),
    ]
    images = Images(items)
    assert images.ids == [path.as_posix(), path.as_posix(), "2", "3", "4", "5", "6"]
    assert first_pixels(images) == [1, 1, 2, 3, 4, 5, 5]


def test_series_and_arrays_of_paths(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    paths = [str(save(tmp_path / f"{i}.png", i)) for i in range(3)]
    for source in (pandas.Series(paths), np.array(paths), np.array(paths, dtype=object), tuple(paths)):
        assert first_pixels(Images(source)) == [0, 1, 2]


def test_arrays_in_a_list_may_differ_in_size() -> None:
    images = Images([np.zeros((4, 5), np.uint8), np.ones((7, 3, 3), np.float32)])
    assert [images.decode(i).size for i in range(2)] == [(5, 4), (3, 7)]
    assert np.asarray(images.decode(1)).min() == 255


def test_missing_files_in_a_list_are_named(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png")
    with pytest.raises(UnlabeledError, match=r"2 of 3 listed files do not exist, first number 1: .*b\.png"):
        Images([path, tmp_path / "b.png", tmp_path / "c.png"])


@pytest.mark.parametrize("wrong", [[], [3], [None], [np.zeros(3)], np.zeros(3), object(), 7, (x for x in "ab")])
def test_things_that_are_no_images(wrong: Any) -> None:
    with pytest.raises(UnlabeledError):
        Images(wrong)


def test_bad_arrays_in_a_list_are_unreadable_images() -> None:
    images = Images([np.full((4, 4), 7.0), np.zeros((4, 4, 4, 4), np.uint8), np.zeros((4, 4), np.uint8)])
    for i, reason in enumerate([r"image '0'.*\[0, 1\]", "image '1'.*is no picture"]):
        with pytest.raises(UnlabeledError, match=reason):
            images.decode(i)
    assert images.decode(2).size == (4, 4)


def test_files_of_other_kinds(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b")
    with pytest.raises(UnlabeledError, match=r"not read from \.csv, but from a folder"):
        Images(tmp_path / "x.csv")


# Datasets


class Pairs(Dataset[Any]):
    def __init__(self, items: list[Any], **attributes: Any) -> None:
        self.items, self.asked = items, 0
        self.__dict__.update(attributes)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Any:
        self.asked += 1
        return self.items[index]


def test_dataset_of_images() -> None:
    images = Images(Pairs([colour(i) for i in range(4)]))
    assert images.labels is None
    assert images.classes is None
    assert first_pixels(images) == [0, 1, 2, 3]


def test_dataset_of_pairs_reads_labels_when_asked() -> None:
    dataset = Pairs([(colour(0), "dog"), (colour(1), "cat"), (colour(2), "dog")])
    images = Images(dataset)
    assert dataset.asked == 0
    assert images.labels is not None
    assert images.labels.tolist() == [1, 0, 1]
    assert images.classes == ["cat", "dog"]
    assert dataset.asked == 4  # one look at what it holds, then every item once
    assert first_pixels(images) == [0, 1, 2]


def test_dataset_s_targets_and_classes_are_used() -> None:
    dataset = Pairs([(colour(0), 1), (colour(1), 0)], targets=[1, 0], classes=["zebra", "ant"])
    images = Images(dataset)
    before = dataset.asked
    assert images.labels is not None
    assert images.labels.tolist() == [1, 0]
    assert images.classes == ["zebra", "ant"]
    assert dataset.asked == before


def test_tensor_dataset_and_subset() -> None:
    pixels = torch.arange(5, dtype=torch.uint8)[:, None, None, None].expand(5, 3, 4, 4).contiguous()
    dataset = TensorDataset(pixels, torch.tensor([7, 7, 5, 5, 7]))
    images = Images(Subset(dataset, [4, 0, 2]))
    assert first_pixels(images) == [4, 0, 2]
    assert images.labels is not None
    assert images.labels.tolist() == [1, 1, 0]
    assert images.classes == ["5", "7"]


def test_float_tensors_of_a_dataset_are_scaled() -> None:
    images = Images(Pairs([torch.full((3, 4, 4), 0.5)]))
    assert first_pixels(images) == [128]


def test_an_item_that_fails_is_one_unreadable_image() -> None:
    class Broken(Pairs):
        def __getitem__(self, index: int) -> Any:
            if index == 1:
                raise RuntimeError("bad sector")
            return super().__getitem__(index)

    images = Images(Broken([colour(0), colour(1), colour(2)]))
    with pytest.raises(UnlabeledError, match=r"image '1' .*RuntimeError: bad sector"):
        images.decode(1)
    prepared = images.prepare(on_error="skip")
    assert prepared.kept.tolist() == [0, 2]
    assert prepared.labels is None


def test_labels_of_a_dataset_with_a_broken_first_item() -> None:
    class Broken(Pairs):
        def __getitem__(self, index: int) -> Any:
            if index == 0:
                raise RuntimeError("bad sector")
            return super().__getitem__(index)

    prepared = Images(Broken([None, (colour(1), "b"), (colour(2), "a")])).prepare(on_error="skip")
    assert prepared.labels is not None
    assert prepared.labels.tolist() == [1, 0]
    assert prepared.images.labels is not None
    assert prepared.images.labels.tolist() == [-1, 1, 0]


def test_empty_dataset() -> None:
    with pytest.raises(UnlabeledError, match="empty"):
        Images(Pairs([]))


# Fingerprints


def freeze(folder: Path) -> None:
    for path in folder.rglob("*.png"):
        os.utime(path, ns=(1, 1_000_000_000))


def test_folder_fingerprint_is_repeatable_and_follows_content(tmp_path: Path) -> None:
    def made(name: str) -> Path:
        for i in range(3):
            save(tmp_path / name / f"{i}.png", i)
        freeze(tmp_path / name)
        return tmp_path / name

    here = made("one")
    base = Images(here).fingerprint
    assert base == Images(here).fingerprint
    assert base == Images(made("elsewhere")).fingerprint  # the place does not count
    assert len(base) == 64
    os.utime(here / "1.png", ns=(1, 2_000_000_000))
    touched = Images(here).fingerprint
    freeze(here)
    (here / "1.png").write_bytes((here / "1.png").read_bytes() + b"x")
    freeze(here)
    grown = Images(here).fingerprint
    (here / "1.png").rename(here / "9.png")
    renamed = Images(here).fingerprint
    (here / "9.png").unlink()
    fewer = Images(here).fingerprint
    assert touched == base  # the same content at another time
    assert len({base, grown, renamed, fewer}) == 4


@pytest.mark.parametrize(
    "make",
    [
        lambda value: [colour(1), colour(value)],
        lambda value: [encoded(1), encoded(value)],
        lambda value: [np.asarray(colour(1)), np.asarray(colour(value))],
        lambda value: np.stack([np.asarray(colour(1)), np.asarray(colour(value))]),
        lambda value: Pairs([colour(1), colour(value)]),
        lambda value: torch.full((2, 4, 4), value, dtype=torch.uint8),
    ],
    ids=["PIL", "bytes", "arrays", "array", "dataset", "tensor"],
)
def test_fingerprint_in_memory_follows_content(make: Any) -> None:
    assert Images(make(2)).fingerprint == Images(make(2)).fingerprint
    assert Images(make(2)).fingerprint != Images(make(3)).fingerprint


def test_fingerprint_of_unreadable_items() -> None:
    truncated = Image.open(io.BytesIO(encoded(1)[:-30]))
    assert len(Images([truncated, colour(1)]).fingerprint) == 64

    class Broken(Pairs):
        def __getitem__(self, index: int) -> Any:
            raise RuntimeError("bad sector")

    assert len(Images(Broken([1, 2])).fingerprint) == 64
    assert Images(Broken([1, 2])).labels is None


def test_fingerprint_tells_the_order_of_images() -> None:
    assert Images([encoded(1), encoded(2)]).fingerprint != Images([encoded(2), encoded(1)]).fingerprint


def test_folders_that_divide_a_collection_are_no_classes(tmp_path: Path) -> None:
    for part in ("train", "val"):
        for i in range(3):
            save(tmp_path / "plain" / part / f"{i}.png", i)
            save(tmp_path / "classed" / part / ("cat" if i else "dog") / f"{i}.png", i)
    assert Images(tmp_path / "plain").classes is None
    assert Images(tmp_path / "classed").classes == ["cat", "dog"]


def test_a_stray_picture_beside_class_folders_is_unlabelled_and_said(tmp_path: Path) -> None:
    for i in range(20):
        save(tmp_path / ("cat" if i % 2 else "dog") / f"{i}.png", i)
    save(tmp_path / "stray.png", 1)
    images = Images(tmp_path)
    assert images.classes == ["cat", "dog"]
    assert images.labels is not None
    assert images.labels[images.ids.index("stray.png")] == -1
    assert "stray.png" in images.remarks[0]
    for i in range(4):
        save(tmp_path / f"more{i}.png", i)
    assert Images(tmp_path).classes is None
    assert "not taken for classes" in Images(tmp_path).remarks[0]


def test_files_that_are_left_out_are_counted_by_name(tmp_path: Path) -> None:
    save(tmp_path / "a.png", 1)
    for i in range(3):
        (tmp_path / f"{i}.raw").write_bytes(b"?")
    assert "3 files" in Images(tmp_path).remarks[0]
    assert "3 .raw" in Images(tmp_path).remarks[0]
