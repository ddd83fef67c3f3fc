"""Files that are whole or absent: written aside, synced and renamed; and a lock on a folder."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from unlabeled.errors import FolderLockedError, UnlabeledError

if TYPE_CHECKING:
    from numpy.typing import NDArray


P = ParamSpec("P")
T = TypeVar("T")
CONTENTS = ".unlabeled.json"
"""The file in a saved folder that lists what else was written into it."""
SHOWN = 40
"""Most characters of a file's name that its temporary name repeats; with all of a long name it would be too long."""
OF_THE_SYSTEM = (".DS_Store", "Thumbs.db", "desktop.ini")
"""Files that file managers put into folders unasked."""


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _cannot_write(target: Path, error: OSError) -> UnlabeledError:
    return UnlabeledError(f"cannot write {target}: {error.strerror or error}. Nothing was changed there.")


@contextmanager
def written_aside(target: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a path to write to; when the block ends well, that file becomes `target` in one step.

    If the block fails (a full disk, an interrupt), `target` is left as it was and the partial file is removed.

    Raises
    ------
    UnlabeledError
        If the file system refuses the write, or `target` is a device or a pipe.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> target = pathlib.Path(tempfile.mkdtemp()) / "note.txt"
    >>> with written_aside(target) as aside:
    ...     _ = aside.write_text("whole or absent")
    >>> target.read_text()
    'whole or absent'
    """
    target = Path(target)
    aside: Path | None = None
    try:
        _check_ordinary(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        # The suffix is kept, because many writers choose the format by it.
        descriptor, name = tempfile.mkstemp(prefix=f".{target.stem[:SHOWN]}-", suffix=target.suffix, dir=target.parent)
        os.close(descriptor)
        aside = Path(name)
        yield aside
        aside.chmod(0o666 & ~_umask())  # mkstemp makes private files; the result is an ordinary one
        _sync(aside)
        aside.replace(target)
        _sync(target.parent)
    except OSError as error:
        raise _cannot_write(target, error) from error
    finally:
        if aside is not None:
            aside.unlink(missing_ok=True)


@contextmanager
def folder_written_aside(target: str | os.PathLike[str], kind: str = "model") -> Iterator[Path]:
    """Yield an empty folder to fill; when the block ends well, it takes the place of `target`.

    A reader sees the old folder or the new one. A folder cannot be exchanged for another in one portable step, so a
    crash between the two renames leaves the old content beside `target`, under a name that starts with a dot.

    The file ``.unlabeled.json`` lists what was written, so that the folder can be told from one of the user's:
    see `check_replaceable`.

    Parameters
    ----------
    target : path
    kind : str, default "model"
        What is saved. Only a result of the same kind is replaced.

    Raises
    ------
    UnlabeledError
        If `target` holds anything that was not written by this function, or the file system refuses the write.
    """
    target = Path(os.path.realpath(target))  # of a link, the folder that it leads to
    check_replaceable(target, kind)
    aside: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{target.name[:SHOWN]}-", dir=target.parent))
        aside.chmod(0o777 & ~_umask())
        yield aside
        (aside / CONTENTS).write_text(_listed(aside, kind), encoding="utf-8")
        for path in sorted(aside.rglob("*")):
            path.chmod((0o777 if path.is_dir() else 0o666) & ~_umask())  # some libraries make private files
            _sync(path)
        check_replaceable(target, kind)  # something may have come into it meanwhile
        _exchange(aside, target)
    except OSError as error:
        raise _cannot_write(target, error) from error
    finally:
        if aside is not None:
            shutil.rmtree(aside, ignore_errors=True)


def renew_contents(folder: str | os.PathLike[str], kind: str) -> None:
    """List the files of a saved folder again, after it was changed where it is."""
    with written_aside(Path(folder) / CONTENTS) as aside:
        aside.write_text(_listed(Path(folder), kind, {aside.name, CONTENTS}), encoding="utf-8")


def _listed(folder: Path, kind: str, but: Iterable[str] = ()) -> str:
    contents = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.name not in but)
    return json.dumps({"kind": kind, "contents": contents})


def check_replaceable(folder: str | os.PathLike[str], kind: str = "model") -> None:
    """Refuse a folder that may not be replaced, because it holds something that `folder_written_aside` did not write.

    A folder that does not exist may be written, and an empty one, or a saved result of the same kind, replaced.

    Raises
    ------
    UnlabeledError
        With the name of what it holds, or if `folder` is a file.
    """
    folder = Path(os.path.realpath(folder))
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UnlabeledError(f"{folder} is a file, and what is saved here is a folder; choose another name")
    saved, ours = _contents(folder)
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.name not in OF_THE_SYSTEM)
    others = sorted(set(found) - {CONTENTS, *ours})
    if others:
        raise UnlabeledError(
            f"{folder} holds {others[0]!r}, which was not saved here by this library, so the folder is not replaced; "
            "choose another one"
        )
    if ours and saved != kind:
        raise UnlabeledError(f"{folder} holds a saved {saved}, which a {kind} does not replace; choose another folder")


def _contents(folder: Path) -> tuple[str, list[str]]:
    """Give what a saved folder holds, and the names of it; without a list that can be read there are none."""
    try:
        saved = json.loads((folder / CONTENTS).read_text(encoding="utf-8"))
        return str(saved["kind"]), [name for name in saved["contents"] if isinstance(name, str)]
    except (OSError, ValueError, KeyError, TypeError):
        return "", []


def _exchange(new: Path, target: Path) -> None:
    old = new.with_name(new.name + "-old")
    if target.exists():
        target.replace(old)
    try:
        new.replace(target)
    except BaseException:
        if old.exists():
            old.replace(target)
        raise
    _sync(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def check_writable(target: str | os.PathLike[str]) -> None:
    """Refuse, before the work of hours, a file or folder that could not be written in the end.

    Raises
    ------
    UnlabeledError
        If the nearest folder above it that exists is no folder, or not one that may be written to.
    """
    there = next(folder for folder in Path(target).absolute().parents if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise UnlabeledError(f"{target} cannot be written: {there} is no folder that you may write to")


def check_output(target: str | os.PathLike[str], inputs: Iterable[Any] = (), *, overwrite: bool = False) -> None:
    """Refuse, before the work, a file that would replace what is read, or anything else unasked.

    Parameters
    ----------
    target : path
        The file to write.
    inputs : iterable
        What is read. Those that are paths are compared with `target`; a folder stands for all files in it. They are
        never replaced, also not by `overwrite`.
    overwrite : bool, default False
        Replace another file that is there.

    Raises
    ------
    UnlabeledError
        If `target` is among the inputs, a folder, taken, or in a place that cannot be written.

    Examples
    --------
    >>> check_output("photo.png", ["photo.png"])
    Traceback (most recent call last):
    unlabeled.errors.UnlabeledError: photo.png is what is read; give the result another name
    """
    path = Path(target)
    for given in inputs:
        if isinstance(given, str | os.PathLike) and _is_part(path, Path(given)):
            raise UnlabeledError(f"{path} is what is read; give the result another name")
    if path.is_dir():
        raise UnlabeledError(f"{path} is a folder; name a file for the result")
    _check_ordinary(path)
    if not overwrite and (path.exists() or path.is_symlink()):
        raise UnlabeledError(f"{path} exists already; choose another name, or replace it with --overwrite")
    check_writable(path)


def _check_ordinary(path: Path) -> None:
    """Refuse a device or a pipe, such as /dev/null: a file would take its place."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise UnlabeledError(f"{path} is a device or a pipe, which a result would replace; name an ordinary file")


def check_output_folder(
    target: str | os.PathLike[str],
    inputs: Iterable[Any] = (),
    *,
    kind: str = "model",
    overwrite: bool = False,
) -> None:
    """Refuse, before the work, a folder that would replace what is read, or anything else unasked.

    Parameters
    ----------
    target : path
        The folder to write, by `folder_written_aside`.
    inputs : iterable
        What is read. Those that are paths may neither be `target` nor lie in it, also not with `overwrite`.
    kind : str, default "model"
        What is saved. Only a result of the same kind is replaced.
    overwrite : bool, default False
        Replace a result that is there.

    Raises
    ------
    UnlabeledError
        If `target` is or holds an input, holds something else, is taken, is in a place that cannot be written, or has
        a name that is not UTF-8.

    Examples
    --------
    >>> check_output_folder("texts", ["texts/a.txt"])
    Traceback (most recent call last):
    unlabeled.errors.UnlabeledError: texts/a.txt is read, and lies in texts; give the result another name
    """
    check_not_within(target, inputs)
    check_encodable(target)
    check_replaceable(target, kind)
    folder = Path(target)
    if folder.exists() and any(folder.iterdir()) and not overwrite:
        raise UnlabeledError(f"{folder} exists already; choose another name, or replace it with --overwrite")
    check_writable(folder)


def check_encodable(target: str | os.PathLike[str]) -> None:
    """Refuse, before the work, a place of a result whose name is not UTF-8: writers of tables take no other.

    Raises
    ------
    UnlabeledError
    """
    try:
        os.path.realpath(target).encode()
    except UnicodeEncodeError:
        raise UnlabeledError(
            f"{target} cannot be written: its name, or that of a folder that it lies in, is not UTF-8; choose another"
        ) from None


def check_not_within(folder: str | os.PathLike[str], inputs: Iterable[Any]) -> None:
    """Refuse a folder for results that is an input or holds one: it would be replaced by what is made of it.

    Raises
    ------
    UnlabeledError
        With the name of the input.
    """
    for given in inputs:
        if isinstance(given, str | os.PathLike) and _is_within(Path(given), Path(folder)):
            where = "" if os.path.realpath(given) == os.path.realpath(folder) else f", and lies in {folder}"
            raise UnlabeledError(f"{given} is read{where}; give the result another name")


def _is_within(path: Path, folder: Path) -> bool:
    try:
        return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
    except (OSError, ValueError):  # a text, which is no path
        return False


def _is_part(path: Path, given: Path) -> bool:
    """Tell whether a file is another by whatever name or link, or lies in that folder already."""
    try:
        if os.path.realpath(path) == os.path.realpath(given):
            return True
        if not path.exists() or not given.exists():
            return False
        return path.samefile(given) or (given.is_dir() and Path(os.path.realpath(path)).is_relative_to(given.resolve()))
    except (OSError, ValueError):  # a name too long for a path, or with a zero byte, such as a text
        return False


def write_json(target: str | os.PathLike[str], content: Any) -> None:
    """Write `content` as indented JSON, whole or not at all."""
    with written_aside(target) as aside:
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        aside.write_text(text, encoding="utf-8", errors="backslashreplace")  # what UTF-8 lacks is a JSON escape then


def read_json(path: str | os.PathLike[str]) -> Any:
    """Read a JSON file; a missing or malformed one is an error that names it."""
    path = Path(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnlabeledError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise UnlabeledError(f"{path} is not valid JSON ({error}); it may be damaged or not one of ours") from error


def refuses_damage(load: Callable[P, T]) -> Callable[P, T]:
    """Make a function that reads a saved folder or file say that this is damaged, whatever it stumbles on.

    What is read comes from outside, so that a key may be missing, a number may be text, or a size beyond all memory.
    The path is the first argument that is one.
    """

    @wraps(load)
    def checked(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return load(*args, **kwargs)
        except (UnlabeledError, KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException as error:  # libraries in Rust panic with an exception that is no Exception
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            given = (*args, *kwargs.values())
            path = next((each for each in given if isinstance(each, str | os.PathLike)), None)
            if path is None:
                if not (others := [each for each in given if not isinstance(each, type)]):
                    raise  # nothing was given, and Python says so
                raise UnlabeledError(f"what is saved is loaded from a path, not from {others[-1]!r:.60}") from error
            raise UnlabeledError(
                f"{os.fspath(path)} is damaged, or not one of ours ({type(error).__name__}: {error})"
            ) from error

    return checked


def save_arrays(arrays: dict[str, NDArray[Any]], path: Path) -> None:
    """Write arrays as safetensors; a refusal of the file system is an `OSError`."""
    import numpy as np
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    try:
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path)
    except SafetensorError as error:
        raise OSError(str(error)) from error


def load_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read a safetensors file; a missing or damaged one is an error that names it."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        arrays: dict[str, NDArray[Any]] = load_file(path)
    except FileNotFoundError:
        raise UnlabeledError(f"{path} is missing") from None
    except (SafetensorError, OSError, ValueError, TypeError, MemoryError) as error:
        raise UnlabeledError(f"{path} cannot be read ({error}); it is damaged or not a safetensors file") from error
    return arrays


@contextmanager
def folder_lock(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Hold `folder` for one writer; a second one is refused at once with an error, never made to wait.

    The lock is the operating system's, so it goes with the process that held it, however that process ended.

    Raises
    ------
    FolderLockedError
        If it is held.
    UnlabeledError
        If the file system refuses the file of the lock.
    """
    from filelock import FileLock, Timeout

    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock")
        lock.acquire(timeout=0)
    except Timeout as error:
        raise FolderLockedError(
            f"another process is writing into {folder}; wait for it to end or choose another folder"
        ) from error
    except OSError as error:
        raise _cannot_write(folder, error) from error
    try:
        yield
    finally:
        lock.release()
