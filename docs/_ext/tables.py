"""What is made when the site is built: tables of methods, options and benchmarks, and the verbs of the command line."""

from __future__ import annotations

import inspect
import json
import statistics
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from rich.text import Text
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from typer.main import get_command

from unlabeled.cli.main import app
from unlabeled.registry import Option, card, method, methods, options
from unlabeled.training.bases.self_supervised import SelfSupervised

log = logging.getLogger(__name__)


class Generated(SphinxDirective, ABC):
    """A directive whose content `lines` writes, as Markdown."""

    @abstractmethod
    def lines(self) -> Iterable[str]:
        """Yield the lines of the content."""

    def run(self) -> list[nodes.Node]:
        return self.parse_text_to_nodes("\n".join(self.lines()), allow_section_headings=True)


def table(header: list[str], rows: Iterable[list[str]]) -> Iterator[str]:
    """Yield the lines of a table."""
    for cells in (header, ["---"] * len(header), *rows):
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    yield ""


def options_table(chosen: Iterable[Option]) -> Iterator[str]:
    """Yield a table of options with their defaults and the sentences of the docstring."""
    return table(["option", "default", "meaning"], [[f"`{o.name}`", f"`{o.default!r}`", o.doc] for o in chosen])


class MethodsTable(Generated):
    """One row a method, read off the classes; a method without a page of its own is a warning."""

    def lines(self) -> Iterable[str]:
        rows = []
        for name, cls in sorted(methods().items()):
            facts = card(cls)
            if f"methods/{name}" not in self.env.found_docs:
                log.warning("method %r has no page: write docs/methods/%s.md", name, name, location=self.get_location())
            link = f"[{facts.class_name}](/methods/{name}.md)"
            data = ", ".join(facts.modalities)
            rows.append([link, facts.principle, data, f"{facts.sentence}  *{facts.paper}*"])
        return table(["method", "principle", "data", "in one sentence, and its paper"], rows)


class MethodOptions(Generated):
    """What can be set of one method; of a deep one, only what `CommonOptions` does not list."""

    required_arguments = 1

    def lines(self) -> Iterable[str]:
        cls = method(self.arguments[0])
        deep = issubclass(cls, SelfSupervised)
        common = {option.name for option in options(SelfSupervised)} if deep else set()
        own = [option for option in options(cls) if option.name not in common]
        yield from options_table(own) if own else ["None."]
        if deep:
            yield "It also has the [options of all deep methods](/methods/index.md#what-the-deep-methods-share)."


class CommonOptions(Generated):
    """The options that every deep method has."""

    def lines(self) -> Iterable[str]:
        return options_table(options(SelfSupervised))


class CommandLine(Generated):
    """One section a verb: what it does, an example, its arguments and options, as ``--help`` says them."""

    def lines(self) -> Iterable[str]:
        for name, verb in self.verbs(get_command(app)):
            yield from [f"### {name}", ""]
            for paragraph in inspect.cleandoc(verb.help or "").split("\n\n"):
                text = plain(paragraph)
                yield from ["```console", f"$ {text}", "```"] if text.startswith("unlabeled ") else [text, ""]
            context = verb.make_context(name, [], resilient_parsing=True)
            records = [parameter.get_help_record(context) for parameter in verb.get_params(context)]
            yield from table(["", "meaning"], [[f"`{plain(r[0])}`", plain(r[1])] for r in records if r is not None])

    def verbs(self, group: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
        for name, verb in group.commands.items():
            yield f"{prefix}{name}", verb
            if hasattr(verb, "commands"):
                yield from self.verbs(verb, f"{name} ")


def plain(text: str) -> str:
    """Strip a help text of Rich's markup and of line breaks."""
    return " ".join(Text.from_markup(text).plain.split())


class Benchmarks(Generated):
    """One section a file of benchmarks/results: its rows, the machine, the date."""

    def lines(self) -> Iterable[str]:
        results = Path(self.env.srcdir).parent / "benchmarks" / "results"
        for path in sorted(results.glob("*.json")):
            self.env.note_dependency(str(path))
            yield from self.section(json.loads(path.read_text(encoding="utf-8")))

    def section(self, result: dict[str, Any]) -> Iterator[str]:
        yield from [f"## {result['benchmark'].replace('_', ' ')}", "", result.get("notes", ""), ""]
        yield from table(["", "ours", "peer", "ratio (spread)", "besides"], map(self.row, result["rows"]))
        machine = ", ".join(f"{key} {value}" for key, value in result["machine"].items())
        versions = ", ".join(f"{package} {number}" for package, number in result["versions"].items())
        yield from [f"Measured on {result['date']}: {machine}; {versions}.", ""]

    def row(self, row: dict[str, Any]) -> list[str]:
        timed = ("label", "ours_s", "peer_s", "ratio_median", "ratio_min", "ratio_max")
        besides = "; ".join(f"{key.replace('_', ' ')} {shown(row[key])}" for key in row if key not in timed)
        if "ratio_median" not in row:
            return [row["label"], "", "", "", besides]
        ours, peer = (f"{statistics.median(row[key]):.3g} s" for key in ("ours_s", "peer_s"))
        ratio = f"**{row['ratio_median']:.2f}×** ({row['ratio_min']:.2f}–{row['ratio_max']:.2f})"
        return [row["label"], ours, peer, ratio, besides]


class BenchmarkTable(Generated):
    """The rows of one file of benchmarks/results as a table, a column a figure; nothing while there is no such file."""

    required_arguments = 1

    def lines(self) -> Iterable[str]:
        path = Path(self.env.srcdir).parent / "benchmarks" / "results" / f"{self.arguments[0]}.json"
        if not path.exists():
            return []
        self.env.note_dependency(str(path))
        result = json.loads(path.read_text(encoding="utf-8"))
        columns = [key for key in dict.fromkeys(key for row in result["rows"] for key in row) if key != "date"]
        rows = [[shown(row.get(key, "")) for key in columns] for row in result["rows"]]
        return [*table(["" if key == "label" else key for key in columns], rows), "", result.get("notes", "")]


def shown(value: Any) -> str:
    """Show a figure of a result, or several."""
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ')} {shown(part)}" for key, part in value.items())
    if isinstance(value, list):
        return ", ".join(map(shown, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def setup(sphinx: Any) -> dict[str, bool]:
    sphinx.add_directive("methods-table", MethodsTable)
    sphinx.add_directive("method-options", MethodOptions)
    sphinx.add_directive("common-options", CommonOptions)
    sphinx.add_directive("command-line", CommandLine)
    sphinx.add_directive("benchmarks", Benchmarks)
    sphinx.add_directive("benchmark-table", BenchmarkTable)
    return {"parallel_read_safe": True}
