"""Control records in mid-stream: written at known positions, into both runs, among disturbances.

A record comes into force after the last event that was read. So that both runs have it at the same
position, the stream pauses, all of it is accounted for, the record is written, something is
disturbed, and the pipeline starts again, in order or killed: a start reads the log to its end.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from engine.application.config.load import load
from engine.application.live_control.records import Kind
from engine.application.use_cases.control_log import add_record, records_in_force
from engine.application.use_cases.judge_anomaly import judge
from engine.domain.errors import FatalError
from tests.chaos.engine import Engine
from tests.chaos.stream import ENTITIES, START_MS

Fields = dict[str, Any]


class ControlScript:
    """Draws control records, and writes them.

    Args:
        draw: of chance.
        partitions: of the source.
        anomalies: returns the ids of those that the disturbed run has published.
    """

    def __init__(
        self, draw: random.Random, partitions: int, anomalies: Callable[[], list[str]]
    ) -> None:
        self._draw = draw
        self._partitions = partitions
        self._anomalies = anomalies
        self._next: list[Callable[[Engine, int], tuple[Kind, Fields] | None]] = []
        self.written: list[str] = []

    def write(self, engine: Engine, ends: dict[int, int]) -> tuple[Kind, Fields]:
        """Draw a record that fits what has been published, and write it.

        Args:
            engine: the run that is disturbed.
            ends: of the source.

        Returns:
            its kind and fields, for the other run.
        """
        second = max(ends.values()) // ENTITIES
        while True:
            if not self._next:
                kinds = [
                    *(self._silence, self._rule, self._feedback, self._budget),
                    *(self._pause, self._reset, self._revoke),
                ]
                # Each kind in turn, in an order of chance.
                self._next = self._draw.sample(kinds, len(kinds))
            drawn = self._next.pop()(engine, second)
            if drawn is not None:
                repeat(engine, drawn)
                self.written.append(drawn[0])
                return drawn

    def _entities(self) -> list[str]:
        """Return a pattern of about a tenth of the entities, or of all in a partition."""
        partition = self._draw.randrange(self._partitions)
        return [self._draw.choice([f"e{partition}-*", f"e?-*{self._draw.randrange(10)}"])]

    def _silence(self, _engine: Engine, second: int) -> tuple[Kind, Fields]:
        # From before now on: an absence or incident may be open.
        span = {"from": _time(second - 5), "until": _time(second + self._draw.randint(10, 90))}
        return "silence", {"entities": self._entities(), **span, "publish": True}

    def _pause(self, _engine: Engine, second: int) -> tuple[Kind, Fields]:
        until = _time(second + self._draw.randint(10, 60))
        return "pause", {"entities": self._entities(), "until": until}

    def _rule(self, _engine: Engine, _second: int) -> tuple[Kind, Fields]:
        rules: list[Fields] = [{"direction": "below"}, {"valid_range": [10, 33]}]
        return "rule", {"entities": self._entities(), **self._draw.choice(rules)}

    def _budget(self, _engine: Engine, _second: int) -> tuple[Kind, Fields]:
        return "budget", {"budget": self._draw.choice(["5/day", "50/day", "500/day"])}

    def _reset(self, _engine: Engine, _second: int) -> tuple[Kind, Fields]:
        return "reset", {"entities": self._entities()}

    def _feedback(self, engine: Engine, _second: int) -> tuple[Kind, Fields] | None:
        """Judge one of the last anomalies, as a user does who reads the topic."""
        file, found = load(engine.file), self._anomalies()
        verdict = self._draw.choice(["false_alarm", "true_alarm"])
        for own in self._draw.sample(found, min(len(found), 20)):
            try:
                scope = self._draw.choice(["entity", "value"])
                return "feedback", judge(file, own, verdict, scope, [], None, 0).fields
            except FatalError:
                # Found by a rule, or silenced: there is nothing to judge.
                continue
        return None

    def _revoke(self, engine: Engine, _second: int) -> tuple[Kind, Fields] | None:
        standing = records_in_force(load(engine.file), None)
        return ("revoke", {"id": self._draw.choice(standing).id}) if standing else None


def repeat(engine: Engine, record: tuple[Kind, Fields]) -> None:
    """Write a record that was drawn to the log of a run."""
    add_record(load(engine.file), record[0], record[1], "", "chaos")


def _time(second: int) -> str:
    return datetime.fromtimestamp(START_MS / 1_000 + second, UTC).isoformat()
