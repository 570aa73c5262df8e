"""Settings of Sphinx for the course's web site (`make site`)."""

from __future__ import annotations

from typing import Any

from latex2mathml.converter import convert

project = "Machine learning on provisioned resources"
author = "The coursekit authors"
copyright = "The coursekit authors, BSD-3-Clause"
language = "en"
highlight_language = "none"  # of code that does not say its own; notebooks do

extensions = ["myst_nb", "sphinx_design", "sphinx_copybutton"]
exclude_patterns = ["static"]

# Notebooks are shown as they were executed; building the site executes nothing.
nb_execution_mode = "off"
nb_merge_streams = True
nb_code_prompt_show = "Show the check's code"
nb_code_prompt_hide = "Hide the check's code"
myst_enable_extensions = ["amsmath", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
myst_links_external_new_tab = True

html_theme = "sphinx_book_theme"
html_title = project
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_math_renderer = "mathml"
html_theme_options = {
    "show_navbar_depth": 2,
    "show_toc_level": 2,
    "use_download_button": False,
    "use_fullscreen_button": False,
    "navbar_persistent": [],  # the search stands in the side bar
}


def _visit_math(translator: Any, node: Any, *, display: str) -> None:
    """Write a formula as MathML, which browsers draw themselves: no script, and nothing from another site."""
    from docutils.nodes import SkipNode

    formula = convert(node.astext(), display=display)
    translator.body.append(f'<div class="formula">{formula}</div>' if display == "block" else formula)
    raise SkipNode


def setup(app: Any) -> None:
    """Make MathML a way to write formulas."""
    app.add_html_math_renderer(
        "mathml",
        (lambda translator, node: _visit_math(translator, node, display="inline"), None),
        (lambda translator, node: _visit_math(translator, node, display="block"), None),
    )
