"""Mutated messages of each format, some; `python -m tests.fuzz.formats` sends a million of each."""

from __future__ import annotations

import pytest

from tests.fuzz.formats import account
from tests.unit.connectors.formats.format_case import GOOD


@pytest.mark.parametrize("name", GOOD)
def test_mutated_messages_are_all_accounted_for(name: str) -> None:
    counts = account(name, 1_500, 7)

    assert counts["events"] > 0
    assert counts["messages"] == 1_500
