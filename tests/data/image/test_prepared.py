from __future__ import annotations

import io
import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from unlabeled.data import Images, PreparedImages
from unlabeled.data.image.prepared import Skipped
from unlabeled.errors import UnlabeledError


def random_bytes(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def folder_of(tmp_path: Path, count: int, size: int = 12) -> tuple[Path, NDArray[np.uint8]]:
    values = random_bytes(count, size, size, 3)
    for i, value in enumerate(values):
        Image.fromarray(value).save(tmp_path / f"{i:03}.png")
    return tmp_path, values.transpose(0, 3, 1, 2)


def truncated_jpeg() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(random_bytes(64, 64, 3)).save(buffer, "JPEG")
    return buffer.getvalue()[:2000]


def spoil(folder: Path) -> None:
    """Make image 3 a truncated JPEG, 7 a text and 9 empty."""
    for i, content in ((3, truncated_jpeg()), (7, b"a text"), (9, b"")):
        (folder / f"{i:03}.png").unlink()
        (folder / f"{i:03}.jpg").write_bytes(content)


def our_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("unlabeled-data")]


# What comes out


@pytest.mark.parametrize("cache_bytes", [1 << 30, 0])
@pytest.mark.parametrize("workers", [1, 3])
def test_every_image_is_in_its_place(tmp_path: Path, cache_bytes: int, workers: int) -> None:
    folder, values = folder_of(tmp_path, 50)
    prepared = Images(folder).prepare(cache_bytes=cache_bytes, workers=workers)
    assert (len(prepared), prepared.size, prepared.channels, prepared.kind) == (50, 12, 3, "image")
    assert (prepared.pixels is None) == (cache_bytes == 0)
    order = torch.from_numpy(np.random.default_rng(1).permutation(50))
    batch = prepared.gather(order).values
    assert batch.dtype == torch.uint8
    assert batch.is_contiguous()
    np.testing.assert_array_equal(batch, values[order])
    again = list(prepared.batches(order.split(7), prefetch=3))
    np.testing.assert_array_equal(torch.cat([b.values for b in again]), values[order])


@pytest.mark.parametrize("cache_bytes", [1 << 30, 0])
def test_indices_may_repeat_and_be_few(tmp_path: Path, cache_bytes: int) -> None:
    folder, values = folder_of(tmp_path, 5)
    prepared = Images(folder).prepare(cache_bytes=cache_bytes)
    for indices in ([4, 0, 4, 4], [2], []):
        batch = prepared.gather(torch.tensor(indices, dtype=torch.int64)).values
        np.testing.assert_array_equal(batch, values[np.array(indices, dtype=int)])


@pytest.mark.parametrize("cache_bytes", [1 << 30, 0])
def test_a_batch_is_memory_of_its_own(tmp_path: Path, cache_bytes: int) -> None:
    folder, values = folder_of(tmp_path, 3)
    for prepared in (Images(folder).prepare(cache_bytes=cache_bytes), Images(values).prepare()):
        prepared.gather(torch.arange(3)).values.zero_()
        np.testing.assert_array_equal(prepared.gather(torch.arange(3)).values, values)


def test_exactly_fitting_cache_is_used(tmp_path: Path) -> None:
    folder, _ = folder_of(tmp_path, 4)
    assert Images(folder).prepare(cache_bytes=4 * 3 * 12 * 12).pixels is not None
    assert Images(folder).prepare(cache_bytes=4 * 3 * 12 * 12 - 1).pixels is None


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("fit", ["crop", "squash", "pad"])
def test_size_fit_and_channels_are_those_of_the_decoder(tmp_path: Path, channels: int, fit: Any) -> None:
    from unlabeled.data.image.decode import pixels

    for i, (height, width) in enumerate([(20, 30), (9, 40), (16, 16)]):
        Image.fromarray(random_bytes(height, width, 3)).save(tmp_path / f"{i}.png")
    prepared = Images(tmp_path).prepare(size=16, fit=fit, channels=channels)
    for i in range(3):
        expected = pixels(tmp_path / f"{i}.png", 16, fit, channels)
        np.testing.assert_array_equal(prepared.gather(torch.tensor([i])).values[0], expected)


