"""The documentation: links lead somewhere, and pages that are generated name what there is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.application.registry import declarations

ROOT = Path(__file__).parents[2]
FOLDERS = ["bench", "deploy", "docs"]
PAGES = sorted(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))
PAGES += [ROOT / "README.md", ROOT / "CHANGELOG.md"]
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Return what a page's headings are called in links, as forges make it of them."""
    titles = HEADING.findall(FENCED.sub("", page.read_text()))
    plain = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title).lower() for title in titles)
    return {re.sub(r"[^\w\- ]", "", title).strip().replace(" ", "-") for title in plain}


def broken_links(page: Path) -> Iterator[str]:
    for link in LINK.findall(FENCED.sub("", page.read_text())):
        path, _, anchor = link.partition("#")
        if "://" in link:
            continue
        target = (page.parent / path) if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert not list(broken_links(page))


def test_links_that_lead_nowhere_are_found(tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("# A *title*, `of` two\n```\n# no title\n```\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](there.md) [b](there.md#a-title-of-two) [c](https://x.org)\n"
        "[d](gone.md) [e](there.md#no-title) [f](#nothing)\n"
    )
    assert list(broken_links(page)) == ["gone.md", "there.md#no-title", "#nothing"]


def test_the_page_of_detectors_names_all_of_them() -> None:
    """Write it anew with: pynomaly detectors --markdown > docs/detectors.md."""
    named = re.findall(r"^(?:## |\| `)([\w.]+)", (ROOT / "docs" / "detectors.md").read_text(), re.M)
    names = {declared.name for declared in declarations()}
    families = {name.partition(".")[0] for name in names}
    parameters = {parameter.name for found in declarations() for parameter in found.parameters}
    assert set(named) - families - parameters == names - families
