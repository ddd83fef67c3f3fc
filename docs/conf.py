"""How Sphinx builds the site; `make docs` runs it."""

from __future__ import annotations

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "unlabeled"
author = "The unlabeled developers"
copyright = author
release = version = version_of("unlabeled")

extensions = [
    # Ours: they derive pages and tables from the code, so that no list is kept by hand.
    "api_pages",
    "tables",
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "numpydoc",
    "sphinx_copybutton",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
default_role = "py:obj"  # `nt_xent` in a docstring becomes a link

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

smartquotes = False  # it would turn the dashes of --option into one long dash

autodoc_typehints = "none"  # numpydoc's sections carry the types
numpydoc_show_class_members = False  # the template of a class lists them
copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True
copybutton_only_copy_prompt_lines = True

html_theme = "pydata_sphinx_theme"
html_title = "unlabeled"
html_sidebars = {"*": []}  # pages outside the sections have no siblings to list
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_theme_options = {
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "friendly",
    "pygments_dark_style": "github-dark",
}
