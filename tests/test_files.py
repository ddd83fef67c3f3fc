"""Files are whole or absent, whatever goes wrong: an error, a full disk, a second writer, kill -9.

The faults are real ones: the kernel refuses the write (a file-size limit), and processes are killed with SIGKILL.
"""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from unlabeled.errors import UnlabeledError
from unlabeled.files import (
    CONTENTS,
    check_encodable,
    check_output,
    check_output_folder,
    check_replaceable,
    folder_lock,
    folder_written_aside,
    read_json,
    write_json,
    written_aside,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != CONTENTS)


def saved(folder: Path, content: str, kind: str = "model") -> None:
    with folder_written_aside(folder, kind) as aside:
        (aside / "part").write_text(content)


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def kill_when_ready(process: subprocess.Popen[str]) -> None:
    """Wait for the process to say that it stands at the point of interest, then kill it there."""
    with process:
        assert process.stdout.readline() == "ready\n", process.stderr.read()
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


# --- one file ---------------------------------------------------------------------------------------------------------


def test_a_file_appears_with_its_content_and_nothing_beside_it(tmp_path):
    with written_aside(tmp_path / "new" / "a.txt") as aside:
        aside.write_text("content")
        assert not (tmp_path / "new" / "a.txt").exists()
    assert (tmp_path / "new" / "a.txt").read_text() == "content"
    assert names(tmp_path / "new") == ["a.txt"]


def test_the_path_aside_keeps_the_suffix_by_which_writers_choose_a_format(tmp_path):
    with written_aside(tmp_path / "picture.png") as aside:
        assert aside.suffix == ".png"
        assert aside.parent == tmp_path  # a rename is one step only within a file system


def test_a_name_may_be_as_long_as_the_file_system_allows(tmp_path):
    long = tmp_path / ("é" * 125 + ".txt")  # 254 bytes
    with written_aside(long) as aside:
        aside.write_text("content")
    assert long.read_text() == "content"
    saved(tmp_path / ("x" * 250), "content")
    assert (tmp_path / ("x" * 250) / "part").read_text() == "content"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take UTF-8 names only")
