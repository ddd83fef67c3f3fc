"""The house keeps its order: rooms import only from rooms above them, files stay small, nothing loads code from data.

The source is read with `ast`, so an import counts wherever it stands: at the top, in a function, under `TYPE_CHECKING`.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOMS = ["kernels", "data", "views", "losses", "modalities", "encoders", "search", "training", "methods", "evaluation"]
ROOMS += ["explore", "runs", "cli"]

# Root files serve every room and so import none, but for the shop window, the front door and the list of methods.
MAY_IMPORT_A_ROOM = {"__init__.py": set(ROOMS), "__main__.py": {"cli"}, "registry.py": {"methods"}}

LINES = 600
"""At about 400 lines one asks whether a file has two nouns; a noun is not split to obey a number. This is the end."""

LOADS_CODE_FROM_DATA = {"cloudpickle", "dill", "marshal", "pickle", "shelve"}
RUNS_TEXT_AS_CODE = {"eval", "exec", "compile", "__import__"}
UNPICKLES = {"torch.load", "torch.save", "joblib.load", "joblib.dump", "pandas.read_pickle"}

SOURCE = Path(__file__).parents[1] / "src" / "unlabeled"
FILES = sorted(SOURCE.rglob("*.py"))


def relative(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


# --- what a file imports ----------------------------------------------------------------------------------------------


def imported(tree: ast.AST, package: str) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted name) of everything imported; `package` is the dotted package the file lies in."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            start = ".".join(parts[: len(parts) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (start, node.module) if part)
            for alias in node.names:
                yield node.lineno, f"{module}.{alias.name}"
        elif isinstance(node, ast.Call) and called(node).endswith("import_module"):
            for argument in node.args[:1]:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield node.lineno, argument.value


def called(node: ast.Call) -> str:
    """Give the dotted name of what is called, as written: `torch.load`, `eval`; `` when it is no plain name."""
    try:
        return ast.unparse(node.func) if isinstance(node.func, ast.Name | ast.Attribute) else ""
    except ValueError:
        return ""


def upward_imports(path: str, source: str, root_modules: set[str]) -> list[str]:
    """List the imports of the file at `path` (relative to the package) that break the order of the rooms."""
    *folders, name = path.split("/")
    room = folders[0] if folders else None
    if room is not None and room not in ROOMS:
        return [f"{path}: {room!r} is not a room"]
    allowed = {room, *ROOMS[: ROOMS.index(room)]} if room else MAY_IMPORT_A_ROOM.get(name, set())
    problems = []
    for line, module in imported(ast.parse(source), ".".join(["unlabeled", *folders])):
        top, _, rest = module.partition(".")
        target = rest.partition(".")[0]
        if top == "unlabeled" and target not in {*allowed, *root_modules}:
            problems.append(f"{path}:{line} imports {module}")
    return problems


def root_modules() -> set[str]:
    return {path.stem for path in SOURCE.glob("*.py")} - {"__init__", "__main__"} | {"__version__"}


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_a_room_imports_only_from_rooms_above_it(path):
    assert not upward_imports(relative(path), path.read_text(encoding="utf-8"), root_modules())


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("data/labels.py", "import unlabeled.cli.main"),
        ("data/labels.py", "from unlabeled.views import Crop"),
        ("data/labels.py", "from unlabeled import views"),
        ("data/labels.py", "from unlabeled import SimCLR"),
        ("data/labels.py", "from .. import views"),
        ("data/labels.py", "from ..views.crop import Crop"),
        ("data/inner/deep.py", "from ...views import Crop"),
        ("data/labels.py", "def f():\n    from unlabeled.methods import SimCLR"),
        ("data/labels.py", "if TYPE_CHECKING:\n    from unlabeled.training.loop import Loop"),
        ("data/labels.py", "importlib.import_module('unlabeled.methods.simclr')"),
        ("methods/simclr.py", "from unlabeled.evaluation import knn"),
        ("errors.py", "from unlabeled.data import Images"),
        ("registry.py", "from unlabeled.cli import main"),
        ("helpers/text.py", ""),
    ],
)
def test_the_check_finds_an_upward_import_however_it_is_written(path, source):
    assert upward_imports(path, source, {"errors", "files"})


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("cli/learning/learn.py", "from unlabeled.methods import SimCLR\nfrom unlabeled.errors import UnlabeledError"),
        ("views/crop.py", "from unlabeled.data import Images\nfrom unlabeled import errors"),
        ("views/crop.py", "from . import draw\nfrom .draw import uniform\nfrom ..files import write_json"),
        ("data/labels.py", "import numpy.views\nfrom PIL import Image\nimport views"),
        ("registry.py", "import_module('unlabeled.methods.simclr')"),
    ],
)
def test_the_check_lets_downward_imports_pass(path, source):
    assert upward_imports(path, source, {"errors", "files"}) == []


# --- circles and names ------------------------------------------------------------------------------------------------


def module_of(path: Path) -> str:
    return ".".join(("unlabeled", *path.relative_to(SOURCE).with_suffix("").parts))


def imports_among(files: dict[str, str]) -> dict[str, set[str]]:
    """Map each file, as a dotted module, to the files that it imports, for types only or anywhere else."""
    found = {}
    for module, source in files.items():
        names = {name for _, name in imported(ast.parse(source), module.rpartition(".")[0])}
        found[module] = {
            other for other in files if other != module and any(f"{n}.".startswith(f"{other}.") for n in names)
        }
    return found


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Give the files of some circle of imports, in order; none where there is none."""
    done: set[str] = set()

    def search(node: str, path: list[str]) -> list[str]:
        if node in path:
            return path[path.index(node) :]
        if node in done:
            return []
        for other in sorted(graph[node]):
            if found := search(other, [*path, node]):
                return found
        done.add(node)
        return []

    return next((found for node in sorted(graph) if (found := search(node, []))), [])