def test_ids_labels_and_classes_are_those_kept(tmp_path: Path) -> None:
    for name in ("cat/1.png", "cat/2.png", "dog/3.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("L", (4, 4)).save(tmp_path / name)
    (tmp_path / "cat/2.png").write_bytes(b"broken")
    prepared = Images(tmp_path).prepare(on_error="skip")
    assert prepared.ids == ["cat/1.png", "dog/3.png"]
    assert prepared.labels is not None
    assert prepared.labels.tolist() == [0, 1]
    assert prepared.classes == ["cat", "dog"]
    assert repr(prepared) == "PreparedImages(2 of 3×4×4, 1 skipped)"


# Arrays


@pytest.mark.parametrize("channels_last", [False, True])
def test_a_fitting_array_is_not_copied(channels_last: bool) -> None:
    array = random_bytes(10, 8, 8, 3) if channels_last else random_bytes(10, 3, 8, 8)
    array.setflags(write=False)  # nor may it be written to
    prepared = Images(array).prepare()
    assert prepared.pixels is not None
    assert np.shares_memory(prepared.pixels, array)
    expected = array.transpose(0, 3, 1, 2) if channels_last else array
    batch = prepared.gather(torch.tensor([7, 1])).values
    assert batch.is_contiguous()
    np.testing.assert_array_equal(batch, expected[[7, 1]])


def test_a_tensor_is_not_copied() -> None:
    tensor = torch.from_numpy(random_bytes(10, 3, 8, 8))
    prepared = Images(tensor).prepare()
    tensor[4] = 77
    assert (prepared.gather(torch.tensor([4])).values == 77).all()


def test_grey_arrays_become_colour_without_a_copy() -> None:
    array = random_bytes(10, 8, 8)
    prepared = Images(array).prepare()
    assert prepared.pixels is not None
    assert np.shares_memory(prepared.pixels, array)
    np.testing.assert_array_equal(prepared.gather(torch.tensor([3])).values[0], np.stack([array[3]] * 3))
    assert Images(array).prepare(channels=1).gather(torch.tensor([3])).values.shape == (1, 1, 8, 8)


def test_a_mapped_file_stays_on_disk(tmp_path: Path) -> None:
    array = random_bytes(10, 8, 8, 3)
    np.save(tmp_path / "x.npy", array)
    prepared = Images(tmp_path / "x.npy").prepare()
    base: Any = prepared.pixels
    while isinstance(base, np.ndarray) and not isinstance(base, np.memmap):
        base = base.base
    assert isinstance(base, np.memmap)
    np.testing.assert_array_equal(prepared.gather(torch.tensor([9, 2])).values, array[[9, 2]].transpose(0, 3, 1, 2))


@pytest.mark.parametrize("cache_bytes", [1 << 30, 0])
def test_float_arrays_become_uint8(cache_bytes: int) -> None:
    array = random_bytes(6, 3, 8, 8)
    prepared = Images(array / 255).prepare(cache_bytes=cache_bytes)
    np.testing.assert_array_equal(prepared.gather(torch.arange(6)).values, array)


def test_arrays_of_another_size_or_colour_are_converted() -> None:
    array = random_bytes(4, 3, 8, 8)
    assert Images(array).prepare(size=4).gather(torch.arange(4)).values.shape == (4, 3, 4, 4)
    grey = Images(array).prepare(channels=1).gather(torch.arange(4)).values
    np.testing.assert_array_equal(
        grey[2, 0], np.asarray(Image.fromarray(array[2].transpose(1, 2, 0).copy()).convert("L"))
    )


# Unreadable images


@pytest.mark.parametrize("cache_bytes", [1 << 30, 0])
def test_the_first_unreadable_image_stops_the_run_by_name(tmp_path: Path, cache_bytes: int) -> None:
    folder, _ = folder_of(tmp_path, 40)
    spoil(folder)
    with pytest.raises(UnlabeledError, match=r"cannot read image '003\.jpg' of .*on_error='skip'"):
        Images(folder).prepare(cache_bytes=cache_bytes)
    assert not our_threads()


def test_it_stops_at_once() -> None:
    class Counting(list[Any]):
        read = 0

        def __getitem__(self, index: Any) -> Any:
            Counting.read += 1
            return super().__getitem__(index)

    images = Images([b"broken"] + [Image.new("L", (4, 4))] * 5000)
    images.origin._items = Counting(images.origin._items)  # type: ignore[attr-defined]  # to see what is read
    with pytest.raises(UnlabeledError):
        images.prepare(size=4, workers=2)
    assert Counting.read < 500


@pytest.mark.parametrize("cache_bytes", [1 << 30, 0])
def test_unreadable_images_are_skipped_and_listed(tmp_path: Path, cache_bytes: int) -> None:
    folder, values = folder_of(tmp_path, 40)
    spoil(folder)
    prepared = Images(folder).prepare(on_error="skip", cache_bytes=cache_bytes, workers=3)
    kept = [i for i in range(40) if i not in (3, 7, 9)]
    assert prepared.kept.tolist() == kept
    assert [s.id for s in prepared.skipped] == ["003.jpg", "007.jpg", "009.jpg"]
    assert "truncated" in prepared.skipped[0].reason
    assert prepared.skipped[2] == Skipped("009.jpg", "the file is empty")
    assert len(prepared) == 37
    np.testing.assert_array_equal(prepared.gather(torch.arange(37)).values, values[kept])


def test_all_unreadable_is_an_error(tmp_path: Path) -> None:
    for i in range(3):
        (tmp_path / f"{i}.jpg").write_text("text")
    with pytest.raises(UnlabeledError, match=r"none of the 3 images .*'0\.jpg': not an image"):
        Images(tmp_path).prepare(on_error="skip")


def test_a_bomb_is_skipped_with_its_size() -> None:
    images = Images([Image.new("L", (30, 20)), Image.new("L", (10, 10))])
    prepared = images.prepare(max_pixels=500, on_error="skip")
    assert prepared.kept.tolist() == [1]
    assert "30 × 20 pixels are more than the 500" in prepared.skipped[0].reason


def test_an_image_that_goes_bad_later_is_named(tmp_path: Path) -> None:
    folder, _ = folder_of(tmp_path, 4)
    prepared = Images(folder).prepare(cache_bytes=0)
    (folder / "002.png").unlink()
    with pytest.raises(UnlabeledError, match=r"'002\.png'.*could be read before"):
        list(prepared.batches([torch.arange(4)]))
    assert not our_threads()


# Bounds, progress, settings


def test_streaming_holds_few_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, _ = folder_of(tmp_path, 30)
    prepared = Images(folder).prepare(cache_bytes=0, workers=2)
    alive, most, lock = 0, 0, threading.Lock()
    gather = PreparedImages.gather

    def forget() -> None:
        nonlocal alive
        with lock:
            alive -= 1

    def counted(self: PreparedImages, indices: torch.Tensor) -> torch.Tensor:
        nonlocal alive, most
        with lock:
            alive += 1
            most = max(most, alive)
        batch = gather(self, indices)
        weakref.finalize(batch, forget)
        return batch

    monkeypatch.setattr(PreparedImages, "gather", counted)
    batches = prepared.batches(torch.arange(30).split(3), prefetch=2)
    seen = 0
    while (batch := next(batches, None)) is not None:
        seen += len(batch)
        del batch
    assert seen == 30
    assert most <= 3


def test_early_stop_leaves_no_thread(tmp_path: Path) -> None:
    folder, _ = folder_of(tmp_path, 30)
    prepared = Images(folder).prepare(cache_bytes=0, workers=2)
    for _ in prepared.batches(torch.arange(30).split(3), prefetch=4):
        break
    assert not our_threads()


def test_small_files_in_memory_are_decoded_by_one_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0, 2, 4, 6}, raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 64)

    def encoded(size: int) -> bytes:
        file = io.BytesIO()
        Image.fromarray(random_bytes(size, size, 3)).save(file, "PNG")
        return file.getvalue()

    small, large = encoded(8), encoded(64)
    assert len(small) < 4096 < len(large)
    assert Images([small] * 9).prepare().workers == 1
    assert Images([small, large]).prepare().workers == 4
    assert Images(folder_of(tmp_path, 3)[0]).prepare().workers == 4  # a disk may be slow, and threads wait together
    assert Images([small] * 9).prepare(workers=3).workers == 3


