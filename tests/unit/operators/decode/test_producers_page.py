"""The recipes of docs/producers.md: what each of their messages and files becomes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from engine.application.config.document import read
from engine.application.config.event import EventSpec
from engine.domain.batch import RawBatch
from operators.decode.decoder import Decoder
from tests.unit.connectors.files.test_dialects import batches, source, written
from tests.unit.operators.decode.producers_expected import EXPECTED

PAGE = (Path(__file__).parents[4] / "docs" / "producers.md").read_text()
RECIPE = re.compile(
    r"^## (?P<title>[^\n]*)\n(?:(?!^## ).)*?```(?P<kind>json|text|csv)\n(?P<given>.*?)```\n"
    r"```yaml\n(?P<event>.*?)```",
    re.DOTALL | re.MULTILINE,
)
RECIPES = {found["title"].split(" (")[0]: found for found in RECIPE.finditer(PAGE)}
FORMATS = dict(re.findall(r"^## ([^\n(]*) \(a file, with (.*)\)$", PAGE, re.MULTILINE))
"""What is set of the file source, by title."""
NOW, NOW_TEXT = 1_767_225_600_000_000_000, "2026-01-01T00:00"


def decoder(text: str) -> Decoder:
    return Decoder(
        EventSpec.model_validate(read(text, {}).data["event"]).mapping(), clock=lambda: NOW
    )


def given_messages(text: str) -> list[RawBatch]:
    lines = [line.encode() for line in text.splitlines()]
    n = len(lines)
    return [RawBatch("t", 0, np.arange(n), np.full(n, NOW), lines, [b"key"] * n)]


def given_file(folder: Path, title: str, text: str, found: Decoder) -> list[RawBatch]:
    # The settings stand in the title, as the page says them.
    settings: dict[str, Any] = {}
    for part in re.findall(r"`([^`]*)`", FORMATS.get(title, "")):
        settings |= yaml.safe_load(part)
    mapping = found._mapping
    plugin = source(
        written(folder, text), fields=mapping.fields, text_fields=mapping.text_fields, **settings
    )
    return batches(plugin.source().build_part("s", "0", None))


@pytest.mark.parametrize("title", RECIPES)
def test_a_recipe_makes_the_events_that_are_meant(title: str, tmp_path: Path) -> None:
    recipe = RECIPES[title]
    found = decoder(recipe["event"])
    is_file = recipe["kind"] == "csv"
    given = recipe["given"]

    raw = given_file(tmp_path, title, given, found) if is_file else given_messages(given)
    events, rejects = found.decode(raw)

    assert [reject.detail for reject in rejects] == []
    assert events.keys.tolist() == [key for key, _, *_ in EXPECTED[title]]
    for row, (_, moment, *values) in enumerate(EXPECTED[title]):
        np.testing.assert_equal(events.values[row], np.array(values, float))
        at = datetime.fromtimestamp(events.times[row] // 10**9, UTC)
        # Of a message that names no time, it is its own.
        assert at.isoformat(timespec="minutes")[:16] == (moment or NOW_TEXT)


def test_each_recipe_has_its_expectation() -> None:
    assert set(RECIPES) == set(EXPECTED)
    assert len(RECIPES) == len(re.findall(r"^## ", PAGE, re.MULTILINE))
