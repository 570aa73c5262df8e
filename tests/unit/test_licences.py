"""What is installed beside this package may be distributed with it, and what data are made of is said."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, distribution

import pytest
from docs_pages import ROOT
from packaging.requirements import Requirement

from coursekit.datasets import read_catalog

EXTRAS = ("ci", "docker", "gateway", "hub", "keras", "notebook", "singleuser", "spark")
# Permissive, or of files that stay as they are (MPL): all may stand beside BSD-3-Clause.
FREE = re.compile(
    r"\b(MIT|BSD|0BSD|Apache|ISC|PSF|Python Software Foundation|Unlicense|Public Domain|CC0|Zlib|HPND|MPL|Mozilla|ZPL|"
    r"CMU License|Modified BSD)\b",
    re.IGNORECASE,
)
BOUND = re.compile(r"\b(AGPL|GPL|Affero|SSPL|BUSL|Commons Clause|CC-BY-NC|Proprietary|EULA)", re.IGNORECASE)
# Whose metadata say nothing, and what their repositories do.
SAID_ELSEWHERE = {
    "jupyterhub-idle-culler": "BSD-3-Clause",  # the licence's text in place of its name
    "namex": "Apache-2.0",
}


def licence_of(package: Distribution) -> str:
    """Give what a package says of its licence: an expression, or classifiers, or the first line of a text."""
    given = package.metadata
    if expression := given.get("License-Expression"):
        return str(expression)
    classified = [one.split(" :: ")[-1] for one in given.get_all("Classifier") or () if one.startswith("License ::")]
    first = str(given.get("License") or "").strip().partition("\n")[0]
    return ", ".join([*classified, first]) if classified or FREE.search(first) or BOUND.search(first) else ""


def installed() -> dict[str, Distribution]:
    """Follow the requirements of coursekit with all its extras, as far as this environment has them."""
    found: dict[str, Distribution] = {}
    left = [("coursekit", frozenset(EXTRAS))]
    seen = set()
    while left:
        name, extras = left.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue
        for line in found[name].requires or ():
            needed = Requirement(line)
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in (*extras, "")):
                left.append((re.sub(r"[-_.]+", "-", needed.name).lower(), frozenset(needed.extras)))
    return {name: package for name, package in found.items() if name != "coursekit"}


PACKAGES = installed()


def test_the_requirements_are_followed():
    assert {"pyspark", "jupyterhub", "nbgrader", "papermill", "pyzmq", "tornado"} <= PACKAGES.keys()


@pytest.mark.parametrize("name", sorted(PACKAGES))
def test_a_package_may_be_distributed_beside_bsd_3_clause(name):
    said = licence_of(PACKAGES[name]) or SAID_ELSEWHERE.get(name, "")
    choices = re.split(r"\bOR\b", said) if "License-Expression" in PACKAGES[name].metadata else [said]
    assert any(FREE.search(one) and not BOUND.search(one) for one in choices), f"{name}: {said or 'says nothing'}"


def test_what_is_said_elsewhere_is_still_not_said_in_the_package():
    assert [name for name in SAID_ELSEWHERE if name in PACKAGES and licence_of(PACKAGES[name])] == []


def test_this_package_is_bsd_3_clause():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["license"] == "BSD-3-Clause"
    assert "Redistribution and use in source and binary forms" in (ROOT / "LICENSE").read_text()


def test_every_data_set_says_under_which_licence_it_is_and_what_to_cite():
    for entry in read_catalog():
        assert FREE.search(entry.licence) or "CC BY 4.0" in entry.licence, entry.name
        assert not BOUND.search(entry.licence), entry.name
        assert len(entry.citation) > 20, entry.name
        if entry.public is not None:
            assert "(public)" in entry.licence, f"{entry.name}: of which file?"
            assert entry.public.page.startswith("https://"), entry.name
