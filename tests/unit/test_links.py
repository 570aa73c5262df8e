"""Links of all pages and notebooks lead somewhere; `COURSEKIT_ONLINE=1` asks those that lead outside too."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from urllib.parse import unquote, urlsplit

import pytest
from docs_pages import BESIDE, NOTEBOOKS, PAGES, anchors, links, name_of

SOURCES = [*PAGES, *BESIDE, *NOTEBOOKS]
# A host has a dot in it; a DOI begins with 10, its registrant and a slash.
HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+(:\d+)?")
DOI = re.compile(r"/10\.\d{4,9}/\S+")
# Sites that refuse programs, whatever the page.
CLOSED = (401, 403, 405, 406, 418, 429, 503)


def outside(link: str) -> bool:
    return "://" in link or link.startswith("mailto:")


@pytest.mark.parametrize("page", SOURCES, ids=map(name_of, SOURCES))
def test_links_within_the_project_lead_somewhere(page):
    for link in filter(lambda one: not outside(one), links(page)):
        path, _, heading = unquote(link).partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), f"{page.name}: {link}"
        if heading:
            assert heading in anchors(linked), f"{page.name}: {link}"


@pytest.mark.parametrize("page", SOURCES, ids=map(name_of, SOURCES))
def test_addresses_outside_are_well_formed(page):
    for link in filter(outside, links(page)):
        parts = urlsplit(link)
        assert parts.scheme in ("https", "http", "mailto"), f"{page.name}: {link}"
        if parts.scheme != "mailto":
            assert HOST.fullmatch(parts.netloc), f"{page.name}: {link}"
        if parts.netloc.endswith("doi.org"):
            assert DOI.fullmatch(unquote(parts.path)), f"{page.name}: {link}"


def test_a_broken_link_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# One\n\n[a](#one) [b](#two) [c](other.md) ![d](no.png) <img src='no.svg'>\n\n`[e](code.md)`\n")
    assert list(links(page)) == ["#one", "#two", "other.md", "no.png", "no.svg"]
    assert anchors(page) == {"one"}


@pytest.mark.skipif(not os.environ.get("COURSEKIT_ONLINE"), reason="COURSEKIT_ONLINE=1 asks addresses outside")
@pytest.mark.timeout(1800)
def test_addresses_outside_answer():
    import httpx

    named = defaultdict(list)
    for page in SOURCES:
        for link in filter(lambda one: one.startswith("http"), links(page)):
            named[link.partition("#")[0]].append(page.name)
    broken = []
    with httpx.Client(follow_redirects=True, timeout=30, headers={"User-Agent": "coursekit-links/1"}) as client:
        for link, pages in sorted(named.items()):
            try:
                answer = client.get(link)
            except httpx.HTTPError as error:
                broken.append(f"{link} ({', '.join(pages)}): {error}")
                continue
            if answer.status_code >= 400 and answer.status_code not in CLOSED:
                broken.append(f"{link} ({', '.join(pages)}): {answer.status_code}")
    assert not broken, "\n".join(broken)
