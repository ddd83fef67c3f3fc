"""Pages: one HTML file each that opens anywhere, offline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from unlabeled.files import written_aside


def write_page(template: str, path: Path, **content: Any) -> None:
    """Fill a template of this room with content, which is escaped, and write the page."""
    environment = Environment(
        loader=PackageLoader("unlabeled.runs"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template(template).render(**content)
    with written_aside(path) as aside:
        aside.write_text(page, encoding="utf-8", errors="replace")  # text and names of files may hold any byte