def test_progress_rises_to_the_total(tmp_path: Path) -> None:
    folder, _ = folder_of(tmp_path, 40)
    seen: list[tuple[int, int]] = []
    Images(folder).prepare(progress=lambda done, total: seen.append((done, total)))
    assert seen == [(16, 40), (32, 40), (40, 40)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fit": "fill"}, "unknown fit"),
        ({"on_error": "ignore"}, "unknown on_error"),
        ({"channels": 4}, "channels must be"),
        ({"size": 0}, "size must be"),
    ],
)
def test_settings_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UnlabeledError, match=message):
        Images(np.zeros((2, 8, 8), np.uint8)).prepare(**options)


def test_fingerprint_follows_content_geometry_and_what_is_kept() -> None:
    def made(**options: Any) -> str:
        return (
            Images([Image.new("L", (8, 8), 1), Image.new("L", (9, 9), 2)])
            .prepare(on_error="skip", **options)
            .fingerprint
        )

    prints = [made(), made(size=5), made(size=5, fit="pad"), made(size=5, channels=1), made(size=8, max_pixels=70)]
    assert len(set(prints)) == 5
    assert made() == prints[0]
    assert made(cache_bytes=0, workers=3) == prints[0]  # how it is read does not count


def test_a_size_of_more_pixels_than_are_decoded_is_refused():
    """To scale one image to it would take all memory before anything fails."""
    images = Images(np.zeros((2, 8, 8, 3), np.uint8))
    with pytest.raises(UnlabeledError, match="size must be a whole number from 1 to 10000, got 100000"):
        images.prepare(size=100_000)
    with pytest.raises(UnlabeledError, match="from 1 to 30, got 31"):
        images.prepare(size=31, max_pixels=900)
    assert images.prepare(size=30, max_pixels=900).size == 30
