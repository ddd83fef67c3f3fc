from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from unlabeled.data.fingerprint import chunks, file_digest, file_state, fingerprint


def test_it_is_the_sha256_of_length_and_content() -> None:
    expected = hashlib.sha256((2).to_bytes(8, "little") + b"ab" + (1).to_bytes(8, "little") + b"c").hexdigest()
    assert fingerprint(["ab", b"c"]) == expected


def test_the_division_into_parts_counts() -> None:
    assert len({fingerprint(parts) for parts in (["ab", "c"], ["a", "bc"], ["abc"], ["abc", ""])}) == 4


def test_arrays_by_value_type_and_shape() -> None:
    base = np.arange(12, dtype=np.int32)
    assert fingerprint([base]) == fingerprint([np.arange(12, dtype=np.int32)])
    assert fingerprint([base]) == fingerprint([np.arange(24, dtype=np.int32)[::2] // 2])
    others = [base.reshape(3, 4), base.reshape(4, 3), base.astype(np.int64), base + 1, base[::-1]]
    assert len({fingerprint([a]) for a in [base, *others]}) == 6


def test_layout_in_memory_does_not_count() -> None:
    array = np.arange(24.0).reshape(4, 6)
    assert fingerprint([array]) == fingerprint([np.asfortranarray(array)])


@pytest.mark.parametrize("shape", [(0, 3), (1, 5), (1000, 7)])
def test_chunks_cover_the_rows_once(shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unlabeled.data.fingerprint._CHUNK_BYTES", 100)
    array = np.arange(shape[0] * shape[1], dtype=np.int64).reshape(shape)
    parts = list(chunks(array))
    assert all(part.nbytes <= 100 for part in parts)
    np.testing.assert_array_equal(np.concatenate([array[:0], *parts]), array)


def test_chunking_does_not_change_the_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    array = np.arange(1000.0).reshape(100, 10)
    whole = fingerprint([array])
    monkeypatch.setattr("unlabeled.data.fingerprint._CHUNK_BYTES", 100)
    assert fingerprint([array]) == whole


def test_the_state_of_a_file_is_its_size_and_time(tmp_path: Path) -> None:
    path = tmp_path / "a"
    assert file_state(path) == "missing"
    path.write_bytes(b"12")
    os.utime(path, ns=(5, 7))
    assert file_state(path) == "2 7"


def test_the_digest_of_a_file_is_of_its_content_alone(tmp_path: Path) -> None:
    path = tmp_path / "a"
    assert file_digest(path) == "missing"
    path.write_bytes(b"12")
    before = file_digest(path)
    os.utime(path, ns=(5, 7))
    assert file_digest(path) == before == hashlib.sha256(b"12").hexdigest()
    path.write_bytes(b"21")
    assert file_digest(path) != before
