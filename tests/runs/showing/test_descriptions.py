"""What instances are, in words."""

from types import SimpleNamespace

import numpy as np

from unlabeled.data import Images
from unlabeled.data.text.texts import Texts
from unlabeled.errors import UnlabeledError
from unlabeled.runs.showing.descriptions import descriptions


def run_over(source):
    return SimpleNamespace(added_from={}, source=source)


def test_texts_stand_beside_their_ids_and_pictures_do_not():
    texts = run_over(Texts(["A dog barks.", "It rains.", "A cat."]))
    assert descriptions(texts, ["2", "0"]) == {"2": "A cat.", "0": "A dog barks."}
    assert descriptions(texts, ["2", "7"]) == {}  # the data are no longer those of the run
    assert descriptions(run_over(Images(np.zeros((2, 4, 4), np.uint8))), ["0"]) == {}


def test_without_the_data_there_are_no_words():
    class Gone(SimpleNamespace):
        @property
        def source(self):
            raise UnlabeledError("gone")

    assert descriptions(Gone(added_from={}), ["0"]) == {}
