"""The fuzzer, short; `python -m tests.fuzz` sends a million messages."""

from __future__ import annotations

from tests.fuzz.__main__ import main


def test_every_mutated_message_is_accounted_for() -> None:
    assert main(["--messages", "15000", "--seed", "5"]) == 0
