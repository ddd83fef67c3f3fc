from __future__ import annotations

import json

import pytest

from unlabeled.errors import UnlabeledError
from unlabeled.runs import Run

WHOLE = {"complete": True, "source": "photos", "labels": None, "recipe": {"method": "simclr"}, "skipped": []}


@pytest.mark.parametrize(
    "about",
    [
        None,
        [],
        5,
        "text",
        {},
        {**WHOLE, "recipe": None},
        {**WHOLE, "recipe": {}},
        {**WHOLE, "recipe": {"method": 5}},
        {**WHOLE, "source": 5},
        {**WHOLE, "labels": []},
        {**WHOLE, "data": None},
        {**WHOLE, "skipped": None},
    ],
)
def test_a_damaged_description_is_named(tmp_path, about):
    (tmp_path / "run.json").write_text(json.dumps(about))
    with pytest.raises(UnlabeledError, match=r"run\.json.* is damaged|is damaged, or not one of ours"):
        Run(tmp_path)


def test_damaged_figures_are_named(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps(WHOLE))
    (tmp_path / "metrics.json").write_text("[]")
    with pytest.raises(UnlabeledError, match=r"metrics\.json is damaged"):
        _ = Run(tmp_path).metrics
