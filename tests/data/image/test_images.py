"""A collection of images: its labels, its pictures for display, and the size it has by nature."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from unlabeled.data import Images, LabelTable
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


# Labels given


def test_labels_for_each_image() -> None:
    images = Images([colour(i) for i in range(4)], labels=["b", None, "a", "b"])
    assert images.labels is not None
    assert images.labels.tolist() == [1, -1, 0, 1]
    assert images.classes == ["a", "b"]


def test_labels_from_a_table_replace_the_folders(tmp_path: Path) -> None:
    save(tmp_path / "x" / "a.png")
    save(tmp_path / "y" / "b.png")
    (tmp_path / "labels.csv").write_text("path,label\nx/a.png,good\n")
    for labels in (tmp_path / "labels.csv", str(tmp_path / "labels.csv"), LabelTable("t", ["a"], ["good"], [1])):
        images = Images(tmp_path, labels=labels)
        assert images.labels is not None
        assert images.labels.tolist() == [0, -1]
        assert images.classes == ["good"]


def test_labels_of_the_wrong_number() -> None:
    with pytest.raises(UnlabeledError, match="3 labels for 2 instances"):
        Images([colour(0), colour(1)], labels=[0, 1, 2])


# Display, sizes


def test_decode_gives_the_whole_picture(tmp_path: Path) -> None:
    save(tmp_path / "a.png", 5, width=30, height=20)
    decoded = Images(tmp_path).decode(0)
    assert decoded.size == (30, 20)
    assert decoded.mode == "RGB"
    with pytest.raises(UnlabeledError, match="more than the 599"):
        Images(tmp_path).decode(0, max_pixels=599)


def test_pictures_are_thumbnails_in_the_order_asked(tmp_path: Path) -> None:
    for i in range(3):
        save(tmp_path / f"{i}.png", i * 100, width=20, height=10)
    pictures = Images(tmp_path).pictures([2, 0], size=10)
    assert pictures.shape == (2, 10, 10, 3)
    assert pictures.dtype == np.uint8
    assert (pictures[0] == [200, 55, 7]).all()
    assert (pictures[1] == [0, 255, 7]).all()


def test_pictures_name_what_they_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_text("x")
    with pytest.raises(UnlabeledError, match=r"bad\.jpg"):
        Images(tmp_path).pictures([0], 8)
    with pytest.raises(UnlabeledError, match="unknown fit"):
        Images(tmp_path).pictures([0], 8, fit="fill")  # type: ignore[arg-type]  # the mistake under test


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        ([(28, 28)] * 3, 28),  # one size up to 64: kept
        ([(64, 64)] * 2, 64),
        ([(40, 30)] * 2, 30),
        ([(300, 200)] * 3, 64),  # large: 64
        ([(20, 90), (50, 40), (300, 300)], 40),  # the median of 20, 40 and 300
    ],
)
def test_natural_size(sides: list[tuple[int, int]], expected: int) -> None:
    images = Images([Image.new("L", side) for side in sides])
    assert images.natural_size() == expected
    assert images.prepare().size == expected


def test_natural_size_passes_over_unreadable_images() -> None:
    assert Images([b"broken", Image.new("L", (20, 20))]).natural_size() == 20
    assert Images([b"broken"]).natural_size() == 64


def test_natural_size_reads_few_headers_of_many(monkeypatch: pytest.MonkeyPatch) -> None:
    images = Images(np.zeros((5000, 8, 8), np.uint8))
    asked: list[int] = []
    monkeypatch.setattr(images.origin, "read", lambda i: asked.append(i) or Image.new("L", (8, 8)))
    assert images.natural_size() == 8
    assert len(asked) == 256
    assert (asked[0], asked[-1]) == (0, 4999)
