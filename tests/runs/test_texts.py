"""A run over texts opens other texts as it opened its own."""

import shutil

import numpy as np
import pytest

from unlabeled import SimCSE
from unlabeled.errors import UnlabeledError
from unlabeled.runs import Run, learn
from unlabeled.runs.added import add_to_index
from unlabeled.runs.showing.descriptions import descriptions
from unlabeled.runs.showing.inside.see_text import chosen_texts

BODIES = [
    f"the {animal} sat by the {place}" for animal in ("frog", "toad", "newt") for place in ("pond", "lake", "sea")
]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    table = folder / "texts.csv"
    table.write_text("heading,body\n" + "".join(f"{number},{body}\n" for number, body in enumerate(BODIES)))
    method = SimCSE(column="body", epochs=1, batch_size=4, random_state=0, progress=False)
    return learn(table, folder / "run", method)


def test_another_table_is_read_by_the_column_of_the_run(run, tmp_path):
    (tmp_path / "more.csv").write_text(f"body,stars\n{BODIES[2]},5\n{BODIES[7]},1\n")
    found = Run(run.folder).embed(tmp_path / "more.csv")
    # Other texts stand beside them in the batch, and sums of float32 go in another order.
    np.testing.assert_allclose(found.vectors, run.embeddings.vectors[[2, 7]], rtol=1e-4, atol=1e-5)


def test_what_holds_no_texts_is_refused(run, tmp_path):
    (tmp_path / "numbers.csv").write_text("a,b\n1,2\n3,4\n")
    with pytest.raises(UnlabeledError, match="body"):
        Run(run.folder).embed(tmp_path / "numbers.csv")
    with pytest.raises(UnlabeledError, match="the encoder is for texts, and the data are images"):
        Run(run.folder).embed(np.zeros((2, 8, 8), dtype=np.uint8))


def test_texts_that_are_no_table_are_added_and_shown(run, tmp_path):
    (tmp_path / "new.txt").write_text("a heron stood by the river\n")
    opened = Run(run.folder)
    assert len(opened.open_as_its_own(tmp_path / "new.txt")) == 1
    add_to_index(opened, tmp_path / "new.txt")
    shown = descriptions(Run(run.folder), ["0", "new.txt line 1"])
    assert shown == {"0": BODIES[0], "new.txt line 1": "a heron stood by the river"}


def test_the_nearest_text_is_one_that_the_run_has_learnt_from(run, tmp_path):
    shutil.copytree(run.folder, tmp_path / "run")
    opened, text = Run(tmp_path / "run"), "the frog sat by the sea shore"
    expected = chosen_texts(opened, [text])
    assert expected[1] in BODIES
    (tmp_path / "near.txt").write_text(f"{text} now\nthe frog sat by the shore\n")
    assert add_to_index(opened, tmp_path / "near.txt").added
    opened = Run(tmp_path / "run")
    assert "near.txt" in str(opened.added_from[opened.search(text, k=1).ids[0][0]])
    assert chosen_texts(opened, [text]) == expected
    with pytest.raises(UnlabeledError, match=r"near.txt line 1 was added .* give its text"):
        chosen_texts(opened, ["near.txt line 1"])
