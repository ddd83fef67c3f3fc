from __future__ import annotations

import os
from pathlib import Path

import pytest

from unlabeled.data.paths import (
    describe_suffixes,
    existing,
    files_under,
    folder_of_encoder,
    holds_suffix,
    listed_paths,
)
from unlabeled.errors import UnlabeledError


def names(folder: Path) -> list[str]:
    return [file.relative_to(folder).as_posix() for file in files_under(folder)]


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_missing_path_suggests_near_names(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    assert existing(tmp_path / "photos") == tmp_path / "photos"
    with pytest.raises(UnlabeledError, match=r"phtos does not exist; did you mean photos\?"):
        existing(tmp_path / "phtos")
    with pytest.raises(UnlabeledError, match=r"does not exist$"):
        existing(tmp_path / "zzz")


@pytest.mark.parametrize("name", ["labels.xlsx", "old.XLS", "open.ods"])
def test_a_workbook_is_refused_with_the_way_out(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PK\x03\x04")
    with pytest.raises(UnlabeledError, match=r"is a workbook; save the sheet that is wanted as CSV"):
        existing(tmp_path / name)
    (tmp_path / "folder.xlsx").mkdir()
    assert existing(tmp_path / "folder.xlsx").is_dir()


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnlabeledError, match=r"nor does the folder .*nowhere"):
        existing(tmp_path / "nowhere" / "x.png")


def test_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "photos").mkdir()
    assert existing("~/photos") == tmp_path / "photos"


def test_files_are_found_at_any_depth_in_sorted_order_without_hidden_ones(tmp_path: Path) -> None:
    touch(
        *(
            tmp_path / p
            for p in ["b/2.png", "b/1.png", "a.png", "b/c/d/3.png", ".hidden.png", ".git/4.png", "b-x/5.png"]
        )
    )
    assert names(tmp_path) == ["a.png", "b-x/5.png", "b/1.png", "b/2.png", "b/c/d/3.png"]


def test_a_hidden_root_is_searched_because_it_was_named(tmp_path: Path) -> None:
    touch(tmp_path / ".cache" / "1.png")
    assert names(tmp_path / ".cache") == ["1.png"]


def test_loops_of_links_end(tmp_path: Path) -> None:
    touch(tmp_path / "a" / "1.png")
    (tmp_path / "a" / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "a" / "self").symlink_to(tmp_path / "a", target_is_directory=True)
    assert names(tmp_path) == ["a/1.png"]


def test_a_folder_is_listed_once_by_its_own_name(tmp_path: Path) -> None:
    touch(tmp_path / "z" / "1.png")
    (tmp_path / "a-link").symlink_to(tmp_path / "z", target_is_directory=True)
    assert names(tmp_path) == ["z/1.png"]


def test_links_to_elsewhere_are_followed(tmp_path: Path) -> None:
    touch(tmp_path / "far" / "1.png", tmp_path / "far" / "2.png", tmp_path / "here" / "0.png")
    (tmp_path / "here" / "folder").symlink_to(tmp_path / "far", target_is_directory=True)
    (tmp_path / "here" / "file.png").symlink_to(tmp_path / "far" / "2.png")
    assert names(tmp_path / "here") == ["0.png", "file.png", "folder/1.png", "folder/2.png"]


def test_a_broken_link_is_listed_so_that_it_can_be_reported(tmp_path: Path) -> None:
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    assert names(tmp_path) == ["gone.png"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_no_file_for_reading_it_would_never_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    assert names(tmp_path) == []


def test_a_folder_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(UnlabeledError, match=r"cannot read the folder .*: Permission denied"):
        files_under(tmp_path)


def test_suffixes_are_counted() -> None:
    files = [Path(p) for p in ["a.txt", "b.TXT", "c.doc", "README"]]
    assert describe_suffixes(files) == "2 .txt, 1 .doc, 1 without a suffix"


def test_listed_paths(tmp_path: Path) -> None:
    touch(tmp_path / "lists" / "a.png", tmp_path / "other" / "b.png")
    listing = tmp_path / "lists" / "all.txt"
    absolute = (tmp_path / "other" / "b.png").as_posix()
    listing.write_text(f"\ufeff# mine\n\n  a.png  \n./a.png\n../other/b.png\n{absolute}\n", encoding="utf-8")
    paths, ids = listed_paths(listing)
    assert all(path.is_file() for path in paths)
    assert ids == ["a.png", "a.png", absolute, absolute]


def test_missing_listed_files_are_reported_by_line(tmp_path: Path) -> None:
    touch(tmp_path / "a.png")
    listing = tmp_path / "all.txt"
    listing.write_text("# comment\na.png\n\nb.png\nc.png\nd.png\ne.png\n")
    with pytest.raises(UnlabeledError, match=r"4 of 5 files .*line 4: b.png; line 5: c.png; line 6: d.png; \.\.\.$"):
        listed_paths(listing)


@pytest.mark.parametrize("content", ["", "\n\n", "# only a comment\n"])
def test_a_list_without_paths(tmp_path: Path, content: str) -> None:
    (tmp_path / "all.txt").write_text(content)
    with pytest.raises(UnlabeledError, match="lists no paths"):
        listed_paths(tmp_path / "all.txt")


def test_a_list_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "all.txt").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(UnlabeledError, match=r"all\.txt is not valid UTF-8"):
        listed_paths(tmp_path / "all.txt")


@pytest.mark.parametrize("own", [["run.json", ".lock"], ["label.json", ".lock"], [".unlabeled.json"]])
def test_what_this_library_wrote_into_a_folder_of_data_is_no_data(tmp_path: Path, own: list[str]) -> None:
    touch(tmp_path / "a.txt", tmp_path / "out" / "report.html", *(tmp_path / "out" / name for name in own))
    assert names(tmp_path) == ["a.txt"]


def test_a_folder_with_labels_of_the_users_is_data(tmp_path: Path) -> None:
    touch(tmp_path / "photos" / "a.png", tmp_path / "photos" / "label.json")
    assert names(tmp_path) == ["photos/a.png", "photos/label.json"]


@pytest.mark.parametrize(("suffix", "there"), [(".txt", True), (".png", True), (".md", False), (".gif", False)])
def test_a_suffix_is_sought_in_the_files_that_are_listed(tmp_path: Path, suffix: str, there: bool) -> None:
    here, far = tmp_path / "here", tmp_path / "far"
    touch(here / "README.txt", far / "cats" / "1.PNG", here / ".hidden.md", here / "out" / "a.md")
    touch(here / "out" / ".unlabeled.json")  # what this library wrote is no data
    (here / "cats").symlink_to(far / "cats", target_is_directory=True)
    (far / "cats" / "up").symlink_to(here, target_is_directory=True)
    assert any(file.suffix.lower() == suffix for file in files_under(here)) == there
    assert holds_suffix(here, (suffix,)) == there


def test_no_folder_is_read_after_the_first_file_with_a_suffix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path / "a.png", tmp_path / "b" / "c.txt")
    read, scandir = [], os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: read.append(path) or scandir(path))
    assert holds_suffix(tmp_path, (".png",))
    assert read == [tmp_path]


def test_the_encoder_of_a_run_is_in_its_model(tmp_path: Path) -> None:
    touch(tmp_path / "run" / "run.json", tmp_path / "saved" / "model" / "encoder.json")
    assert folder_of_encoder(tmp_path / "run") == tmp_path / "run" / "model"
    assert folder_of_encoder(str(tmp_path / "saved")) == tmp_path / "saved"
