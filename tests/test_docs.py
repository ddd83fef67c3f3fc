"""The pages tell the truth: their Python runs, and their commands and recipes are understood.

The Python of a page is run from top to bottom, in a folder that holds a few photographs (their paths are `images`), a
label file and a text, and beside some vectors `X` and `texts`. Every `epochs=` is set to 1: what is tested is that
names, options and shapes are right, not what is learnt.
"""

from __future__ import annotations

import doctest
import re
import runpy
import shlex
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from unlabeled.data.video.write_video import write_video

PROJECT = Path(__file__).parents[1]
PAGES = [*PROJECT.glob("*.md"), *(p for p in (PROJECT / "docs").rglob("*.md") if "_build" not in p.parts)]

ANIMALS, THINGS = ["frog", "toad", "heron", "duck", "newt", "carp"], ["king", "queen", "man", "woman"]


def blocks(page: Path, language: str) -> list[str]:
    """Give the contents of a page's code blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[list[str]]:
    """Give the words of every `unlabeled` command that a page shows."""
    lines = "".join(blocks(page, "console")).splitlines()
    if page.name == "README.md":  # whose commands bear no dollar, to be copied
        lines += ["$ " + line for line in page.read_text(encoding="utf-8").splitlines()]
    return [shlex.split(line, comments=True)[2:] for line in lines if line.startswith("$ unlabeled ")]


def name(page: Path) -> str:
    return page.relative_to(PROJECT).as_posix()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the pages' examples suppose: photographs, one more of them, labels, and a text."""
    rng = np.random.default_rng(0)
    rows = ["path,label"]
    for label in ("cats", "dogs"):
        folder = tmp_path / "photos" / label
        folder.mkdir(parents=True)
        for i in range(8):
            coarse = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8))
            coarse.resize((16, 16), Image.Resampling.BICUBIC).save(folder / f"{label}{i}.png")
            rows.append(f"{label}/{label}{i}.png,{label}")
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "some.jpg").write_bytes((tmp_path / "photos" / "cats" / "cats0.png").read_bytes())
    videos_and_pairs(tmp_path, rng)
    (tmp_path / "corpus.txt").write_text("the king, the queen, a man and a woman saw a frog by the pond\n" * 200)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def videos_and_pairs(folder: Path, rng: np.random.Generator) -> None:
    """Write what the examples of videos, of pairs of images and of images with captions suppose."""
    for name in ("videos/one", "videos/two", "other-videos/three", "clip"):
        frames = rng.integers(0, 256, (48, 3, 32, 32), dtype=np.uint8)
        path = folder / f"{name}.mp4"
        path.parent.mkdir(exist_ok=True)
        write_video(frames, np.arange(48) / 12, path)
    photos = sorted((folder / "photos").rglob("*.png"))
    for name in ("signatures", "faces"):
        (folder / name).mkdir()
        for number, photo in enumerate(photos):
            (folder / name / f"{number}.png").write_bytes(photo.read_bytes())
    (folder / "new.png").write_bytes(photos[0].read_bytes())
    rows = [
        {"image": {"bytes": photo.read_bytes(), "path": photo.name}, "caption": f"a {photo.stem}"} for photo in photos
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "pairs.parquet")
    helper = runpy.run_path(str(PROJECT / "tests" / "encoders" / "pair" / "checkpoints.py"))
    helper["save_transformers_clip"](folder / "clip-vit-b32")


@pytest.mark.filterwarnings("ignore:the loss is .* that of guessing")  # an epoch on noise teaches nothing
@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=name)
def test_the_python_of_a_page_runs(page: Path, desk: Path, monkeypatch: pytest.MonkeyPatch):
    module = ModuleType("page")
    module.images = sorted(Path("photos").rglob("*.png"))
    module.X = np.random.default_rng(0).normal(size=(100, 3))
    module.labels = [path.parent.name for path in module.images]
    module.heartbeats = np.random.default_rng(0).normal(size=(40, 256))
    module.texts = [f"the {animal} sat by the pond and saw a {thing}" for animal in ANIMALS for thing in THINGS]
    monkeypatch.setitem(sys.modules, "page", module)  # a dataclass looks up the module it is made in
    for block in blocks(page, "python"):
        exec(compile(re.sub(r"\bepochs=\d+", "epochs=1", block), name(page), "exec"), module.__dict__)
    for test in doctest.DocTestFinder().find(module, globs=dict(module.__dict__)):
        assert doctest.DocTestRunner().run(test).failed == 0


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=name)
def test_the_commands_of_a_page_are_understood(page: Path):
    for verb, *words in commands(page):
        if not verb.startswith("-") and "--help" not in words:
            parse(verb, *words)


