"""The command line as a user types it."""

import json
import re
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from unlabeled import registry
from unlabeled.cli.main import app
from unlabeled.cli.settings import configured
from unlabeled.data import Vectors
from unlabeled.errors import UnlabeledError

LEARN = ["--epochs", "1", "--batch-size", "32", "--quiet"]


def unlabeled(*words, code=0):
    """Run the command in a process of its own, as a user does."""
    command = [sys.executable, "-m", "unlabeled", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture(scope="module")
def photos(digits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for number in range(60):
        Image.fromarray(digits[0][number]).save(folder / f"{number:02d}.png")
    rows = "".join(f"{number:02d}.png,{digits[1][number]}\n" for number in range(50))
    (folder.parent / "labels.csv").write_text("path,label\n" + rows)
    return folder


@pytest.fixture(scope="module")
def run(photos):
    out = photos.parent / "run"
    unlabeled("learn", photos, "--out", out, *LEARN, "--temperature", "0.2")
    return out


@pytest.mark.parametrize("place", ["file/demo", "/proc/demo"])
def test_a_demo_in_a_folder_that_cannot_be_written_is_refused_in_words(place, tmp_path):
    (tmp_path / "file").touch()
    assert unlabeled("demo", "--out", tmp_path / place, code=2).stderr.startswith("Error: ")


def test_learn_takes_settings_of_the_method(run):
    recipe = json.loads((run / "run.json").read_text())["recipe"]
    assert (recipe["method"], recipe["temperature"], recipe["epochs"]) == ("simclr", 0.2, 1)


def test_settings_may_stand_before_the_source_and_with_resume(photos, tmp_path):
    done = unlabeled("learn", "--epochs", 1, "--quiet", photos, "--batch-size=32", "--out", tmp_path / "run", "--json")
    assert json.loads(done.stdout)["rows"] == 60
    again = unlabeled("learn", "--resume", "--batch-size", 32, "--out", tmp_path / "run", code=2)
    assert "is finished; there is nothing to resume" in again.stderr


def test_a_recipe_file_sets_what_the_command_line_does_not_override(photos, tmp_path):
    (tmp_path / "recipe.toml").write_text(
        'method = "byol"\nepochs = 1\nmomentum = 0.9\n[views]\nview = "Flip"\np = 0.25\n'
    )
    words = ["--recipe", tmp_path / "recipe.toml", "--momentum", "0.8", "--batch-size=32", "--json", "--quiet"]
    done = unlabeled("learn", photos, "--out", tmp_path / "run", *words)
    assert json.loads(done.stdout)["rows"] == 60
    recipe = json.loads((tmp_path / "run" / "run.json").read_text())["recipe"]
    assert (recipe["method"], recipe["momentum"], recipe["batch_size"]) == ("byol", 0.8, 32)
    assert recipe["views"] == {"view": "Flip", "p": 0.25}


def test_search_prints_a_table_and_draws_a_contact_sheet(run, photos, tmp_path):
    done = unlabeled("search", run, "--query", photos / "05.png", "-k", 4, "--out", tmp_path / "sheet.png")
    assert "05.png" in done.stdout.splitlines()[1]
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 100
    machine = json.loads(unlabeled("search", run, "-q", "05.png", "-k", 4, "--json").stdout)
    assert [n["rank"] for n in machine["neighbours"]] == [1, 2, 3, 4]


def test_evaluate_shows_both_baselines(run, photos):
    done = unlabeled("evaluate", run, "--labels", photos.parent / "labels.csv")
    for name in ("learnt", "raw input", "untrained encoder", "knn accuracy", "linear accuracy", "commonest class"):
        assert name in done.stdout
    machine = unlabeled("evaluate", run, "--labels", photos.parent / "labels.csv", "--seeds", 1, "--json")
    assert json.loads(machine.stdout)["evaluation"]["seeds"] == [0]


def test_embed_writes_a_parquet_that_we_read_again(run, photos, tmp_path):
    unlabeled("embed", run, photos, "--out", tmp_path / "vectors.parquet")
    vectors = Vectors(tmp_path / "vectors.parquet")
    assert len(vectors) == 60
    assert vectors.array.shape[1] == json.loads((run / "metrics.json").read_text())["dim"]
    assert vectors.ids[0] == "00.png"
    assert np.isfinite(vectors.array).all()


def test_embed_replaces_nothing_unless_told_to(run, photos, tmp_path):
    out = tmp_path / "vectors.parquet"
    out.write_bytes(b"mine")
    refused = unlabeled("embed", run, photos, "--out", out, code=2)
    assert "exists already; choose another name, or replace it with --overwrite" in refused.stderr
    assert out.read_bytes() == b"mine"
    itself = unlabeled("embed", run, out, "--out", out, "--overwrite", code=2)
    assert "is what is read" in itself.stderr
    unlabeled("embed", run, photos, "--out", out, "--overwrite")
    assert len(Vectors(out)) == 60


def test_a_condition_that_nothing_meets_finds_nothing(run):
    done = unlabeled("search", run, "-q", "05.png", "--where", "id = 'none such'", "--json")
    assert json.loads(done.stdout)["neighbours"] == []
    assert "No instance of the run fits id = 'none such'" in done.stderr


def test_map_draws(run, photos, tmp_path):
    unlabeled("map", run, "--labels", photos.parent / "labels.csv", "--out", tmp_path / "map.png")
    with Image.open(tmp_path / "map.png") as picture:
        assert picture.width > 300


@pytest.mark.parametrize("verb", ["map", "search"])
def test_a_picture_replaces_nothing_unless_told_to_and_never_what_is_read(verb, run, photos, tmp_path):
    words = [verb, run, *(["-q", photos / "05.png"] if verb == "search" else ["--rows", 20])]
    before = (photos / "05.png").read_bytes()
    refused = unlabeled(*words, "--out", photos / "05.png", "--overwrite", code=2)
    assert "is what is read" in refused.stderr
    assert (photos / "05.png").read_bytes() == before
    mine = tmp_path / "mine.png"
    mine.write_bytes(b"mine")
    assert "exists already" in unlabeled(*words, "--out", mine, code=2).stderr
    assert mine.read_bytes() == b"mine"
    unlabeled(*words, "--out", mine, "--overwrite")
    with Image.open(mine) as picture:
        assert picture.width > 100
    assert "ends in .png" in unlabeled(*words, "--out", photos.parent / "labels.csv", "--overwrite", code=2).stderr


def test_methods_lists_all_and_shows_one():
    listed = json.loads(unlabeled("methods", "--json").stdout)
    assert {"simclr", "byol", "rotation", "autoencoder"} <= {entry["name"] for entry in listed}
    assert all(entry["sentence"] and entry["modalities"] for entry in listed)
    assert [entry["name"] for entry in listed if not entry["paper"]] == ["one_hot"]  # the baseline is nobody's
    shown = unlabeled("methods", "SimCLR").stdout
    assert "--temperature" in shown
    assert "--learning-rate" in shown
    assert "image, vector, text, video" in shown


def test_settings_are_shown_as_options_only_where_a_verb_takes_them():
    shown = unlabeled("methods", "k_means").stdout
    assert "Settings of KMeans, in Python" in shown
    assert "n_clusters" in shown
    assert "--" not in shown
    assert "--max-vocab" in unlabeled("methods", "one_hot").stdout


@pytest.mark.parametrize("name", ["simclr", "skip_gram"])
def test_the_seed_has_the_name_that_other_verbs_have_for_it(name):
    assert configured(name, None, ["--seed", "7"], {"random_state": 0}).random_state == 7
    assert configured(name, None, ["--random-state=7"], {"random_state": 0}).random_state == 7


@pytest.mark.parametrize("setting", ["device", "epochs", "temperature", "views", "encoder"])
def test_a_table_of_a_recipe_that_is_neither_view_nor_encoder_is_refused(setting, tmp_path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(f"[{setting}]\nname = 1\n")
    with pytest.raises(UnlabeledError, match=rf"recipe.toml: {setting} must be .*, not {{'name': 1}}"):
        configured("simclr", recipe, [], {})


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["learn", "nowhere"], "nowhere"),
        (["learn"], "name what to learn from"),
        (["learn", "{empty}"], "is empty"),
        (["learn", "{photos}", "--method", "simclear"], "did you mean 'simclr'"),
        (["learn", "{photos}", "--method", "skip_gram"], "SkipGram is no method for this command; these are: "),
        (["learn", "{photos}", "--encoder", "cnov", "--epochs", "1"], "did you mean 'conv'"),
        (["learn", "{photos}", "--temprature", "0.1"], "did you mean '--temperature'"),
        (["learn", "{photos}", "--epochs", "many"], "takes a whole number, not 'many'"),
        (["learn", "{photos}", "--epochs"], "--epochs needs a value"),
        (["learn", "{photos}", "extra"], "'extra' was not expected"),
        (["learn", "{photos}", "--on-error", "ignore"], "Known: skip, stop"),
        (["learn", "{photos}", "--recipe", "none.toml"], "cannot read the recipe none.toml"),
        (["learn", "{photos}", "--resume"], "no run in"),
        (["learn", "{photos}", "--projection-dim", "-3"], "--projection-dim is at least 1, not -3"),
        (["learn", "{photos}", "--random-state", "-1"], "--random-state is at least 0, not -1"),
        (["learn", "{photos}", "--recipe", "{photos}/../wrong.toml"], "epochs must be a whole number, not 'many'"),
        (["search", "{empty}", "-q", "x.png"], "holds no run"),
        (["search", "{run}", "-q", "x.png"], "neither a file nor the id"),
        (["search", "{run}", "-q", "05.png", "--where", "nonsense ="], "nonsense"),
        (["evaluate", "{run}"], "no labels of its own"),
        (["embed", "{run}", "{photos}", "--out", "v.csv"], "ends in .parquet"),
        (["methods", "simclear"], "did you mean 'simclr'"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(words, says, run, photos, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    (photos.parent / "wrong.toml").write_text('epochs = "many"')
    places = {"photos": photos, "run": run, "empty": tmp_path / "empty"}
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, [word.format(**places) for word in words])
    assert result.exit_code != 0
    assert says in str(result.exception)


def test_an_error_is_a_sentence_with_status_two():
    done = unlabeled("learn", "nowhere", code=2)
    assert done.stderr.startswith("Error: ")
    assert done.stdout == ""


@pytest.mark.parametrize("verb", ["learn", "search", "evaluate", "embed", "map", "methods", "demo"])
def test_every_verb_teaches(verb):
    result = CliRunner().invoke(app, [verb, "--help"])
    assert result.exit_code == 0
    assert "unlabeled " + verb in result.output or verb == "demo"


@pytest.mark.parametrize("words", [["--method", "byol", "--help"], ["-h", "-m", "BYOL"], ["--help", "--method=byol"]])
def test_help_of_learn_lists_the_settings_of_the_method_beneath_its_own(words):
    usual = CliRunner().invoke(app, ["learn", "--help"]).output
    assert "--momentum" not in usual
    assert "unlabeled learn --method simclr --help lists them" in " ".join(usual.split())
    result = CliRunner().invoke(app, ["learn", *words])
    assert result.exit_code == 0
    assert result.output.startswith(usual.rstrip())
    beneath = result.output[len(usual.rstrip()) :]
    for option in registry.options(registry.method("byol")):
        assert (f"--{option.name.replace('_', '-')} " in beneath) == (not option.common), option.name
    assert "m at the start of training" in beneath


def test_help_of_learn_for_a_method_there_is_not_suggests_the_nearest():
    result = CliRunner().invoke(app, ["learn", "--method", "boyl", "--help"])
    assert "did you mean 'byol'" in str(result.exception)


@pytest.mark.parametrize("words", [["--help"], ["learn", "--help"]])
def test_help_is_quick_and_loads_no_torch(words):
    code = textwrap.dedent(f"""
        import sys
        from unlabeled.cli.main import main
        sys.argv = ["unlabeled", *{words}]
        try:
            main()
        except SystemExit:
            pass
        assert not {{"torch", "sklearn"}} & sys.modules.keys()
    """)
    times = []
    for _ in range(3):
        start = time.monotonic()
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
        times.append(time.monotonic() - start)
    # The promise is 0.6 s; a shared machine under load is given three times that, and the best of three counts.
    assert min(times) < 1.8


def test_names_of_methods_and_settings_are_whole_on_a_narrow_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    listed = unlabeled("methods").stdout
    assert all(any(line.startswith(name) for line in listed.splitlines()) for name in registry.methods())
    settings = unlabeled("methods", "skipgram").stdout
    assert re.search(r"^--min-learning-rate +0.0001 ", settings, re.MULTILINE)
    assert re.search(r"^--tokenizer +words ", settings, re.MULTILINE)
    assert re.search(r"^--max-vocab +none ", settings, re.MULTILINE)
