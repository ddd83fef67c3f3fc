"""What reaches a terminal, a file and a spreadsheet: names of any bytes, narrow windows, streams without Unicode."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pyarrow import csv

from unlabeled.cli import shared
from unlabeled.cli.shared import print_table, tell, visible
from unlabeled.data import read_labels
from unlabeled.runs.grouping.write_table import write_table

LONG_ID = "photos/holidays/2024/a-very-long-name-of-a-file-number-0001.jpeg"


def unlabeled(*words, code=0, **environment):
    command = [sys.executable, "-m", "unlabeled", *map(str, words)]
    done = subprocess.run(command, capture_output=True, timeout=300, check=False, env=os.environ | environment)
    assert done.returncode == code, done.stderr
    assert b"Traceback" not in done.stderr
    return done


def test_what_would_steer_a_terminal_is_shown_as_an_escape():
    assert visible("red\x1b[31m\r\x9b2J\x07") == r"red\x1b[31m\x0d\u009b2J\x07"
    assert visible("a\tb\nc, größe 猫") == "a\tb\nc, größe 猫"
    assert visible("caf\udce9.png") == r"caf\xe9.png"
    assert visible("abc\u202egnp.exe") == r"abc\u202egnp.exe"


@pytest.mark.parametrize("columns", [None, "20", "40", "80", "200"])
def test_ids_are_whole_in_a_table_of_any_width(columns, capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns is not None:
        monkeypatch.setenv("COLUMNS", columns)
    words = "several words that tell why this row is unlike all of the others"
    print_table(["id", "score", "reason"], [[LONG_ID, "-1.5", words], ["b", "2", "\x1b[2J"]])
    printed = capsys.readouterr().out
    assert LONG_ID in printed
    assert "\x1b" not in printed
    assert " ".join(printed.split()).count("unlike") == 1
    assert all(word in printed for word in words.split())
    width = int(columns or 10_000)
    assert all(len(line) <= max(width, len(LONG_ID)) for line in printed.splitlines())
    if columns in (None, "200"):
        assert printed.splitlines()[1].split() == [LONG_ID, "-1.5", *words.split()]


def test_a_name_with_a_line_end_is_no_second_row(capsys):
    print_table(["id", "n"], [["a\nb  7", "5"]])
    assert capsys.readouterr().out.splitlines() == ["id       n", "a\\nb  7  5"]


def test_figures_end_flush_and_text_begins_flush(capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    print_table(["name", "n"], [["a", "5"], ["bcd", "1,200"], ["e", "–"]])
    assert capsys.readouterr().out.splitlines() == ["name      n", "a         5", "bcd   1,200", "e         –"]


def test_a_stream_that_is_ascii_only_is_no_reason_to_fail(tmp_path):
    (tmp_path / "größe ±.csv").write_text("größe\n" + "\n".join(map(str, [*range(9), *range(100, 109)])))
    words = ["cluster", tmp_path / "größe ±.csv", "-k", 2, "--out", tmp_path / "ü.csv"]
    done = unlabeled(*words, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert rb"gr\xf6\xdfe" in done.stdout
    machine = unlabeled(*words, "--overwrite", "--json", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert json.loads(machine.stdout)["columns"] == {"größe": "number"}


@pytest.mark.skipif(sys.platform != "linux", reason="file names of any bytes")
def test_names_that_are_not_utf_8_and_steer_the_terminal_go_through(tmp_path):
    texts = os.fsencode(tmp_path / "texts")
    os.mkdir(texts)  # noqa: PTH102 - of bytes
    for i in range(12):
        name = {3: b"caf\xe9.txt", 4: b"red\x1b[31m.txt"}.get(i, b"%d.txt" % i)
        with open(os.path.join(texts, name), "w") as file:  # noqa: PTH118, PTH123 - of bytes
            file.write("frog toad newt" if i % 2 else "king queen crown")
    done = unlabeled("cluster", tmp_path / "texts", "-k", 2, "--out", tmp_path / "c.csv", "--json")
    json.loads(done.stdout)
    assert r"caf\xe9.txt" in csv.read_csv(tmp_path / "c.csv")["id"].to_pylist()
    done = unlabeled("outliers", tmp_path / "texts", "--out", tmp_path / "o.csv")
    assert b"\x1b" not in done.stdout
    assert rb"red\x1b[31m.txt" in done.stdout


def test_ids_that_a_spreadsheet_would_run_are_text_in_a_csv(tmp_path):
    ids = ["=1+1", "+1", "-3.5", "@SUM(A1)", "-cmd", "plain", None]
    write_table({"id": ids, "n": np.arange(7)}, tmp_path / "x.csv")
    read = csv.read_csv(
        tmp_path / "x.csv", convert_options=csv.ConvertOptions(column_types={"id": "string"}, strings_can_be_null=True)
    )
    assert read["id"].to_pylist() == ["'=1+1", "+1", "-3.5", "'@SUM(A1)", "'-cmd", "plain", None]
    write_table({"id": ids}, tmp_path / "x.parquet")


def test_commands_that_are_printed_quote_their_paths(tmp_path):
    (tmp_path / "my rows.csv").write_text("a\n" + "\n".join(map(str, range(9))))
    done = unlabeled("cluster", tmp_path / "my rows.csv", "-k", 2, "--out", tmp_path / "my clusters.csv")
    assert f"unlabeled assign '{tmp_path}/my clusters.model' NEW_ROWS".encode() in done.stderr


def test_names_and_labels_of_a_csv_come_back_as_they_were(tmp_path):
    columns = {"id": ["=1+1.png", "--- .png", "+2", "'quoted'", "a.png"], "label": ["=yes", "no", "-3", "@x", "no"]}
    write_table(columns, tmp_path / "x.csv")
    table = read_labels(tmp_path / "x.csv")
    assert table.ids == columns["id"]
    assert table.names == columns["label"]


def test_what_looks_like_markup_is_text(capsys):
    for style in (None, "dim"):
        tell("run[/dim], class [red] \x1b[31m", style)
        assert capsys.readouterr().out == "run[/dim], class [red] \\x1b[31m\n"


def test_verbs_print_through_what_makes_names_harmless():
    """A verb that prints by itself lets names of files, classes and words steer the terminal."""
    folder = Path(shared.__file__).parent
    found = []
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            name = getattr(called, "id", getattr(called, "attr", None))
            if name == "print" and path.name not in ("shared.py", "main.py"):
                found.append(f"{path.relative_to(folder)}:{node.lineno}")
    assert found == []
