"""Prose is spelt as in Britain; words that are spelt wrong everywhere are codespell's (`make lint`)."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

import pytest
from docs_pages import BESIDE, GENERATED, NOTEBOOKS, PAGES, name_of, prose

SOURCES = [page for page in (*PAGES, *BESIDE, *NOTEBOOKS) if page != GENERATED]
# American too, and right here: names of things in code and in frameworks, and other words of the same letters.
ALLOWED = {
    "catalog",  # catalog.toml
    "dialog",
    "disk",
    "meter",  # what counts
    "normalization",  # batch normalization, a layer's name
    "optimization",  # in titles of papers
    "optimizations",
    "optimizer",  # a part of Keras
    "optimizers",
    "practice",
    "program",
    "programs",
    "story",
    "writable",
}


@cache
def american() -> dict[str, str]:
    """Give American words and how they are written in Britain: codespell's dictionary, read backwards."""
    text = (files("codespell_lib") / "data" / "dictionary_en-GB_to_en-US.txt").read_text()
    pairs = [line.split("->") for line in text.splitlines() if "->" in line]
    british = {one for one, _ in pairs}
    words = {word.strip(): one for one, others in pairs for word in others.split(",")}
    return {word: one for word, one in words.items() if word and word not in british}


@pytest.mark.parametrize("page", SOURCES, ids=map(name_of, SOURCES))
def test_prose_is_british(page):
    words = {word for text in prose(page) for word in re.findall(r"[a-z]+", text.lower())}
    wrong = {word: american()[word] for word in words - ALLOWED if word in american()}
    assert not wrong, f"{page.name}: write {wrong}"


def test_the_dictionary_knows_american_words():
    assert american()["behavior"] == "behaviour"
    assert american()["color"] == "colour"
