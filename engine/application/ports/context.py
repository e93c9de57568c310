"""What a running process shares with its plug-ins."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

from engine.application.telemetry.heartbeat import Heartbeat
from engine.application.telemetry.metrics import Telemetry
from engine.application.telemetry.redaction import Redactor
from engine.domain.errors import Shutdown


@dataclass(frozen=True)
class RunContext:
    """What a running process shares with its plug-ins.

    Attributes:
        pipeline: name of the pipeline.
        telemetry: metrics of this process.
        draining: set once the process has been asked to end; sources then stop reading.
        needs_keys: whether the mapping reads the message key.
        fields, text_fields: names of the fields that the mapping reads, and of those that it reads
            as texts; see `EventMapping`.
        format: name of the format of messages; None for JSON.
        max_bytes: largest size of a message; a larger one is rejected, and need not be read whole.
        process, processes: number of this process, and how many processes this run has.
        state: directory of the pipeline's state; None if the state is kept elsewhere.
        earlier_processes: how many processes the run before had, as far as it is known.
        exactly_once: whether sinks must publish every record once, despite crashes.
        checkpoint_interval: time between checkpoints.
        snapshot_interval: longest time between two complete snapshots of the state.
        heartbeat: reports to the supervisor that this process works, waits or is idle.
        outages: reason for each outage, by the name of the part that reports it; shown on the
            health pages.
        redactor: removes secrets from texts that are written elsewhere than to the log.
        run: distinguishes this run from other runs of the pipeline; "" if it has no id.
        shared: objects that the plug-ins of this process share, by name.
        trial: whether what is decoded goes to whoever asked for it alone: then rejects, which quote
            messages, are not logged.
    """

    pipeline: str
    telemetry: Telemetry = field(default_factory=Telemetry)
    draining: Event = field(default_factory=Event)
    needs_keys: bool = True
    fields: frozenset[str] = frozenset()
    text_fields: frozenset[str] = frozenset()
    format: str | None = None
    max_bytes: int = 2**20
    process: int = 0
    processes: int = 1
    state: Path | None = None
    earlier_processes: int = 0
    exactly_once: bool = False
    checkpoint_interval: timedelta = timedelta(seconds=10)
    snapshot_interval: timedelta = timedelta(minutes=10)
    heartbeat: Heartbeat = field(default_factory=Heartbeat)
    outages: dict[str, str] = field(default_factory=dict)
    redactor: Redactor = field(default_factory=Redactor)
    run: str = ""
    shared: dict[str, Any] = field(default_factory=dict)
    trial: bool = False

    def stopped(self, waiting_for: str) -> Shutdown:
        """End in order: the process was asked to stop while it waited for something outside.

        If a supervisor listens, wait until it ends this process; otherwise return what to raise.
        """
        why = f"asked to stop while waiting for {waiting_for}"
        self.heartbeat.stopped(why)
        return Shutdown(why)
