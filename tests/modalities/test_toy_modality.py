"""A kind of data that no room knows: strings of DNA letters. It learns, saves, loads, is judged and searched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from unlabeled.data.batch import Batch, labels_at
from unlabeled.data.fingerprint import fingerprint
from unlabeled.data.instances import prefetched
from unlabeled.encoders import Encoder, Features
from unlabeled.errors import UnlabeledError
from unlabeled.methods.contrastive.simclr import SimCLR
from unlabeled.methods.noncontrastive.byol import BYOL
from unlabeled.methods.pretext.rotation import Rotation
from unlabeled.modalities import Modality, Preprocessing, modalities, open_source
from unlabeled.runs import Run, evaluate_run, learn
from unlabeled.views import View


class Strands:
    """Strings of the letters ACGT, all of one length."""

    kind = "strand"

    def __init__(self, strands, labels=None, source="list"):
        self.strands, self.source = list(strands), source
        self.ids = [f"strand {i}" for i in range(len(self.strands))]
        self.labels = None if labels is None else np.asarray(labels)
        self.classes = None if labels is None else [f"family {i}" for i in range(int(self.labels.max()) + 1)]
        self.fingerprint = fingerprint(self.strands)

    def __len__(self):
        return len(self.strands)

    def gather(self, indices):
        letters = [["ACGT".index(letter) for letter in self.strands[i]] for i in indices.tolist()]
        return Batch(torch.tensor(letters), labels_at(self.labels, indices), indices)

    def batches(self, index_batches, prefetch=2):
        return prefetched(self.gather, index_batches, prefetch)


@dataclass(frozen=True)
class StrandPreprocessing(Preprocessing):
    kind: ClassVar[str] = "strand"
    length: int

    @property
    def shape(self):
        return (self.length, 4)

    def canonical(self, values):
        return nn.functional.one_hot(values, 4).float()


@dataclass(frozen=True)
class Mutation(View):
    """Some letters become others."""

    kind: ClassVar[str] = "strand"
    p: float = 0.1

    def __call__(self, batch, generator=None):
        mutated = torch.rand(batch.shape[:2]) < self.p
        random = nn.functional.one_hot(torch.randint(4, batch.shape[:2]), 4).float()
        return torch.where(mutated[..., None], random, batch)


class StrandNet(Encoder):
    architecture = "strand_net"
    modalities: ClassVar[tuple[str, ...]] = ("strand",)

    def __init__(self, preprocessing: Any, *, dim: int = 24) -> None:
        super().__init__(preprocessing)
        self.dim = dim
        self.body = nn.Sequential(nn.Conv1d(4, dim, 5), nn.ReLU(), nn.Conv1d(dim, dim, 5))

    def settings(self):
        return {"dim": self.dim}

    def features(self, values):
        return Features(self.body(values.transpose(1, 2)).transpose(1, 2))

    def forward(self, values):
        return self.features(values).vectors.amax(1)


class StrandModality(Modality):
    name = "strand"
    encoder = "strand_net"
    formats = ".dna"

    def accepts(self, source):
        if isinstance(source, Path):
            return source.suffix == ".dna"
        first = source[0] if isinstance(source, list) and source else None
        return isinstance(first, str) and first != "" and set(first) <= {*"ACGT"}

    def open(self, source):
        if isinstance(source, Path):
            lines = [line.split() for line in source.read_text().splitlines()]
            return Strands([line[0] for line in lines], [int(line[1]) for line in lines], str(source))
        return Strands(source)

    def prepare(self, data, settings, preprocessing=None, on_error="raise"):
        return data, preprocessing or StrandPreprocessing(len(data.strands[0]))

    @property
    def views(self):
        return {"auto": Mutation}

    def baseline(self, instances, rows):
        values = instances.gather(torch.from_numpy(rows)).values
        return nn.functional.one_hot(values, 4).float().flatten(1).numpy()

    def describe(self, data, row):
        return data.strands[row]

    def accepts_query(self, query):
        return set(query) <= {*"ACGT"}

    def open_query(self, query):
        return Strands([query])


def families(count=120, length=40):
    """Make strands of four families: each holds a motif of its own, at a random place."""
    rng = np.random.default_rng(0)
    motifs = ["ACGTACGTAC", "GGGGCCCCGG", "TTATTATTAT", "CAGCAGCAGC"]
    strands = []
    for i in range(count):
        letters = rng.choice(list("ACGT"), length)
        start = rng.integers(length - 10)
        letters[start : start + 10] = list(motifs[i % 4])
        strands.append("".join(letters))
    return strands


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    file = tmp_path_factory.mktemp("strands") / "families.dna"
    file.write_text("".join(f"{strand} {i % 4}\n" for i, strand in enumerate(families())))
    return file


@pytest.fixture(scope="module")
def run(path):
    method = SimCLR(epochs=3, batch_size=40, random_state=0, progress=False)
    return learn(path, path.parent / "run", method)


def test_it_is_found_beside_the_others(path):
    assert {"image", "strand", "vector"} <= modalities().keys()
    assert isinstance(open_source(path), Strands)
    assert isinstance(open_source(families(2)), Strands)


def test_a_run_is_learnt_and_judged_with_its_own_baseline(run):
    scores = run.metrics["evaluation"]["scores"]
    assert {score["representation"] for score in scores} == {"learnt", "raw input", "untrained encoder"}
    assert run.about["data"]["kind"] == "strand"


def test_it_loads_and_embeds_more(run):
    again = Run(run.folder)
    strands = families(8)
    found = again.embed(strands)
    np.testing.assert_allclose(found.vectors, run.embeddings.vectors[:8], rtol=1e-5, atol=1e-6)


def test_it_is_searched_by_id_and_by_a_strand(run):
    strand = families()[17]
    assert run.search(strand, k=3).ids[0][0] == "strand 17"
    assert run.search("strand 17", k=3).ids[0][0] == "strand 17"
    with pytest.raises(UnlabeledError, match="neither a file nor the id"):
        run.search("nowhere.png")


def test_it_is_judged_again(run):
    assert evaluate_run(run, seeds=(0,))["evaluation"]["n_test"] > 0


def test_a_method_of_another_kind_of_data_is_refused_by_name():
    with pytest.raises(UnlabeledError, match="Rotation is for image data, not strands"):
        Rotation(progress=False).fit(families(8))
    with pytest.raises(UnlabeledError, match="encoder 'conv' is for images, and the data are strands"):
        BYOL(encoder="conv", progress=False).fit(families(8))
