"""Everything that saves a folder keeps what a user put there: one rule, tested for each that has a `save`."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from unlabeled.data import Corpus
from unlabeled.encoders import save_encoder
from unlabeled.errors import UnlabeledError
from unlabeled.files import CONTENTS
from unlabeled.methods.generative.autoencoder import Autoencoder
from unlabeled.methods.mixture.k_means import KMeans
from unlabeled.methods.mixture.plsa import PLSA
from unlabeled.methods.words.one_hot import OneHot
from unlabeled.runs import topics
from unlabeled.search import ExactStore, LanceStore

TEXTS = ["cats purr and cats sleep", "dogs bark and dogs dig"] * 3
ROWS = np.random.default_rng(0).normal(size=(6, 2))


@pytest.fixture(scope="module")
def autoencoder() -> Autoencoder:
    images = load_digits().images[:32] / 16
    return Autoencoder(encoder="conv", epochs=1, random_state=0, progress=False).fit(images)


@pytest.fixture
def save(request, autoencoder, tmp_path) -> Callable[[Path], object]:
    ids = [str(i) for i in range(len(ROWS))]
    return {
        "autoencoder": autoencoder.save,
        "encoder": lambda folder: save_encoder(autoencoder.encoder_, folder),
        "k_means": KMeans(2, random_state=0).fit(ROWS).save,
        "plsa": PLSA(2, random_state=0).fit(TEXTS).save,
        "one_hot": OneHot(min_count=1).fit(TEXTS).save,
        "corpus": Corpus.encode(TEXTS, min_count=1).save,
        "exact": ExactStore.build(ids, ROWS).save,
        "lance": lambda folder: LanceStore.build(ids, ROWS, folder=folder),
        "lance_copy": lambda folder: LanceStore.build(ids, ROWS, folder=tmp_path / "made").save(folder),
        "topics": lambda folder: topics(TEXTS, folder, k=2, min_df=1, overwrite=True, progress=False),
    }[request.param]


@pytest.mark.parametrize(
    "save",
    ["autoencoder", "encoder", "k_means", "plsa", "one_hot", "corpus", "exact", "lance", "lance_copy", "topics"],
    indirect=True,
)
def test_a_save_replaces_its_like_and_keeps_everything_else(save, tmp_path):
    photos = tmp_path / "photos"
    (photos / "cats").mkdir(parents=True)
    (photos / "cats" / "cat.jpg").write_bytes(b"x" * 100)
    (photos / "thesis.docx").write_bytes(b"y" * 100)
    with pytest.raises(UnlabeledError, match="not saved here"):
        save(photos)
    assert sorted(p.name for p in photos.rglob("*") if p.is_file()) == ["cat.jpg", "thesis.docx"]

    folder = tmp_path / "result"
    save(folder)
    save(folder)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(UnlabeledError, match=r"notes\.txt"):
        save(folder)
    assert (folder / "notes.txt").read_text() == "mine"
    (folder / "notes.txt").unlink()
    save(folder)
    (tmp_path / "ordinary").touch()
    assert {stat.S_IMODE(p.stat().st_mode) for p in folder.rglob("*") if p.is_file()} == {
        stat.S_IMODE((tmp_path / "ordinary").stat().st_mode)
    }


def test_a_corpus_is_not_saved_over_the_texts_it_was_made_of(tmp_path):
    (tmp_path / "only-copy.txt").write_text("my only copy " * 20)
    with pytest.raises(UnlabeledError, match=r"only-copy\.txt"):
        Corpus.encode(tmp_path, min_count=1).save(tmp_path)
    assert (tmp_path / "only-copy.txt").read_text() == "my only copy " * 20


def test_a_model_is_not_saved_over_a_store(tmp_path):
    store = ExactStore.build(["a", "b"], np.eye(2))
    store.save(tmp_path / "index")
    with pytest.raises(UnlabeledError, match="holds a saved store"):
        KMeans(2, random_state=0).fit(ROWS).save(tmp_path / "index")
    assert ExactStore.open(tmp_path / "index").query(torch.eye(2).numpy(), 1).ids[0, 0] == "a"
    assert (tmp_path / "index" / CONTENTS).exists()
