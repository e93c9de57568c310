"""Events between which everything is killed; `python -m tests.killed` takes millions of them."""

from __future__ import annotations

import pytest

from tests import killed


def test_every_message_is_accounted_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(killed, "PAUSE_SECONDS", (0.0, 1.0))
    words = "--events 120000 --partitions 6 --kills 2 --seed 3"
    assert killed.main([*words.split()]) == 0
