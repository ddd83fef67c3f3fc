from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from unlabeled.data import Vectors
from unlabeled.data.arrays import ArrayImages, as_array, load_array
from unlabeled.data.image.decode import as_uint8
from unlabeled.errors import UnlabeledError


def random_bytes(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def decoded(images: ArrayImages, i: int) -> NDArray[np.uint8]:
    return np.asarray(images.read(i))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_layouts(channels: int) -> None:
    last = random_bytes(6, 8, 9, channels)
    first = np.ascontiguousarray(last.transpose(0, 3, 1, 2))
    for array in (last, first, torch.from_numpy(last), torch.from_numpy(first)):
        images = ArrayImages(array)
        assert len(images) == 6
        np.testing.assert_array_equal(images.planes, first)
        np.testing.assert_array_equal(decoded(images, 4), last[4, ..., 0] if channels == 1 else last[4])


def test_grey_without_a_channel_axis() -> None:
    array = random_bytes(6, 8, 9)
    np.testing.assert_array_equal(decoded(ArrayImages(array), 2), array[2])


def test_where_both_layouts_fit_tensors_have_channels_first_and_arrays_last() -> None:
    array = random_bytes(2, 3, 5, 3)
    np.testing.assert_array_equal(decoded(ArrayImages(array), 0), array[0])
    np.testing.assert_array_equal(decoded(ArrayImages(torch.from_numpy(array)), 0), array[0].transpose(1, 2, 0))


def test_a_grid_of_rgba_is_shown_on_white() -> None:
    from unlabeled.data import Images

    array = np.zeros((1, 2, 2, 4), np.uint8)
    array[0, 0, 0] = [9, 8, 7, 255]
    assert np.asarray(Images(array).decode(0)).tolist() == [[[9, 8, 7], [255] * 3], [[255] * 3, [255] * 3]]


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_floats_round_to_the_nearest_level(kind: type) -> None:
    values = np.array([0, 0.001, 0.25, 0.5, 1], dtype=kind)
    assert as_uint8(values).tolist() == [0, 0, 64, 128, 255]
    every = (np.arange(256) / 255).astype(kind)
    assert as_uint8(every).tolist() == list(range(256))


def test_floats_of_a_tensor_that_needs_gradients() -> None:
    images = ArrayImages(torch.ones(2, 3, 4, 4, requires_grad=True))
    assert decoded(images, 0).min() == 255


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_placed(wrong: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unlabeled.data.fingerprint._CHUNK_BYTES", 2 * 4 * 5 * 3 * 8)  # the fault lies in the third
    array = np.full((7, 4, 5, 3), 0.5)
    array[5, 1, 4, 2] = wrong
    with pytest.raises(UnlabeledError, match=rf"{wrong} in image 5, row 1, column 4, channel 2"):
        ArrayImages(array)


@pytest.mark.parametrize(
    ("low", "high", "remedy"),
    [
        (0, 255, r"x / 255"),
        (0, 254, "x / 255"),
        (0, 16, "x / 16"),
        (-1, 1, r"\(x - x\.min\(\)\)"),
        (0, 1.001, "x / 1.001"),
    ],
)
def test_floats_out_of_range_are_placed_with_a_remedy(low: float, high: float, remedy: str) -> None:
    array = np.zeros((4, 8, 8), np.float32)
    array[2, 0, 0], array[3, 0, 0] = low, high
    where = 2 if low < 0 else 3
    with pytest.raises(UnlabeledError, match=rf"first outside \[0, 1\] in image {where}; .*{remedy}"):
        ArrayImages(array)


@pytest.mark.parametrize("kind", [np.int64, np.uint16, bool, complex, "U3", object])
def test_other_types_are_refused(kind: Any) -> None:
    with pytest.raises(UnlabeledError, match="uint8"):
        ArrayImages(np.zeros((2, 8, 8), dtype=kind))


@pytest.mark.parametrize("shape", [(0, 8, 8), (3, 0, 8), (0, 3, 8, 8)])
def test_empty_arrays(shape: tuple[int, ...]) -> None:
    with pytest.raises(UnlabeledError, match="no images"):
        ArrayImages(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("shape", [(8,), (4, 8), (2, 8, 8, 2), (2, 5, 8, 8), (1, 1, 3, 8, 8)])
def test_shapes_that_are_no_images(shape: tuple[int, ...]) -> None:
    with pytest.raises(UnlabeledError, match="has shape"):
        ArrayImages(np.zeros(shape, np.uint8))


def test_one_colour_image_is_not_mistaken_for_many_grey_ones() -> None:
    with pytest.raises(UnlabeledError, match="one colour image"):
        ArrayImages(np.zeros((28, 28, 3), np.uint8))


def test_npy_is_mapped(tmp_path: Path) -> None:
    array = random_bytes(3, 4, 4)
    np.save(tmp_path / "x.npy", array)
    loaded, labels = load_array(tmp_path / "x.npy")
    assert isinstance(loaded, np.memmap)
    assert labels is None
    np.testing.assert_array_equal(loaded, array)


@pytest.mark.parametrize(
    ("names", "data", "labels"),
    [
        (["anything"], "anything", None),
        (["x", "y"], "x", "y"),
        (["Images", "Labels"], "Images", "Labels"),
        (["other", "vectors", "label"], "vectors", "label"),
        (["arr_0", "arr_1"], "arr_0", "arr_1"),
        (["pixels", "labels"], "pixels", "labels"),
    ],
)
def test_npz_keys(tmp_path: Path, names: list[str], data: str, labels: str | None) -> None:
    content = {name: np.full(2, i) for i, name in enumerate(names)}
    np.savez(tmp_path / "x.npz", **content)
    found, found_labels = load_array(tmp_path / "x.npz")
    np.testing.assert_array_equal(found, content[data])
    assert (found_labels is None) == (labels is None)
    if labels is not None:
        np.testing.assert_array_equal(found_labels, content[labels])


def test_npz_with_several_unknown_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", train=np.zeros(2), test=np.zeros(2))
    with pytest.raises(UnlabeledError, match="train, test; call the data 'images'"):
        load_array(tmp_path / "x.npz")


def test_pickled_and_damaged_files_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "pickled.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "whole.npz", x=random_bytes(1000))
    (tmp_path / "cut.npz").write_bytes((tmp_path / "whole.npz").read_bytes()[:500])
    (tmp_path / "text.npy").write_text("no array")
    for name in ("pickled.npy", "cut.npz", "text.npy"):
        with pytest.raises(UnlabeledError, match=rf"cannot read .*{name}") as refusal:
            load_array(tmp_path / name)
        assert "allow_pickle" not in str(refusal.value)


def test_labels_in_an_archive(tmp_path: Path) -> None:
    from unlabeled.data import Images

    np.savez(tmp_path / "x.npz", images=random_bytes(3, 4, 4), labels=np.array([5, -1, 2]))
    images = Images(tmp_path / "x.npz")
    assert images.labels is not None
    assert images.labels.tolist() == [1, -1, 0]
    assert images.classes == ["2", "5"]
    np.savez(tmp_path / "bad.npz", images=random_bytes(3, 4, 4), labels=np.array([5]))
    with pytest.raises(UnlabeledError, match="3 images but 1 labels"):
        Images(tmp_path / "bad.npz")


def test_an_archive_that_says_it_is_larger_than_memory_is_refused_before_it_is_read(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**9, 10**6)})
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("x.npy", header.getvalue())
    with pytest.raises(UnlabeledError, match=r"the array 'x' in .*x\.npz, of shape .* needs 8,000,000.0 GB"):
        load_array(tmp_path / "x.npz")


def test_what_is_masked_is_nan_and_so_refused_by_place() -> None:
    rows = np.ma.masked_array([[1, 2], [3, 4]], [[False, False], [False, True]])
    assert np.isnan(as_array(rows)[1, 1])
    with pytest.raises(UnlabeledError, match="nan in row 1, column 1"):
        Vectors(rows)
    assert as_array(np.ma.masked_array([1, 2])).dtype == np.int64