def test_no_two_files_import_each_other_in_a_circle():
    # The __init__ of a room only hands on the names of its files, and imports are counted to the files themselves.
    plain = {module_of(path): path.read_text(encoding="utf-8") for path in FILES if path.name != "__init__.py"}
    assert circle(imports_among(plain)) == []


def test_a_circle_is_found_though_it_is_of_types_only_or_inside_a_function():
    files = {
        "unlabeled.a": "if TYPE_CHECKING:\n    from unlabeled.b import B",
        "unlabeled.b": "def f():\n    from unlabeled.c import C",
        "unlabeled.c": "from unlabeled.a import A",
        "unlabeled.d": "from unlabeled.a import A",
    }
    assert circle(imports_among(files)) == ["unlabeled.a", "unlabeled.b", "unlabeled.c"]
    assert circle(imports_among(files | {"unlabeled.c": ""})) == []


def test_a_file_is_known_by_its_name_alone():
    """No two files have one name, save that a verb of the command line may be called as what it runs."""
    stems = Counter(path.stem for path in FILES if not path.stem.startswith("__") and relative(path)[:4] != "cli/")
    assert [stem for stem, count in stems.items() if count > 1] == []


def test_a_folder_can_be_read_at_a_glance():
    """A folder with more than a dozen files has sub-folders."""
    counts = Counter(path.parent for path in FILES if path.stem != "__init__")
    assert [f"{relative(folder)}: {count}" for folder, count in counts.items() if count > 12] == []


# --- what kind the data are -------------------------------------------------------------------------------------------

ASKS_FOR_A_KIND = re.compile(
    r"\bkind ==|\bkind != [\"'](image|pair|text|vector|video)|\bdim\(\) == 4"
    r"|isinstance\([^)]*\b(Images|Vectors|PreparedImages|\w+Preprocessing)\b"
)
ASKING = (
    'if data.kind == "image":',
    'if data.kind != "text":',
    "if x.dim() == 4:",
    "isinstance(x, (Images, Vectors))",
    "isinstance(p, A | VectorPreprocessing)",
)


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_only_data_and_modalities_ask_what_kind_the_data_are(path):
    if path.relative_to(SOURCE).parts[0] not in ("data", "modalities"):
        assert ASKS_FOR_A_KIND.findall(path.read_text()) == []


def test_the_check_finds_questions_for_a_kind():
    assert all(ASKS_FOR_A_KIND.search(line) for line in ASKING)
    for line in ("modality_of(data).has_pictures", "isinstance(vectors, WordVectors)", "x.dim() == 2"):
        assert not ASKS_FOR_A_KIND.search(line)


# --- what a file calls ------------------------------------------------------------------------------------------------


def unsafe_calls(source: str) -> list[str]:
    """List the places where text or a file could become running code."""
    tree = ast.parse(source)
    problems = []
    for line, module in imported(tree, "unlabeled"):
        if module.partition(".")[0] in LOADS_CODE_FROM_DATA or module in UNPICKLES:
            problems.append(f"line {line}: imports {module}")
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            pickles = any(
                keyword.arg == "allow_pickle"
                and not (isinstance(keyword.value, ast.Constant) and keyword.value.value is False)
                for keyword in node.keywords
            )
            if called(node) in RUNS_TEXT_AS_CODE | UNPICKLES or pickles:
                problems.append(f"line {node.lineno}: {ast.unparse(node)}")
    return problems


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_no_file_turns_data_into_code(path):
    assert not unsafe_calls(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "source",
    [
        "eval(text)",
        "exec(text)",
        "import pickle",
        "from pickle import loads",
        "torch.load(path)",
        "torch.load(path, weights_only=True)",
        "from torch import load",
        "np.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=flag)",
    ],
)
def test_the_check_finds_what_turns_data_into_code(source):
    assert unsafe_calls(source)


def test_the_check_knows_what_is_harmless():
    assert (
        unsafe_calls("net.eval()\nre.compile(p)\ntorch.compile(f)\nnp.load(path, allow_pickle=False)\njson.load(f)")
        == []
    )


# --- the shape of a file ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_a_file_is_short_and_says_what_it_is(path):
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) < LINES, "one noun a file: split it"
    assert ast.get_docstring(ast.parse(source)), "the first thing a reader meets is the module's docstring"


def test_every_folder_is_a_room():
    folders = {path.parent.relative_to(SOURCE).parts[0] for path in FILES if path.parent != SOURCE}
    assert folders == set(ROOMS)
