"""The recipes of docs/formats.md: each of their messages becomes events, or is passed over."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from engine.application.config.document import read
from engine.application.config.event import EventSpec
from engine.domain.batch import RawBatch
from operators.decode.decoder import Decoder

PAGE = Path(__file__).parents[4] / "docs" / "formats.md"
RECIPES = re.findall(r"```json\n(.*?)```\n```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
"""Messages and their mapping."""


@pytest.mark.parametrize(("messages", "text"), RECIPES)
def test_a_recipe_reads_its_messages(messages: str, text: str) -> None:
    mapping = EventSpec.model_validate(read(text, {}).data["event"]).mapping()
    lines = [line.encode() for line in messages.splitlines()]
    stamps = np.full(len(lines), 1_767_225_600_000_000_000)
    decoder = Decoder(mapping, clock=lambda: int(stamps[0]))

    events, rejects = decoder.decode([RawBatch("t", 0, np.arange(len(lines)), stamps, lines)])

    assert [reject.detail for reject in rejects] == []
    assert len(events)
    assert len({*events.offsets.tolist()}) + sum(decoder.passed_over.values()) >= len(lines)


def test_the_page_has_recipes() -> None:
    assert len(RECIPES) >= 9
