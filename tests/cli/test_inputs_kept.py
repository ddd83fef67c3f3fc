"""What a verb reads is never replaced by what it writes, and every option that is given has an effect or is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from unlabeled.cli.main import app
from unlabeled.errors import UnlabeledError


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """Files as a user has them; the run and the models are empty, for outputs are checked before anything is loaded."""
    monkeypatch.chdir(tmp_path)
    for folder in ("photos", "rows", "run/model", "tuned", "topics", "labelled/run", "labelled/model", "texts"):
        Path(folder).mkdir(parents=True)
    for name in ("photos/a.png", "photos/b.png", "mask.png", "mask.so-far.png"):
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(name)
    about = {"complete": True, "source": str(tmp_path / "photos"), "labels": None, "recipe": {"method": "simclr"}}
    Path("run/run.json").write_text(json.dumps(about))
    Path("labelled/run/run.json").write_text(json.dumps(about))
    Path("rows/run.json").write_text(json.dumps(about | {"data": {"kind": "vector"}}))
    Path("labelled/label.json").write_text(json.dumps({"complete": True}))
    Path("tuned/model.json").write_text("{}")
    for name in ("x.csv", "labels.csv", "run/embeddings.parquet", "topics/documents.parquet", "texts/a.txt", "r.txt"):
        Path(name).write_text("id,label\na,1\nb,2\n")
    for name in ("labelled/labels.csv", "labelled/run/embeddings.parquet", "clip.mp4"):
        Path(name).write_text("id,label\na,1\nb,2\n")
    return tmp_path


LINES = """
learn photos --out photos
learn run/embeddings.parquet --method autoencoder --out run
label x.csv --labels labelled/labels.csv --out labelled
label labelled/labels.csv --labels labels.csv --out labelled
embed run photos --out run/embeddings.parquet
search run --query photos/a.png --out photos/a.png
path run photos/a.png photos/b.png --out photos/b.png
see run photos/a.png --out photos
see run photos/a.png --classifier tuned --out tuned
track run clip.mp4 --point 1,1 --out clip.mp4
zeroshot run photos --classes a,b --out run/embeddings.parquet
restore photos/a.png --task denoise --out photos/a.png
restore photos/a.png --task denoise --model run --out photos/b.png
restore photos/a.png --task inpaint --mask mask.png --out mask.png
restore photos/a.png --task inpaint --mask mask.so-far.png --out mask.png
sample run --out photos/a.png
sample run --interpolate photos/a.png photos/b.png --out photos/b.png
reconstruct run photos/a.png --out photos/b.png
map run --out photos/a.png
map run --labels labels.csv --points labels.csv
map x.csv --onto run --points run/embeddings.parquet
segment photos/a.png --out photos/a.png
segment photos/a.png --save-mask photos/a.png
cluster x.csv --out x.csv
cluster run --out run/embeddings.parquet
outliers x.csv --images photos --picture photos/a.png
topics texts --out texts
topics topics/documents.parquet --out topics
assign tuned x.csv --out x.csv
assign labelled/model x.csv --out labelled/run/embeddings.parquet
finetune run x.csv --out run/model
finetune tuned x.csv --out tuned
predict tuned x.csv --out x.csv
learn-detector run photos --out photos
detect tuned photos/a.png --out photos/a.png
compare photos --out photos
words skipgram r.txt --out r.txt
words skipgram texts --out texts
words cbow texts/a.txt --recipe r.txt --out r.txt
""".strip().splitlines()


@pytest.mark.parametrize("line", LINES)
def test_outputs_never_replace_inputs_whatever_is_asked(desk, line):
    before = {path: path.read_bytes() for path in desk.rglob("*") if path.is_file()}
    error = CliRunner().invoke(app, [*line.split(), "--overwrite"], standalone_mode=False).exception
    assert isinstance(error, UnlabeledError), error
    assert "read" in str(error) or "exists and" in str(error)
    assert before.items() <= {path: path.read_bytes() for path in desk.rglob("*") if path.is_file()}.items()


UNUSED = """
restore photos/a.png --task denoise --factor 4
restore photos/a.png --task super-resolve --model run --factor 4
restore photos/a.png --task denoise --model run --steps 9
restore photos/a.png --task denoise --model run --seed 9
sample run --interpolate photos/a.png photos/b.png --seed 9
map x.csv --onto run --seed 9
map x.csv --onto run --perplexity 5
map x.csv --onto run --method umap
generate run --temperature 0 --top-k 3
words evaluate v.vec --similarity pairs.tsv --seeds 9
words evaluate v.vec --similarity pairs.tsv --tokenizer words
words evaluate v.vec --similarity pairs.tsv --restrict 10
words skipgram r.txt --phrase-threshold 3
label x.csv --labels labels.csv --method simclr --out new
finetune run x.conll --task tags --column words
segment photos/a.png --side 64
search x.csv --query a --limit 3
search run --query photos/a.png --labels labels.csv
search run --add photos -k 3
search run --add photos --where 1=1
search run --add photos --metric euclidean
search run --add photos --out s.png
search run --add photos --limit 3
search rows --query a --out s.png
path rows a b --out s.png
""".strip().splitlines()


@pytest.mark.parametrize("line", UNUSED)
def test_an_option_that_would_change_nothing_is_refused(desk, line):
    error = CliRunner().invoke(app, line.split(), standalone_mode=False).exception
    assert isinstance(error, UnlabeledError), error
    assert any(word in str(error) for word in ("leave it out", "goes with", "is for", "learns from")), error