def parse(verb: str, *words: str) -> None:
    """Read a command as the program does, which refuses what its verb or its method does not know."""
    from typer.main import get_command

    from unlabeled.cli.main import app
    from unlabeled.cli.settings import configured, split_arguments

    known = get_command(app).commands
    if verb == "words":
        known, (verb, *words) = known["words"].commands, words
    context = known[verb].make_context(verb, list(words))
    if verb == "learn":  # Typer takes the first setting for the source where there is none
        source = context.params["source"]
        configured(context.params["method"], None, split_arguments([str(source or ""), *context.args])[1], {})
    elif "words" in context.params:
        configured(verb, None, split_arguments(context.params["words"])[1], {})


def test_the_examples_and_settings_that_help_names_are_understood():
    from typer.main import get_command

    from unlabeled.cli.main import app

    verbs = get_command(app).commands
    helps = {verb: command.help for verb, command in verbs.items()}
    helps |= {f"words {verb}": command.help for verb, command in verbs["words"].commands.items()}
    examples = 0
    for verb, text in helps.items():
        for paragraph in re.split(r"\n\s*\n", text):
            line = " ".join(paragraph.split())
            if line.startswith("[dim]unlabeled "):
                assert line.count("[dim]") == 1, f"two examples in one paragraph: {line}"
                parse(*shlex.split(re.fullmatch(r"\[dim\](.*?)\[/dim\]", line)[1])[1:])
                examples += 1
            for settings in re.findall(r"option too, such as \[bold\](.*?)\[/bold\]", line):
                parse(*verb.split(), "source", *settings.split())
    assert examples > 40


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "toml")], ids=name)
def test_the_recipes_of_a_page_are_understood(page: Path, tmp_path: Path):
    from unlabeled.cli.settings import configured

    for block in blocks(page, "toml"):
        recipe = tmp_path / "recipe.toml"
        recipe.write_text(block, encoding="utf-8")
        configured(None, recipe, [], {})


def test_what_a_page_links_to_is_in_the_reference():
    pages = runpy.run_path(str(PROJECT / "docs" / "_ext" / "api_pages.py"))
    listed = {
        f"{module.__name__}.{name}"
        for module in pages["documented_modules"]()
        for name in pages["public_names"](module)
    }
    link = re.compile(r"\{(?:class|func)\}`(?:[^`<]*<)?([\w.]+)>?`")
    targets = {(name(page), target) for page in PAGES for target in link.findall(page.read_text(encoding="utf-8"))}
    assert len(targets) > 10
    assert {(page, target) for page, target in targets if target not in listed} == set()


def test_the_readme_names_every_method_and_every_verb():
    from typer.main import get_command

    from unlabeled.cli.main import app
    from unlabeled.registry import methods

    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    assert [cls.__name__ for cls in methods().values() if f"`{cls.__name__}`" not in text] == []
    assert f"holds: {len(methods())} methods" in text
    verbs = get_command(app).commands
    assert [verb for verb in verbs if f"unlabeled {verb}" not in text and verb != "demo"] == []


def test_the_rooms_are_listed_in_the_order_in_which_they_may_import():
    rooms = runpy.run_path(str(PROJECT / "tests" / "test_rooms.py"))["ROOMS"]
    table = (PROJECT / "docs" / "concepts.md").read_text(encoding="utf-8").partition("\n## The rooms\n")[2]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == rooms
    told = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("lowest to the highest:")[2]
    assert re.findall(r"`(\w+)`", told.partition(". ")[0]) == rooms


def test_getting_started_names_every_extra():
    extras = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    page = (PROJECT / "docs" / "getting-started.md").read_text(encoding="utf-8")
    assert [extra for extra in extras if f"`{extra}`" not in page] == []


def test_the_page_of_benchmarks_names_those_that_make_leaves_out():
    made = (PROJECT / "Makefile").read_text(encoding="utf-8")
    left_out = set(re.search(r"^NEED_ARGUMENTS := (.*)$", made, re.MULTILINE)[1].split()) - {"harness"}
    page = (PROJECT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`(\w+)`", page.partition("It leaves out")[2].partition(";")[0])) == left_out


def test_every_page_is_looked_at():
    assert sum(len(blocks(page, "python")) for page in PAGES) > 10
    assert sum(len(commands(page)) for page in PAGES) > 10
