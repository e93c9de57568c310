"""The chaos harness on a run that makes no progress any more."""

from __future__ import annotations

from typing import cast

import pytest

from tests.chaos import stall, waiting
from tests.chaos.reader import Monitor
from tests.chaos.stall import StalledError, backlog, coordinator
from tests.support.kafka_settings import free_port


class Standing:
    """Outputs to which nothing comes."""

    def __init__(self, behind: dict[int, int]) -> None:
        self.behind = behind

    def accounted(self) -> int:
        """Return how many messages are accounted for."""
        return sum(self.behind.values())


def test_names_the_partitions_that_are_behind() -> None:
    text = backlog({0: 5, 1: 7}, {0: 9, 1: 7, 2: 3})

    assert text == (
        "partition 0 is 4 messages behind at offset 5; partition 2 is 3 messages behind at offset 0"
    )


def test_a_wait_without_progress_ends_as_a_stalled_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "STILL_SECONDS", 0.1)
    monitor = cast("Monitor", Standing({0: 5}))

    with pytest.raises(StalledError, match="partition 0 is 1 messages behind at offset 5\nthe log"):
        waiting.wait_for(monitor, {0: 6}, lambda: None, lambda: "the log")


def test_a_broker_that_does_not_come_back_is_said_to_be_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stall, "ASK_SECONDS", 0.5)

    assert coordinator(f"127.0.0.1:{free_port()}", "group").startswith("no broker answers: ")
