"""The control records in force in a task, and the positions since when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import orjson

from engine.application.live_control.records import STANDING, ControlRecord, read_record
from engine.application.state.store import Json
from engine.domain import snapshot
from engine.domain.control_change import ControlChange, Forget, Reset
from engine.domain.silence import Silence

STATE = "control"
"""Name of its blob among those of the steps in a snapshot."""


@dataclass(frozen=True, slots=True)
class TaskControl:
    """The state of control of one task, part of its snapshots.

    Attributes:
        log: id of the log.
        count: lines of it that were applied.
        standing: positions of the source, and the records that hold from there on.
    """

    log: str = ""
    count: int = 0
    standing: tuple[tuple[Json, ControlRecord], ...] = ()

    def take(
        self, log: str, count: int, records: Sequence[ControlRecord], position: Json
    ) -> tuple[TaskControl, ControlChange]:
        """Return the state once a log is applied so far, and what is new to the steps.

        Another log than before replaces all that was in force.

        Args:
            log: its id.
            count: of its lines.
            records: all of it.
            position: of the source, from where on they hold.
        """
        known = self.count if log == self.log else 0
        standing = list(self.standing) if log == self.log else []
        resets: list[Reset] = []
        forgets: list[Forget] = []
        for record in records:
            if record.number <= known:
                continue
            if record.revoke is not None:
                gone = record.revoke.id
                standing = [(at, one) for at, one in standing if one.id != gone]
            elif record.kind in STANDING:
                standing = [(at, one) for at, one in standing if not record.replaces(one)]
                standing.append((position, record))
            resets += record.resets()
            forgets += record.forgets()
        new = [record for _, record in standing if record.number > known]
        taken = TaskControl(log, count, tuple(standing))
        return taken, replace(
            taken.change(),
            resets=tuple(resets),
            forgets=tuple(forgets),
            judged=tuple(one for record in new for one in record.feedbacks()),
        )

    def silences(self) -> tuple[Silence, ...]:
        """Return the silences in force."""
        return tuple(silence for _, record in self.standing for silence in record.silences())

    def change(self) -> ControlChange:
        """Return what steps that restore a snapshot have to know.

        What a record does once, as it comes into force, is in the snapshot, and not in here.
        """
        feedback = tuple(one for _, record in self.standing for one in record.feedbacks())
        rules = tuple(one for _, record in self.standing for one in record.rules())
        budgets = [one for _, record in self.standing if (one := record.budget_change())]
        budget = budgets[-1] if budgets else None
        calendars = {
            one.calendar.source: one.calendar.calendar()
            for _, one in self.standing
            if one.calendar is not None
        }
        return ControlChange(self.silences(), (), feedback, calendars, rules, budget)

    def dump(self) -> bytes:
        """Return it as versioned bytes."""
        standing = [[at, record.line().decode()] for at, record in self.standing]
        document = {"log": self.log, "count": self.count, "standing": standing}
        return snapshot.encode(STATE, {"document": orjson.dumps(document)})


def load_control(blob: bytes | None) -> TaskControl:
    """Restore what `dump` returned; None is of a task that never took up a log.

    Raises:
        SnapshotError: it is corrupt.
    """
    if blob is None:
        return TaskControl()
    found = orjson.loads(bytes(snapshot.decode(STATE, blob)["document"]))
    standing = tuple((at, read_record(line.encode())) for at, line in found["standing"])
    return TaskControl(found["log"], found["count"], standing)
