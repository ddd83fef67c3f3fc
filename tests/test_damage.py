"""Whatever is read from disk or typed: a result, or an `UnlabeledError`; never an exception from the depths.

Files of every kind that we save are damaged in many ways, at random but repeatably, and read again. Options of the
verbs are given values that cannot be meant.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import struct
import tarfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits
from typer.main import get_command
from typer.testing import CliRunner

import unlabeled
from unlabeled import (
    BERT,
    GPT,
    FineTuning,
    LabelSpreading,
    Phrases,
    SentenceVectors,
    VariationalAutoencoder,
    WordVectors,
)
from unlabeled.cli.main import app
from unlabeled.cli.option_names import as_typed, settings_of
from unlabeled.data import Corpus, Images, Vectors, read_labels
from unlabeled.data.image.proposals import read_proposals
from unlabeled.data.pairs import ImageTexts
from unlabeled.data.tabular.table import Table
from unlabeled.data.text.annotated import read_conll, read_squad
from unlabeled.data.text.texts import Texts
from unlabeled.encoders import load_encoder
from unlabeled.errors import UnlabeledError
from unlabeled.explore import FittedMap
from unlabeled.methods.generative.autoencoder import Autoencoder
from unlabeled.methods.mixture.gaussian_mixture import GaussianMixture
from unlabeled.methods.mixture.k_means import KMeans
from unlabeled.methods.mixture.plsa import PLSA
from unlabeled.methods.words.one_hot import OneHot
from unlabeled.runs import Run, assign, cluster, evaluate_run, find_outliers, learn, topics
from unlabeled.runs.embeddings import read_embeddings
from unlabeled.runs.grouping.write_table import inputs_of
from unlabeled.runs.labelling.label_dataset import label_dataset
from unlabeled.search import ExactStore, LanceStore, NeighbourGraph

TEXTS = ["cats purr and cats sleep", "dogs bark and dogs dig"] * 5
ROWS = np.random.default_rng(0).normal(size=(20, 2))
VALUES = [None, -1, 0, 2**63, 1e308, "x", [], {}, True, [None], {"a": 1}]


def save_encoder_model(folder: Path) -> None:
    images = load_digits().images[:32] / 16
    Autoencoder(encoder="conv", epochs=1, random_state=0, progress=False).fit(images).save(folder)


def save_csv(folder: Path) -> None:
    folder.mkdir()
    (folder / "x.csv").write_text("id,age,plan,label\n" + "\n".join(f"r{i},{i},{'ab'[i % 2]},c" for i in range(9)))


def save_npz(folder: Path) -> None:
    folder.mkdir()
    np.savez_compressed(folder / "x.npz", x=ROWS, y=np.arange(20))


def save_parquet(folder: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir()
    pq.write_table(pa.table({"id": [str(i) for i in range(20)], "vector": ROWS.tolist()}), folder / "x.parquet")


def save_picture(folder: Path) -> None:
    folder.mkdir()
    Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16)).save(folder / "x.png")


def save_text(name: str, text: str):
    def save(folder: Path) -> None:
        folder.mkdir()
        (folder / name).write_text(text, encoding="utf-8")

    return save


def save_shard(folder: Path) -> None:
    folder.mkdir()
    picture = io.BytesIO()
    Image.new("L", (4, 4)).save(picture, "PNG")
    with tarfile.open(folder / "x.tar", "w") as archive:
        for name, content in (("0.png", picture.getvalue()), ("0.json", b'{"caption": "a cat"}'), ("1.txt", b"a dog")):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def save_fasttext(folder: Path) -> None:
    folder.mkdir()
    header = struct.pack("<2i12id", 793712314, 12, 3, 5, 5, 1, 5, 1, 2, 2, 20, 2, 3, 100, 1e-4)
    header += struct.pack("<3i2q", 2, 2, 0, 100, -1) + b"".join(
        word + struct.pack("<qb", 9, 0) for word in (b"a\0", b"b\0")
    )
    table = np.ones((22, 3), "<f4")
    (folder / "x.bin").write_bytes(header + struct.pack("<?2q", False, *table.shape) + table.tobytes())


FIGURES: dict[str, object] = {}
"""What judging the run said."""


def save_run(folder: Path) -> None:
    pictures = folder.with_name("pictures")
    pictures.mkdir(exist_ok=True)
    for i in range(12):
        Image.fromarray(load_digits().images[i].astype(np.uint8) * 15).save(pictures / f"{i}.png")
    Path(folder.with_name("l.csv")).write_text("path,label\n" + "".join(f"{i}.png,{i % 2}\n" for i in range(12)))
    quick = {"epochs": 1, "batch_size": 8, "random_state": 0, "progress": False}
    run = learn(pictures, folder, VariationalAutoencoder(**quick), labels=folder.with_name("l.csv"))
    FIGURES.update(evaluate_run(run, seeds=(0,)))
    shutil.rmtree(folder / "pictures")


def read_run(folder: Path) -> None:
    run = Run(folder)
    run.search("3.png", 2)
    run.search("3.png", 2, metric="euclidean")
    run.embed(folder.with_name("pictures"))
    with pytest.MonkeyPatch.context() as patch:  # judging opens no file, and takes longer than all that does
        patch.setattr("unlabeled.runs.evaluate.judge", lambda *_: dict(FIGURES))
        evaluate_run(run, renew=True)
    inputs_of(folder)
    with pytest.raises(UnlabeledError):  # it is finished
        learn(run.about["source"], folder, run.method, resume=True)


def save_tuned(folder: Path) -> None:
    small = {"dim": 16, "layers": 1, "heads": 2, "length": 8, "epochs": 1, "batch_size": 8, "progress": False}
    encoder = BERT(**small, random_state=0).fit(TEXTS).encoder_
    FineTuning(encoder=encoder, epochs=1, random_state=0).fit(TEXTS, [0, 1] * 5).save(folder)


def save_labelled(folder: Path) -> None:
    made = folder.with_name("labelled")
    label_dataset(ROWS, [0, 1, 0, 1, 0, 1, *[-1] * 14], made, repeats=1, budget=0)
    (made / "model").rename(folder)  # nothing else of it is read


GRAPH = NeighbourGraph.from_vectors(ROWS, k=3)
MAP = FittedMap(list("abcd"), np.ones((4, 2), np.float32), np.arange(4), np.eye(4, dtype=np.float32), "tsne", "cosine")
SQUAD = {"question": "who?", "answers": [{"text": "a cat", "answer_start": 0}]}
SQUAD = {"data": [{"paragraphs": [{"context": "a cat purrs", "qas": [SQUAD]}]}]}
VECTORS = OneHot(min_count=1).fit(TEXTS).vectors_
IDS = [str(i) for i in range(20)]
SAVED = {
    "k_means": (KMeans(2, random_state=0).fit(ROWS).save, lambda f: unlabeled.load(f).predict(ROWS)),
    "mixture": (GaussianMixture(2, random_state=0).fit(ROWS).save, lambda f: GaussianMixture.load(f).predict(ROWS)),
    "plsa": (PLSA(2, random_state=0).fit(TEXTS).save, lambda f: PLSA.load(f).transform(TEXTS)),
    "words": (OneHot(min_count=1).fit(TEXTS).save, unlabeled.load),
    "corpus": (Corpus.encode(TEXTS, min_count=1).save, Corpus.load),
    "exact": (ExactStore.build(IDS, ROWS).save, lambda f: ExactStore.open(f).query(ROWS[:1], 2)),
    "lance": (
        lambda f: LanceStore.build(IDS, ROWS, folder=f),
        lambda f: LanceStore.open(f).query(ROWS[:1], 2),
    ),
    "autoencoder": (save_encoder_model, unlabeled.load),
    "encoder": (save_encoder_model, load_encoder),
    "grouping": (
        lambda f: cluster(ROWS, f.with_name("c.csv"), k=2, model=f, overwrite=True),
        lambda f: assign(f, ROWS, f.with_name("a.csv"), overwrite=True),
    ),
    "table": (save_csv, lambda f: Table.read(f / "x.csv").features()),
    "labels": (save_csv, lambda f: read_labels(f / "x.csv")),
    "npz": (save_npz, lambda f: Vectors(f / "x.npz")),
    "parquet": (save_parquet, lambda f: Vectors(f / "x.parquet")),
    "picture": (save_picture, lambda f: Images(f).decode(0)),
    "graph": (GRAPH.save, lambda f: NeighbourGraph.open(f).path(0, 5).length),
    "map": (MAP.save, lambda f: FittedMap.open(f).place(np.eye(4)[:1])),
    "phrases": (Phrases(threshold=0.1, min_count=1).fit(TEXTS).save, lambda f: unlabeled.load(f).transform(TEXTS)),
    "sentence vectors": (
        SentenceVectors(vectors=VECTORS).fit(TEXTS).save,
        lambda f: unlabeled.load(f).transform(TEXTS),
    ),
    "few labels": (
        LabelSpreading(n_neighbors=3).fit(ROWS, [0, 1, *[-1] * 18]).save,
        lambda f: unlabeled.load(f).predict(ROWS),
    ),
    "embeddings": (save_parquet, lambda f: read_embeddings(f / "x.parquet")),
    "shard": (save_shard, lambda f: ImageTexts(f / "x.tar").images.decode(0)),
    "fastText": (save_fasttext, lambda f: WordVectors.load(f / "x.bin").lookup(["a", "ab"])),
    "squad": (save_text("x.json", json.dumps(SQUAD)), lambda f: read_squad(f / "x.json")),
    "conll": (save_text("x.conll", "a DT\ncat NN\n\nit PP\n"), lambda f: read_conll(f / "x.conll")),
    "lines of JSON": (save_text("x.jsonl", '{"text": "a"}\n{"text": "b"}\n'), lambda f: Texts(f / "x.jsonl")),
    "proposals": (
        save_text("x.csv", "id,left,top,right,bottom\na,0,0,4,4\n"),
        lambda f: read_proposals(f / "x.csv"),
    ),
    "topics": (
        lambda f: topics(TEXTS, f, k=2, min_df=1, max_df=1.0, progress=False),
        lambda f: assign(f, TEXTS, f.with_name("a.csv"), overwrite=True),
    ),
    "outliers": (
        lambda f: find_outliers(ROWS, f.with_name("o.csv"), method="neighbours", model=f, overwrite=True),
        lambda f: assign(f, ROWS, f.with_name("a.csv"), overwrite=True),
    ),
    "labelled": (save_labelled, lambda f: assign(f, ROWS, f.with_name("a.csv"), overwrite=True)),
    "run": (save_run, read_run),
    "fine-tuned": (save_tuned, lambda f: unlabeled.load(f).predict(TEXTS[:2])),
}
ROUNDS = {"autoencoder": 4, "encoder": 4, "lance": 3, "grouping": 6, "topics": 6, "outliers": 6, "labelled": 6}
ROUNDS |= {"run": 3, "fine-tuned": 3}
LONG = ("run", "fine-tuned", "labelled")
"""What takes more than some seconds to be made and read."""


def damaged_bytes(content: bytes, random: np.random.Generator) -> bytes:
    """Cut, overwrite, repeat or empty a part."""
    place = int(random.integers(0, max(len(content), 1)))
    length = int(random.integers(1, 40))
    return [
        content[:place],
        content[:place] + random.bytes(length) + content[place + length :],
        content[:place] + content[place + length :],
        content[:place] + content[:length] + content[place:],
        b"\0" * len(content),
    ][int(random.integers(5))]


def damaged_json(content: object, random: np.random.Generator) -> object:
    """Drop a key, or put a value of another kind in some place of a JSON document."""
    if isinstance(content, dict) and content and random.random() < 0.9:
        key = sorted(content)[int(random.integers(len(content)))]
        kind = random.random()
        if kind < 0.25:
            return {name: value for name, value in content.items() if name != key}
        inner = damaged_json(content[key], random) if kind < 0.6 else VALUES[int(random.integers(len(VALUES)))]
        return content | {key: inner}
    return VALUES[int(random.integers(len(VALUES)))]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] * (n in LONG)) for n in SAVED])
def test_a_damaged_file_gives_a_result_or_a_refusal(name, tmp_path):
    save, read = SAVED[name]
    save(tmp_path / "whole")
    read(tmp_path / "whole")
    random = np.random.default_rng(len(name))
    files = sorted(path.relative_to(tmp_path / "whole") for path in (tmp_path / "whole").rglob("*") if path.is_file())
    for file in (file for file in files if file.name != ".unlabeled.json"):
        for number in range(ROUNDS.get(name, 12)):
            folder = tmp_path / f"{number}"
            shutil.copytree(tmp_path / "whole", folder)
            content = (folder / file).read_bytes()
            if file.suffix == ".json" and number % 3:
                (folder / file).write_text(json.dumps(damaged_json(json.loads(content), random)))
            else:
                (folder / file).write_bytes(damaged_bytes(content, random))
            try:
                read(folder)
            except UnlabeledError as error:
                assert len(str(error)) > 10  # noqa: PT017 - a result is as good
            except BaseException as error:
                wrong = (folder / file).read_bytes()[:300]
                pytest.fail(f"{name}: {file} as {wrong!r} leaks {type(error).__name__}: {error}")
            shutil.rmtree(folder)


ODD = ["-1", "0", "nan", "inf", "1e308", str(2**63), str(2**64), "9" * 5000, "", "none.xyz", "\x1b[2J"]
DRAWN = 3
"""Odd values that an option gets which is no number: it takes most of them, and then all of the work is done."""
VERBS = [
    ["learn", "none.npy"],
    ["label", "x.npy", "--labels", "few.csv", "--budget", "0", "-q"],
    ["label", "none", "--labels", "labels.csv", "--epochs", "1", "-q"],
    ["search", "run", "-q", "00.png"],
    ["evaluate", "run"],
    ["compare", "none", "-m", "autoencoder", "--budget", "1 steps"],
    ["embed", "run", "pictures"],
    ["generate", "gpt", "-p", "cats", "--length", "3"],
    ["fill", "bert", "cats [MASK] and"],
    ["finetune", "bert", "texts.csv", "-o", "tuned", "--epochs", "1"],
    ["predict", "none", "texts.csv"],
    ["path", "run", "00.png", "01.png"],
    ["see", "run", "pictures/00.png"],
    ["track", "run", "none.mp4"],
    ["zeroshot", "run", "pictures", "--classes", "a,b"],
    ["restore", "pictures/00.png", "-t", "denoise", "--steps", "1"],
    ["sample", "run", "-n", "2"],
    ["reconstruct", "run", "pictures/00.png"],
    ["map", "run"],
    ["cluster", "x.npy", "-k", "2"],
    ["topics", "texts.txt", "-k", "2", "--max-df", "1"],
    ["segment", "pictures/00.png", "-k", "2"],
    ["outliers", "x.npy"],
    ["outliers", "data/x.csv", "--method", "neighbours"],
    ["assign", "c.model", "x.npy"],
    ["learn-detector", "run", "none"],
    ["detect", "none", "pictures/00.png"],
    ["methods"],
    ["demo", "--out", "data"],
    *(["words", kind, "none.txt"] for kind in ("skipgram", "cbow", "glove", "onehot")),
    ["words", "evaluate", "v.vec", "--similarity", "none.tsv"],
    ["words", "nearest", "v.vec", "cats"],
    ["words", "analogy", "v.vec", "cats", "purr", "dogs"],
]
"""A command line of each verb; those of long work name what is not there, so that only their options are read."""
PYTHON = re.compile(
    r"keyword|positional|argument '\w|\w=\w|\bor None\b|\b[A-Z]\w+Error\b|(?<![\w-])[a-z]+_[a-z_]+ (must|is|are)\b"
)
"""Words of Python, which a person on the command line has not typed."""


def odd_values(option, verb: str) -> list[list[str]]:
    """Give what an option is followed by: nothing, every odd value, or some of them, always the same."""
    if option.is_flag:
        return [[]]
    if option.type_descriptor.annotation in (int, float):
        return [[odd] for odd in ODD]
    random = np.random.default_rng(zlib.crc32(f"{verb} {option.name}".encode()))
    return [[ODD[place]] for place in sorted(random.choice(len(ODD), DRAWN, replace=False))]


def is_refusal(error: BaseException) -> bool:
    """Tell whether the command line would print an error as one sentence."""
    named = isinstance(error, OSError) and error.filename is not None
    return named or isinstance(error, UnlabeledError | SystemExit) or hasattr(error, "exit_code")


def test_every_verb_is_in_the_harness():
    def walk(command, words=()):
        for name, inner in getattr(command, "commands", {}).items():
            yield from walk(inner, (*words, name))
        if not hasattr(command, "commands"):
            yield words

    known = [tuple(words) for words in VERBS]
    assert [verb for verb in walk(get_command(app)) if not any(words[: len(verb)] == verb for words in known)] == []


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    quick = {"epochs": 1, "batch_size": 8, "random_state": 0, "progress": False}
    small = {"dim": 16, "layers": 1, "heads": 2, "length": 8}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        np.save("x.npy", ROWS)
        save_csv(folder / "data")
        Path("texts.txt").write_text("\n".join(TEXTS))
        Path("texts.csv").write_text("id,text,label\n" + "".join(f"{i},{TEXTS[i]},{i % 2}\n" for i in range(10)))
        Path("labels.csv").write_text("path,label\n" + "".join(f"{i:02d}.png,{i % 2}\n" for i in range(12)))
        Path("few.csv").write_text("id,label\n0,a\n1,b\n2,a\n3,b\n")
        Path("pictures").mkdir()
        for i in range(12):
            Image.fromarray(load_digits().images[i].astype(np.uint8) * 15).save(f"pictures/{i:02d}.png")
        cluster("x.npy", "c.csv", k=2)
        learn("pictures", "run", VariationalAutoencoder(**quick), labels="labels.csv")
        learn("texts.txt", "gpt", GPT(**small | quick))
        learn("texts.txt", "bert", BERT(**small | quick))
        unlabeled.SkipGram(dim=4, min_count=1, random_state=0, progress=False).fit(TEXTS).vectors_.save("v.vec")
        yield folder


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_an_option_that_cannot_be_meant_gives_a_result_or_a_refusal(desk, words, monkeypatch):
    monkeypatch.setattr("unlabeled.cli.demo.command", lambda *_: None)  # minutes of verbs that are tried by themselves
    there = {path.name for path in desk.iterdir()}
    command, given = get_command(app), list(words)
    while hasattr(command, "commands"):
        command = command.commands[given.pop(0)]
    options = [
        option for option in command.params if option.param_type_name == "option" and "--help" not in option.opts
    ]
    for option in options:
        for value in odd_values(option, words[0]):
            line = [*words, option.opts[0], *value]
            error = CliRunner().invoke(app, line, standalone_mode=False).exception
            if error is not None:
                assert is_refusal(error), f"{line} leaks {error!r}"
                message = as_typed(str(error), settings_of(get_command(app), words))
                assert not PYTHON.search(message), f"{line} speaks Python: {message}"
            for path in desk.iterdir():  # so that the next value meets the same desk
                if path.name not in there:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
