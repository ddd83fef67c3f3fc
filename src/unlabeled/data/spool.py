"""An array that grows at its end: in memory while it is small, in a file from then on."""

from __future__ import annotations

import tempfile
import weakref
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from unlabeled.errors import UnlabeledError

IN_MEMORY = 1 << 25  # bytes; 32 MiB are 8 million words. What is more goes to the folder for temporary files.
_BUFFER = 1 << 22  # bytes written at a time


class Spool:
    """Collects pieces of one long array.

    The file has no name on systems where files can live without one, so that nothing is left behind however the
    process ends; its space is given back when the last array that maps it is gone.

    Parameters
    ----------
    dtype : type
    what : str, default "the encoded text"
        What the array is to a person who has no room for it.
    """

    def __init__(self, dtype: type[np.generic], what: str = "the encoded text") -> None:
        self._dtype, self._what = np.dtype(dtype), what
        self._pieces: list[NDArray[Any]] = []
        self._waiting = 0
        self._file: IO[bytes] | None = None
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def append(self, piece: NDArray[Any]) -> None:
        """Add a copy of `piece` at the end."""
        self._pieces.append(piece.astype(self._dtype))
        self._length += len(piece)
        self._waiting += piece.nbytes
        if self._waiting > (IN_MEMORY if self._file is None else _BUFFER):
            self._write()

    def finish(self) -> NDArray[Any]:
        """Give the whole array, in memory or mapped; it may be written to."""
        if self._file is None:
            whole = np.concatenate([*self._pieces, np.empty(0, self._dtype)])
            self._pieces.clear()
            return whole
        self._write()
        return np.asarray(np.memmap(self._file, self._dtype, mode="r+", shape=(self._length,)))

    def _write(self) -> None:
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="unlabeled-", buffering=0)  # noqa: SIM115 - outlives this
                weakref.finalize(self, self._file.close)  # arrays that map the file keep it
            for piece in self._pieces:
                rest = np.ascontiguousarray(piece).view(np.uint8).data
                while rest:  # an unbuffered file may take less than it is given
                    rest = rest[self._file.write(rest) :]
            self._file.flush()
        except OSError as error:
            raise UnlabeledError(
                f"there is no room for {self._what} in {tempfile.gettempdir()} ({error.strerror}); "
                "make room there, or name another folder by the environment variable TMPDIR"
            ) from error
        self._pieces.clear()
        self._waiting = 0
