"""The documentation: links lead somewhere, and pages that are generated name what there is."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.application.registry import declarations
from engine.domain.anomaly_schema import ANOMALY_SCHEMA
from engine.domain.kinds import KINDS
from engine.presentation.pages import detector_reference, fields_reference
from tests.support.example_anomaly import example, shown

ROOT = Path(__file__).parents[2]
FOLDERS = ["bench", "deploy", "docs"]
PAGES = sorted(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))
PAGES += [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")]
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
CODE_BLOCK = re.compile(r"^```(python|toml|yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PARSERS: dict[str, Callable[[str], object]] = {
    "python": ast.parse,
    "toml": tomllib.loads,
    "yaml": yaml.safe_load,
}
JSON_BLOCK = re.compile(r"^```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"\d+(\.\d+)?")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
CODE_OR_TABLE = re.compile(r"^ *```.*?^ *```|^ *\|.*?$", re.MULTILINE | re.DOTALL)
LINE_COLUMNS = 100
PACKAGES = ["connectors", "engine", "operators", "pynomaly"]
SOURCES = sorted(file for folder in PACKAGES for file in (ROOT / folder).rglob("*.py"))
REPLACED = {
    r"\btold\b(?!\")": "reported, logged, published",
    r"\btells? [\w ]*apart\b": "distinguish",
    r"\bsaid\b": "reported, named, expected",
    r"(?<!here )(?<!here\n)\b(is|are|was|were) no (?!longer\b|more\b|use\b)\w+": "is not a",
    r"\b(at most|of|after|once|in) so many\b": "a number of, up to a limit",
    r"(?-i:\bNever) (is|are|do|does|has|have|was|were) \w+": "the subject first",
    r"\bnothing but\b": "only",
    r"\bstands? (there|beside|behind|between|nowhere|above)\b": "is there, is beside",
    r"\bwhat stands (?!for\b)\w+": "the value, the position",
    r"\b(to|makes) nobody\b": "none, nothing",
    r"\btroubles\b": "errors, failures",
    r"\bstrange(st|rs?)\b": "more anomalous, newcomer",
    r"\banew\b": "again, afresh",
    r"\bby the clock on the wall\b": "by the wall clock",
    r"\bstands? still\b": "waits, hangs, does not change",
    r"\bgoing on trying\b": "retrying",
    r"\btaken as usual\b": "assuming the default",
    r"\bthe pulse\b": "heartbeat",
    r"\boutbox\b": "delivery queue",
    r"\btakes? note\b": "record, count, report",
    r"\blets? go\b": "release",
    r"\bof nobody\b": "of no entity, of none",
}


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


def long_lines(text: str) -> list[str]:
    """Return lines of prose that are too long; a link without spaces cannot be broken."""
    lines = CODE_OR_TABLE.sub("", text).splitlines()
    return [line for line in lines if len(line) > LINE_COLUMNS and " " in line.strip("-* ")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_prose_is_wrapped_at_100_columns(page: Path) -> None:
    assert long_lines(page.read_text()) == []


def test_long_lines_of_tables_and_code_are_allowed() -> None:
    prose, table, link = "word " * 25, "| " + "cell " * 25 + "|", "- https://x.org/" + "a" * 100

    found = long_lines(f"{prose}\n{table}\n```\n{prose}\n```\n{link}\n")

    assert found == [prose]


def private_words(text: str) -> list[str]:
    """Return the words that the field has better ones for, each with these."""
    found = ((re.search(word, text, re.IGNORECASE), better) for word, better in REPLACED.items())
    return [f"{match[0]}: {better}" for match, better in found if match]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_use_the_terms_of_the_field(page: Path) -> None:
    assert private_words(page.read_text()) == []


def test_sources_use_the_terms_of_the_field() -> None:
    found = {str(file.relative_to(ROOT)): private_words(file.read_text()) for file in SOURCES}

    assert {file: words for file, words in found.items() if words} == {}


def test_a_private_word_is_found_with_a_better_one() -> None:
    assert private_words("It Begins anew.") == ["anew: again, afresh"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_code_on_a_page_can_be_copied(page: Path) -> None:
    for language, code in CODE_BLOCK.findall(page.read_text()):
        PARSERS[language](code)


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


def test_the_page_of_detectors_is_current() -> None:
    """Regenerate with: pynomaly detectors --markdown > docs/detectors.md.

    What packages take is measured, for minutes: of their detectors the texts are compared.
    """
    page = (ROOT / "docs" / "detectors.md").read_text()

    assert page.startswith(detector_reference.INTRODUCTION)
    for declared in declarations():
        if "." in declared.name:
            assert f"| `{declared.name}` | {declared.suits} |" in page
        else:
            assert detector_reference.section(declared) in page


def test_the_page_of_detectors_names_all_of_them() -> None:
    named = re.findall(r"^(?:## |\| `)([\w.]+)", (ROOT / "docs" / "detectors.md").read_text(), re.M)
    names = {declared.name for declared in declarations()}
    families = {name.partition(".")[0] for name in names}
    parameters = {parameter.name for found in declarations() for parameter in found.parameters}

    assert set(named) - families - parameters == names - families


def test_the_fields_of_an_anomaly_are_those_of_its_schema() -> None:
    """Regenerate with: pynomaly schema --anomaly --markdown."""
    page = (ROOT / "docs" / "anomalies.md").read_text()
    begin, end = page.index("markdown -->\n"), page.index("<!-- End of what is generated")

    assert page[begin:end].removeprefix("markdown -->\n") == fields_reference.markdown(
        ANOMALY_SCHEMA
    )


def test_the_schema_of_an_anomaly_is_current() -> None:
    """Regenerate with: pynomaly schema --anomaly > docs/anomaly.schema.json."""
    assert json.loads((ROOT / "docs" / "anomaly.schema.json").read_text()) == ANOMALY_SCHEMA


def test_the_page_of_anomalies_explains_every_kind() -> None:
    page = (ROOT / "docs" / "anomalies.md").read_text()

    table = page[page.index("## Kinds") : page.index("## Incidents")]

    assert all(f"| `{kind}` |" in table for kind in KINDS)


def test_the_consumer_on_the_page_is_the_example() -> None:
    page = (ROOT / "docs" / "anomalies.md").read_text()
    example_file = (ROOT / "examples" / "consumer.py").read_text()

    assert f"```python\n# consumer.py\n{example_file}```" in page


@pytest.fixture(scope="module")
def todays_anomaly() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(shown(example()))
    return found


@pytest.mark.parametrize("page", ["README.md", "docs/anomalies.md"])
def test_the_anomaly_that_is_shown_is_todays(page: str, todays_anomaly: dict[str, Any]) -> None:
    """Regenerate with: python -m tests.support.example_anomaly."""
    block = JSON_BLOCK.search((ROOT / page).read_text())

    assert block is not None
    written = json.loads(block[1])

    assert list(written) == list(todays_anomaly)
    for field in ("id", "entity", "time", "kind", "severity", "incident", "origin"):
        assert written[field] == todays_anomaly[field], field
    assert NUMBER.sub("#", written["summary"]) == NUMBER.sub("#", todays_anomaly["summary"])
    assert written["threshold"] == pytest.approx(todays_anomaly["threshold"], rel=0.05)
    for ours, theirs in zip(written["values"], todays_anomaly["values"], strict=True):
        for part in ("value", "contribution", "expected_low", "expected_high"):
            assert ours[part] == pytest.approx(theirs[part], rel=0.1, abs=0.1), part
