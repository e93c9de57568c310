"""Events between which everything is killed; `tests.support.killed` takes millions of them."""

from __future__ import annotations

from tests.support import killed


def test_every_message_is_accounted_for() -> None:
    words = "--events 120000 --partitions 6 --kills 2 --seed 3"

    assert killed.main([*words.split()]) == 0
