"""Labels from people: what their files may look like, and what is said about them."""

from __future__ import annotations

import numpy as np
import pytest

from unlabeled.errors import UnlabeledError
from unlabeled.runs.labelling.given_labels import GivenLabels

IDS = ["a/1.png", "a/2.png", "b/3.png", "b/4.png", "b/5.png"]


def written(path, text):
    path.write_text(text)
    return path


def test_later_files_win_and_the_history_is_kept(tmp_path):
    first = written(tmp_path / "1.csv", "path,label\n1.png,cat\n2.png,dog\n3.png,cat\n")
    second = written(tmp_path / "2.csv", "path,label\n2.png,cat\n4.png,dog\n3.png,\n")
    given = GivenLabels.read([first, second], IDS)
    assert given.names == ["cat", "cat", "cat", "dog", None]
    assert given.changed == [{"id": "a/2.png", "was": "dog", "now": "cat", "source": str(second)}]
    assert [(entry["labels"], entry["changed"], entry["empty"]) for entry in given.history] == [(3, 0, 0), (2, 1, 1)]


@pytest.mark.parametrize("nothing", [None, "", float("nan"), -1, "NaN", "None"])
def test_every_way_to_say_nothing_means_unlabelled_and_is_counted(nothing):
    given = GivenLabels.read(["x", "y", nothing, nothing, "x"], IDS)
    assert given.codes.tolist() == [0, 1, -1, -1, 0]
    assert given.history[0]["empty"] == 2
    assert any("2 rows without a label" in sentence for sentence in given.said)


def test_floats_are_the_numbers_they_stand_for(tmp_path):
    file = written(tmp_path / "1.csv", "id,label\n1.png,0.0\n2.png,1.0\n3.png,-1.0\n")
    assert GivenLabels.read(file, IDS).classes == ["0", "1"]
    assert GivenLabels.read(np.array([0.0, 1.0, np.nan, 1.0, -1]), IDS).codes.tolist() == [0, 1, -1, 1, -1]


def test_a_slip_of_the_pen_and_an_unknown_instance_are_pointed_out(tmp_path):
    file = written(
        tmp_path / "1.csv", "id,label\n1.png,cat\n2.png,cat\n3.png,catt\n4.png,dog\n5.png,dog\na/6.png,dog\n"
    )
    said = GivenLabels.read(file, IDS).said
    assert any("'catt' has one label; is it a slip of the pen for 'cat'" in sentence for sentence in said)
    assert any("1 label of unknown instances, such as 'a/6.png' (the nearest name there is: 'a/" in s for s in said)


def test_names_that_differ_in_case_or_spaces_alone_are_pointed_out():
    said = GivenLabels.read(["true", "True", "true", "True", "no"], IDS).said
    assert said == ["the classes 'true' and 'True' differ in case or spaces alone; are they one?"]


def test_numbered_classes_are_no_slips_of_each_other():
    names = ["species 0450", "species 0450", "species 0500", "species 0451", "species"]
    assert GivenLabels.read(names, IDS).said == []


def test_a_mapping_names_instances():
    assert GivenLabels.read({"1.png": "x", "3.png": "y"}, IDS).codes.tolist() == [0, -1, 1, -1, -1]


def test_a_thousand_classes():
    ids = [f"{i}" for i in range(3000)]
    given = GivenLabels.read([f"class {i % 1000}" for i in range(3000)], ids)
    assert len(given.classes) == 1000
    assert not given.said


def test_one_file_that_contradicts_itself_is_refused(tmp_path):
    file = written(tmp_path / "1.csv", "id,label\n1.png,cat\n1.png,dog\n")
    with pytest.raises(UnlabeledError, match=r"labels '1\.png' twice"):
        GivenLabels.read(file, IDS)


def test_a_class_called_none_is_no_class_and_the_error_says_so():
    with pytest.raises(UnlabeledError, match=r"all 2 labels are 'some'.*'none' \(2 rows\) is taken for no label"):
        GivenLabels.read(["some", "some", "none", "none", None], IDS)
    with pytest.raises(UnlabeledError, match=r"no instance has a label.*'NULL' \(1 row\), 'none' \(1 row\) is taken"):
        GivenLabels.read(["NULL", "none", None, None, None], IDS)
