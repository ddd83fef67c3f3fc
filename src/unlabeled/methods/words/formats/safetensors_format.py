"""Vectors as safetensors: the table as one tensor, the words in two small ones beside it.

``vectors`` (n, dim) is float32 or float16; ``words`` holds the UTF-8 bytes of all words one after the other and
``word_ends`` where each ends; ``counts`` is there if they are known. The file's metadata say as ``oov`` what a look-up
does with an unknown word. Any word can be held, and the table can be left on disk.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.errors import UnlabeledError
from unlabeled.methods.words.formats.word_table import Content, check_words

NUMPY_TYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2")}


def read_safetensors(path: Path, mmap: bool) -> Content:
    """Read what `write_safetensors` wrote; with `mmap` the table stays on disk."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            names = set(file.keys())
            if not {"vectors", "words", "word_ends"} <= names:
                raise UnlabeledError(
                    f"{path} holds {', '.join(sorted(names)[:5]) or 'nothing'}, not the tensors of word vectors "
                    "(vectors, words, word_ends)"
                )
            words = _split(path, file.get_tensor("words"), file.get_tensor("word_ends"))
            counts = file.get_tensor("counts") if "counts" in names else None
            vectors = _mapped(path) if mmap else file.get_tensor("vectors")
            oov = (file.metadata() or {}).get("oov", "raise")
    except (SafetensorError, OSError) as error:
        raise UnlabeledError(f"{path} cannot be read ({error}); it is damaged or cut short") from error
    check_words(path, words, "row", 1)
    if len(set(words)) < len(words):
        raise UnlabeledError(f"{path}: a word comes twice; the file is damaged")
    return Content(words, vectors, counts, oov)


def write_safetensors(
    path: Path, words: Sequence[str], vectors: NDArray[Any], counts: NDArray[np.int64] | None, oov: str
) -> None:
    """Write words, vectors, counts and the policy for unknown words as a safetensors file."""
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    encoded = [word.encode("utf-8") for word in words]
    tensors = {
        "vectors": np.ascontiguousarray(vectors),
        "words": np.frombuffer(b"".join(encoded), np.uint8),
        "word_ends": np.cumsum([len(word) for word in encoded], dtype=np.int64),
    }
    if counts is not None:
        tensors["counts"] = np.ascontiguousarray(counts)
    try:
        save_file(tensors, path, {"format": "unlabeled word vectors", "oov": oov})
    except SafetensorError as error:
        # The writer wraps the file system's refusal in an error of its own.
        raise OSError(str(error)) from error


def _split(path: Path, data: NDArray[np.uint8], ends: NDArray[np.int64]) -> list[str]:
    text = data.tobytes()
    starts = np.concatenate(([0], ends))
    if (np.diff(starts) < 0).any() or starts[-1] != len(text):
        raise UnlabeledError(f"{path}: the words do not end where word_ends says; the file is damaged")
    try:
        return [text[a:b].decode("utf-8") for a, b in zip(starts[:-1].tolist(), ends.tolist(), strict=True)]
    except UnicodeDecodeError as error:
        raise UnlabeledError(f"{path}: a word is not valid UTF-8 ({error}); the file is damaged") from None


def _mapped(path: Path) -> NDArray[Any]:
    """Map the table into memory; the library has checked the file's header by now."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        entry = json.loads(file.read(length))["vectors"]
    dtype = NUMPY_TYPES.get(entry["dtype"])
    if dtype is None:
        raise UnlabeledError(f"{path}: vectors of type {entry['dtype']} cannot be left on disk; load without mmap")
    start = 8 + length + entry["data_offsets"][0]
    return np.memmap(path, dtype, mode="r", offset=start, shape=tuple(entry["shape"]))
