import re

import numpy as np
import pytest
from PIL import Image

from unlabeled.files import write_json
from unlabeled.runs.report import LARGE, PICTURES, write_report


@pytest.fixture
def folder(tmp_path):
    """A finished run as the report sees it: figures, and a picture of each kind, one of them of photographs."""
    about = {"method": "SimCLR", "rows": 5, "source": "photos", "skipped": [], "warnings": ["a <b>warning</b>"]}
    recipe = {"method": "simclr", "epochs": 3, "size": None, "checkpoint": "elsewhere", "progress": True}
    write_json(tmp_path / "run.json", about | {"recipe": recipe})
    collapse = {"collapsed": False, "kind": "none", "message": "No collapse."}
    measured = {"effective_rank": 2.5, "directions": 2.0, "uniformity": -1.25}
    figures = {"rows": 5, "dim": 8, **measured, "untrained": measured | {"effective_rank": 7.5}, "collapse": collapse}
    write_json(tmp_path / "metrics.json", figures)
    (tmp_path / "pictures").mkdir()
    for name in PICTURES:
        Image.new("RGB", (30, 20), "red").save(tmp_path / "pictures" / f"{name}.png")
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "pictures" / "neighbours.png")
    return tmp_path


def test_the_report_is_one_file_that_opens_offline(folder):
    page = write_report(folder).read_text()
    assert not re.findall(r"""https?://|src="(?!data:)|href=|<script|<link""", page)


def test_every_picture_is_shown_loads_when_it_is_reached_and_keeps_its_place(folder):
    page = write_report(folder).read_text()
    shown = re.findall(r'<img src="data:image/(\w+);base64,[^"]+" alt="([^"]+)" (.*?)>', page)
    assert [title for _, title, _ in shown] == [title for title, _ in PICTURES.values()]
    assert all('loading="lazy"' in attributes for _, _, attributes in shown)
    assert [kind for kind, _, _ in shown] == ["webp" if name == "neighbours" else "png" for name in PICTURES]
    sizes = [re.findall(r'(?:width|height)="(\d+)"', attributes) for _, _, attributes in shown]
    assert sizes == [["400", "300"] if name == "neighbours" else ["30", "20"] for name in PICTURES]


def test_photographs_do_not_make_it_large(folder):
    photographs = folder / "pictures" / "neighbours.png"
    assert photographs.stat().st_size > LARGE
    assert write_report(folder).stat().st_size < photographs.stat().st_size / 2


def test_what_is_not_there_is_left_out(folder):
    (folder / "pictures" / "duplicates.png").unlink()
    assert "Near-duplicates" not in write_report(folder).read_text()


def test_only_what_makes_the_run_is_its_recipe(folder):
    page = write_report(folder).read_text()
    assert "epochs = 3" in page
    assert not any(word in page for word in ("checkpoint", "progress", "size = "))


def test_words_of_others_are_shown_not_obeyed(folder):
    assert "a &lt;b&gt;warning&lt;/b&gt;" in write_report(folder).read_text()


def test_the_untrained_encoder_stands_beside_what_was_learnt_without_labels_too(folder):
    page = write_report(folder).read_text()
    assert re.search(r"<td>untrained encoder</td><td>7\.5</td>", page)
