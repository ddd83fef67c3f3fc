"""Finding files: a path that must exist, the files under a folder, the encoder of a run, paths a text file lists."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

from unlabeled.counted import counted
from unlabeled.data.plain_text import lines_of, read_plain_text
from unlabeled.errors import UnlabeledError
from unlabeled.files import CONTENTS

WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".ods", ".numbers")
"""Suffixes of files of spreadsheet programs."""


def existing(path: str | os.PathLike[str]) -> Path:
    """Give the path if something is there, else raise with the names near it in its folder.

    The workbook of a spreadsheet program is refused too: no kind of data is read from one.
    """
    path = Path(path).expanduser()
    if path.exists():
        if path.suffix.lower() in WORKBOOKS and path.is_file():
            raise UnlabeledError(f"{path} is a workbook; save the sheet that is wanted as CSV and give that file")
        return path
    folder = path.parent
    if not folder.is_dir():
        raise UnlabeledError(f"{path} does not exist, nor does the folder {folder}")
    names = sorted(entry.name for entry in folder.iterdir())
    near = get_close_matches(path.name, names, n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    raise UnlabeledError(f"{path} does not exist{hint}")


def existing_picture(path: str | os.PathLike[str]) -> Path:
    """Give the path of one picture if a file is there."""
    path = existing(path)
    if path.is_dir():
        raise UnlabeledError(f"{path} is a folder; give one picture")
    return path


def files_under(folder: Path) -> list[Path]:
    """List all files below a folder, sorted by relative path; hidden files and folders are left out.

    Links are followed. A folder reached twice is listed once, by its own name rather than a link's, so a loop of
    links ends. Folders that this library wrote, such as that of a run, of labels or of a saved model, are left out:
    what is in them is no data.
    """
    return sorted(_walked(folder), key=lambda file: file.relative_to(folder).as_posix())


def _walked(folder: Path) -> Iterator[Path]:
    """Yield the files of `files_under` one by one, each folder read when its turn comes."""
    seen: set[tuple[int, int]] = set()
    waiting = deque([folder])
    while waiting:
        here = waiting.popleft()
        try:
            place = here.stat()
            if (place.st_dev, place.st_ino) in seen:
                continue
            seen.add((place.st_dev, place.st_ino))
            with os.scandir(here) as scan:
                entries = sorted((entry for entry in scan if not entry.name.startswith(".")), key=lambda e: e.name)
        except OSError as error:
            raise UnlabeledError(f"cannot read the folder {here}: {error.strerror}") from error
        for entry in entries:
            if entry.is_dir():
                if not _is_result(Path(entry.path)):
                    (waiting.append if entry.is_symlink() else waiting.appendleft)(Path(entry.path))
            # A broken link counts as a file, so that it is reported as unreadable and not silently left out.
            elif entry.is_file() or entry.is_symlink():
                yield Path(entry.path)


def _is_result(folder: Path) -> bool:
    """Tell a folder that this library wrote: a saved result, or a run or labels, finished or not."""
    if (folder / CONTENTS).is_file():
        return True
    named = any((folder / name).is_file() for name in ("run.json", "label.json"))
    return named and any((folder / name).exists() for name in (".lock", "model", "report.html"))


def holds_suffix(folder: Path, suffixes: Collection[str]) -> bool:
    """Tell whether any file of `files_under` has one of these suffixes, looking no further than the first."""
    return any(file.suffix.lower() in suffixes for file in _walked(folder))


def folder_of_encoder(path: str | os.PathLike[str]) -> Path:
    """Give the folder that holds the encoder of a run, or else the path itself."""
    folder = Path(path)
    return folder / "model" if (folder / "run.json").exists() else folder


def id_of(path: Path) -> str:
    """Give a path as an id that can be written anywhere: slashes, and bytes that are not UTF-8 as ``\\xe9``.

    Examples
    --------
    >>> print(id_of(Path("caf\\udce9.png")))
    caf\\xe9.png
    """
    return path.as_posix().encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def with_suffix_in(files: Sequence[Path], suffixes: Collection[str]) -> list[Path]:
    """Keep the files whose suffix, in lower case, is among `suffixes`."""
    return [file for file in files if file.suffix.lower() in suffixes]


def describe_suffixes(files: Sequence[Path]) -> str:
    """Say what kinds of files there are, commonest first, such as ``12 .txt, 3 .docx``."""
    counts = Counter(file.suffix.lower() or "without a suffix" for file in files)
    return ", ".join(f"{count} {suffix}" for suffix, count in counts.most_common(5))


def files_left_out(folder: Path, files: Sequence[Path], suffixes: Collection[str], what: str) -> list[str]:
    """Give a remark on the files without one of these suffixes, if there are any; `what` is what was sought."""
    others = [file for file in files if file.suffix.lower() not in suffixes]
    if not others:
        return []
    return [f"{counted(len(others), 'file')} of {folder} left out, for they are no {what}: {describe_suffixes(others)}"]


def listed_paths(listing: Path) -> tuple[list[Path], list[str]]:
    """Read a text file of paths, one a line.

    Blank lines and lines that start with ``#`` are passed over. Paths are relative to the folder of the text file.

    Returns
    -------
    paths : list of Path
    ids : list of str
        Each path relative to the text file's folder where it lies in it, else absolute; with POSIX slashes.

    Raises
    ------
    UnlabeledError
        If a listed file is missing (with its line number), the file is not text, or it lists nothing.
    """
    lines = lines_of(read_plain_text(listing))
    numbered = [(number, line.strip()) for number, line in enumerate(lines, start=1)]
    numbered = [(number, line) for number, line in numbered if line and not line.startswith("#")]
    if not numbered:
        raise UnlabeledError(f"{listing} lists no paths; it should hold one path a line, relative to {listing.parent}")
    paths = [listing.parent / Path(line).expanduser() for _, line in numbered]
    missing = [
        f"line {number}: {line}" for (number, line), path in zip(numbered, paths, strict=True) if not path.is_file()
    ]
    if missing:
        raise UnlabeledError(
            f"{listing} lists {len(missing)} of {len(paths)} files that do not exist "
            f"(paths are taken relative to {listing.parent}): {'; '.join(missing[:3])}{'; ...' * (len(missing) > 3)}"
        )
    return paths, [_relative(path, listing.parent) for path in paths]


def _relative(path: Path, folder: Path) -> str:
    plain, base = Path(os.path.normpath(path)), Path(os.path.normpath(folder))
    return id_of(plain.relative_to(base) if plain.is_relative_to(base) else plain.absolute())