@pytest.mark.parametrize("name", [b"caf\xe9", b"caf\xe9/run"])
def test_a_folder_whose_name_is_not_utf_8_is_refused_before_the_work(name, tmp_path):
    for refuse in (check_output_folder, check_encodable):
        with pytest.raises(UnlabeledError, match="is not UTF-8"):
            refuse(tmp_path / os.fsdecode(name))
    check_encodable(tmp_path / "café")


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_the_file_has_the_permissions_of_an_ordinary_new_file(tmp_path):
    (tmp_path / "ordinary").touch()
    write_json(tmp_path / "ours", {})
    with folder_written_aside(tmp_path / "folder"):
        pass
    (tmp_path / "ordinary-folder").mkdir()
    mode = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert mode["ours"] == mode["ordinary"]
    assert mode["folder"] == mode["ordinary-folder"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_a_failure_in_the_block_leaves_the_old_file_and_no_other(tmp_path, error):
    target = tmp_path / "a.txt"
    target.write_text("old")

    def interrupted() -> None:
        with written_aside(target) as aside:
            aside.write_text("half of the n")
            raise error

    with pytest.raises(error):
        interrupted()
    assert target.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("target", ["file/a.txt", "folder"])
def test_a_target_that_cannot_be_a_file_is_named(tmp_path, target):
    (tmp_path / "file").touch()
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    with pytest.raises(UnlabeledError, match=f"cannot write .*{target}"), written_aside(tmp_path / target) as aside:
        aside.write_text("x")
    assert names(tmp_path) == ["file", "folder"]
    assert names(tmp_path / "folder") == ["inner"]


WRITE_PAST_A_LIMIT = """
import resource, signal, sys
from pathlib import Path
from unlabeled.errors import UnlabeledError
from unlabeled.files import folder_written_aside, written_aside

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # so that write() fails with EFBIG instead of ending the process
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
kind, target = sys.argv[1], Path(sys.argv[2])
try:
    with written_aside(target) if kind == "file" else folder_written_aside(target) as aside:
        (aside if kind == "file" else aside / "part").write_bytes(b"n" * 100_000)
except UnlabeledError as error:
    print(error)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs setrlimit")
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_write_the_kernel_refuses_half_way_leaves_the_old_content(tmp_path, kind):
    target = tmp_path / "target"
    old = target if kind == "file" else target / "part"
    if kind == "folder":
        saved(target, "old")
    old.write_text("old")
    process = python(WRITE_PAST_A_LIMIT, kind, target)
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert out.strip() == f"cannot write {target}: File too large. Nothing was changed there."
    assert old.read_text() == "old"
    assert names(tmp_path) == ["target"]


STOP_BEFORE_THE_RENAME = """
import sys, time
from unlabeled.files import written_aside

with written_aside(sys.argv[1]) as aside:
    aside.write_text("new")
    print("ready", flush=True)
    time.sleep(60)
"""


def test_kill_9_between_write_and_rename_leaves_the_old_file(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    kill_when_ready(python(STOP_BEFORE_THE_RENAME, target))
    assert target.read_text() == "old"
    write_json(target, "newer")  # and the next writer is not disturbed by what the killed one left
    assert read_json(target) == "newer"


def test_a_reader_never_sees_a_part_of_a_file(tmp_path):
    target = tmp_path / "a.bin"
    size = 200_000
    target.write_bytes(b"\0" * size)
    done = threading.Event()

    def rewrite() -> None:
        try:
            for i in range(1, 30):
                with written_aside(target) as aside:
                    aside.write_bytes(bytes([i]) * size)
        finally:
            done.set()

    writer = threading.Thread(target=rewrite)
    writer.start()
    seen = set()
    while not done.is_set():
        content = target.read_bytes()
        assert len(content) == size
        assert content == content[:1] * size
        seen.add(content[0])
    writer.join()
    assert target.read_bytes() == bytes([29]) * size
    assert len(seen) > 1  # else the reader was never there while the file changed


# --- a folder ---------------------------------------------------------------------------------------------------------


def test_a_folder_takes_the_place_of_the_old_one_as_a_whole(tmp_path):
    target = tmp_path / "index"
    for content in ("first", "second"):
        with folder_written_aside(target) as aside:
            assert names(aside) == []
            (aside / content).mkdir()
            (aside / content / "part").write_text(content)
        assert names(target) == [content]
        assert (target / content / "part").read_text() == content
    assert names(tmp_path) == ["index"]


def test_a_failure_in_the_block_leaves_the_old_folder(tmp_path):
    target = tmp_path / "index"
    with folder_written_aside(target) as aside:
        (aside / "part").write_text("old")

    def interrupted() -> None:
        with folder_written_aside(target) as aside:
            (aside / "part").write_text("new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (target / "part").read_text() == "old"
    assert names(tmp_path) == ["index"]


def test_a_folder_does_not_replace_a_file(tmp_path):
    (tmp_path / "index").write_text("a file")
    with pytest.raises(UnlabeledError, match="is a file"), folder_written_aside(tmp_path / "index"):
        pass
    assert (tmp_path / "index").read_text() == "a file"
    assert names(tmp_path) == ["index"]


def test_when_the_second_rename_fails_the_old_folder_is_put_back(tmp_path, monkeypatch):
    target = tmp_path / "index"
    with folder_written_aside(target) as aside:
        (aside / "part").write_text("old")
    rename = Path.replace

    def refuse_the_new_one(self: Path, other: Path) -> Path:
        if (self / "part").read_text() == "new":
            raise PermissionError(13, "Permission denied")
        return rename(self, other)

    monkeypatch.setattr(Path, "replace", refuse_the_new_one)
    with pytest.raises(UnlabeledError, match="Nothing was changed there"), folder_written_aside(target) as aside:
        (aside / "part").write_text("new")
    assert (target / "part").read_text() == "old"
    assert names(tmp_path) == ["index"]


STOP_AT_RENAME = """
import sys, time
from pathlib import Path
from unlabeled.files import folder_written_aside

rename, renames = Path.replace, int(sys.argv[2])

def replace(self, other):
    global renames
    if renames == 0:
        print("ready", flush=True)
        time.sleep(60)
    renames -= 1
    return rename(self, other)

Path.replace = replace
with folder_written_aside(sys.argv[1]) as aside:
    (aside / "part").write_text("new")
"""


def test_kill_9_before_the_exchange_leaves_the_old_folder(tmp_path):
    target = tmp_path / "index"
    saved(target, "old")
    kill_when_ready(python(STOP_AT_RENAME, target, 0))
    assert (target / "part").read_text() == "old"


def test_kill_9_between_the_two_renames_loses_neither_folder(tmp_path):
    target = tmp_path / "index"
    saved(target, "old")
    kill_when_ready(python(STOP_AT_RENAME, target, 1))
    assert sorted(path.read_text() for path in tmp_path.glob(".index-*/part")) == ["new", "old"]


def test_a_folder_of_the_users_is_never_replaced(tmp_path):
    photos = tmp_path / "photos"
    (photos / "cats").mkdir(parents=True)
    (photos / "cats" / "cat.jpg").write_bytes(b"x")
    with pytest.raises(UnlabeledError, match=r"photos holds 'cats', which was not saved here"):
        saved(photos, "new")
    assert (photos / "cats" / "cat.jpg").read_bytes() == b"x"
    assert names(tmp_path) == ["photos"]
    assert names(photos) == ["cats"]


@pytest.mark.parametrize("added", ["notes.txt", "sub/notes.txt", "empty-folder/", "link"])
def test_a_saved_folder_into_which_something_was_put_is_not_replaced(tmp_path, added):
    target = tmp_path / "model"
    saved(target, "old")
    if added.endswith("/"):
        (target / added).mkdir()
    elif added == "link":
        (target / added).symlink_to(tmp_path / "nowhere")
    else:
        (target / added).parent.mkdir(exist_ok=True)
        (target / added).write_text("mine")
    with pytest.raises(UnlabeledError, match=added.split("/")[0]):
        saved(target, "new")
    assert (target / "part").read_text() == "old"
    assert os.path.lexists(target / added)


def test_something_put_into_the_folder_while_the_new_one_is_made_is_kept(tmp_path):
    target = tmp_path / "model"
    saved(target, "old")

    def disturbed() -> None:
        with folder_written_aside(target) as aside:
            (aside / "part").write_text("new")
            (target / "notes.txt").write_text("mine")

    with pytest.raises(UnlabeledError, match=r"notes\.txt"):
        disturbed()
    assert (target / "notes.txt").read_text() == "mine"
    assert (target / "part").read_text() == "old"


@pytest.mark.parametrize("contents", ["", "[]", '{"kind": "model"}', '{"kind": "model", "contents": 3}', "\xff"])
def test_a_damaged_list_of_contents_makes_nothing_replaceable(tmp_path, contents):
    saved(tmp_path / "model", "old")
    (tmp_path / "model" / CONTENTS).write_text(contents, encoding="latin-1")
    with pytest.raises(UnlabeledError, match="'part'"):
        saved(tmp_path / "model", "new")


def test_what_file_managers_leave_is_no_hindrance(tmp_path):
    saved(tmp_path / "model", "old")
    (tmp_path / "model" / ".DS_Store").touch()
    saved(tmp_path / "model", "new")
    assert (tmp_path / "model" / "part").read_text() == "new"


def test_a_result_is_replaced_only_by_one_of_its_kind(tmp_path):
    saved(tmp_path / "index", "old", "store")
    with pytest.raises(UnlabeledError, match="holds a saved store, which a model does not replace"):
        saved(tmp_path / "index", "new")
    saved(tmp_path / "index", "new", "store")


def test_an_empty_folder_and_a_folder_behind_a_link_are_filled(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    for content in ("first", "second"):
        saved(tmp_path / "link", content)
        assert (tmp_path / "empty" / "part").read_text() == content
    assert names(tmp_path) == ["empty", "link"]
    assert (tmp_path / "link").is_symlink()


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_private_files_of_other_writers_get_the_modes_of_the_umask(tmp_path):
    (tmp_path / "ordinary").touch()
    with folder_written_aside(tmp_path / "model") as aside:
        (aside / "inner").mkdir(0o700)
        (aside / "inner" / "weights").touch(0o600)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("model/inner/weights", "ordinary")]
    assert modes[0] == modes[1]
    inner, outer = ((tmp_path / name).stat().st_mode for name in ("model/inner", "model"))
    assert inner == outer


# --- what may be written ----------------------------------------------------------------------------------------------


def test_an_output_never_replaces_an_input_under_any_name(tmp_path):
    photo = tmp_path / "photos" / "p.png"
    photo.parent.mkdir()
    photo.write_bytes(b"x")
    (tmp_path / "soft.png").symlink_to(photo)
    os.link(photo, tmp_path / "hard.png")
    others = [tmp_path / "soft.png", tmp_path / "hard.png", photo.parent / ".." / "photos" / "p.png"]
    for given in (photo, *others, str(photo)):
        with pytest.raises(UnlabeledError, match="is what is read"):
            check_output(photo, [None, object(), given], overwrite=True)
        with pytest.raises(UnlabeledError, match="is what is read"):
            check_output(given, [photo], overwrite=True)
    with pytest.raises(UnlabeledError, match="is what is read"):
        check_output(photo, [photo.parent], overwrite=True)
    check_output(photo.parent / "new.png", [photo.parent])
    check_output(photo, ["a query that is no path" * 1000], overwrite=True)


def test_an_output_replaces_another_file_only_when_asked_to(tmp_path):
    (tmp_path / "a.csv").touch()
    (tmp_path / "gone.csv").symlink_to(tmp_path / "nowhere")
    for name in ("a.csv", "gone.csv"):
        with pytest.raises(UnlabeledError, match="exists already"):
            check_output(tmp_path / name)
        check_output(tmp_path / name, overwrite=True)
    with pytest.raises(UnlabeledError, match="is a folder"):
        check_output(tmp_path, overwrite=True)
    check_replaceable(tmp_path / "new")


# --- JSON -------------------------------------------------------------------------------------------------------------


def test_json_comes_back_as_it_was_and_reads_as_plain_text(tmp_path):
    content = {"loss": [0.1, 2.0], "name": "Grüße", "none": None}
    write_json(tmp_path / "a.json", content)
    assert read_json(tmp_path / "a.json") == content
    assert "Grüße" in (tmp_path / "a.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot read .*a.json"), (b'{"cut": ', "a.json is not valid JSON"), (b"\xff\xfe\0", "a.json is not valid")],
)
def test_a_missing_or_damaged_json_file_is_named(tmp_path, content, message):
    if content is not None:
        (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(UnlabeledError, match=message):
        read_json(tmp_path / "a.json")


def test_content_json_cannot_hold_leaves_the_old_file(tmp_path):
    write_json(tmp_path / "a.json", "old")
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"x": object()})
    assert read_json(tmp_path / "a.json") == "old"
    assert names(tmp_path) == ["a.json"]


# --- the lock ---------------------------------------------------------------------------------------------------------

HOLD_THE_LOCK = """
import sys, time
from unlabeled.files import folder_lock

with folder_lock(sys.argv[1]):
    print("ready", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_refused_at_once_until_the_first_is_gone(tmp_path):
    run = tmp_path / "run"
    holder = python(HOLD_THE_LOCK, run)
    try:
        assert holder.stdout.readline() == "ready\n", holder.stderr.read()
        start = time.monotonic()
        with pytest.raises(UnlabeledError, match=r"another process is writing into .*run"), folder_lock(run):
            pass
        assert time.monotonic() - start < 5  # at once: filelock would otherwise wait for the holder's full minute
    finally:
        holder.kill()
        holder.communicate()
    with folder_lock(run):  # kill -9 released it
        pass


def test_the_lock_is_free_after_the_block_however_it_ends(tmp_path):
    with pytest.raises(RuntimeError), folder_lock(tmp_path):
        raise RuntimeError
    with folder_lock(tmp_path):
        pass


def test_one_process_cannot_take_a_folder_twice(tmp_path):
    refused = pytest.raises(UnlabeledError, match="another process is writing")
    with folder_lock(tmp_path), refused, folder_lock(tmp_path):
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UnlabeledError, match=r"cannot write .*file"), folder_lock(tmp_path / "file"):
        pass


def test_a_folder_of_results_is_no_input_and_holds_none(tmp_path):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "texts")
    for given in ("texts", "texts/a.txt", "texts/later.txt", "link", "link/a.txt", "texts/../texts"):
        with pytest.raises(UnlabeledError, match="is read"):
            check_output_folder(tmp_path / "texts", [None, object(), tmp_path / given], overwrite=True)
    check_output_folder(tmp_path / "texts" / "topics", [tmp_path / "texts"])
    check_output_folder(tmp_path / "new", [tmp_path / "texts", "a text\0that is no path"])


def test_a_folder_of_results_is_replaced_only_when_asked(tmp_path):
    with folder_written_aside(tmp_path / "model") as aside:
        (aside / "model.json").write_text("{}")
    with pytest.raises(UnlabeledError, match="--overwrite"):
        check_output_folder(tmp_path / "model")
    check_output_folder(tmp_path / "model", overwrite=True)
    with pytest.raises(UnlabeledError, match="does not replace"):
        check_output_folder(tmp_path / "model", kind="detector", overwrite=True)


@pytest.mark.skipif(os.name != "posix", reason="needs pipes")
def test_no_file_takes_the_place_of_a_device_or_a_pipe(tmp_path):
    pipe = tmp_path / "pipe.txt"
    os.mkfifo(pipe)
    with pytest.raises(UnlabeledError, match="is a device or a pipe"), written_aside(pipe) as aside:
        aside.write_text("x")
    with pytest.raises(UnlabeledError, match="is a device or a pipe"):
        check_output(pipe, overwrite=True)
    assert pipe.is_fifo()
    assert names(tmp_path) == ["pipe.txt"]
