"""The standard output as a sink: one line a record. After a crash, lines may repeat."""

from __future__ import annotations

import sys

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from connectors.delivery.json_line import json_line
from engine.domain.record import Record
from pynomaly.plugins import RunContext, Settings


class StdoutSettings(Settings):
    """The standard output has no settings."""


class StdoutSink:
    """The plug-in behind `sinks: {...: {stdout: {}}}`."""

    Settings = StdoutSettings
    exactly_once = False

    def __init__(self, settings: StdoutSettings, context: RunContext, role: str) -> None:
        self.context = context
        self.role = role

    def sink(self) -> StandardOutput:
        """Return the Bytewax sink."""
        return StandardOutput(self)

    def check(self) -> None:
        """Do nothing: there always is a standard output."""


class StandardOutput(FixedPartitionedSink[list[Record], None]):
    """Bytewax's side of the standard output: one part."""

    def __init__(self, stdout: StdoutSink) -> None:
        self._stdout = stdout

    def list_parts(self) -> list[str]:
        """Return the one part there is."""
        return ["0"]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> LineWriter:
        """Start writing."""
        return LineWriter(self._stdout)


class LineWriter(StatefulSinkPartition[list[Record], None]):
    """Writes lines."""

    def __init__(self, stdout: StdoutSink) -> None:
        self._delivered = stdout.context.telemetry.delivered.labels(stdout.role)

    def write_batch(self, values: list[list[Record]]) -> None:
        """Write a line for each record, and let them be seen at once."""
        for records in values:
            sys.stdout.buffer.writelines(map(json_line, records))
            self._delivered.inc(len(records))
        sys.stdout.buffer.flush()

    def snapshot(self) -> None:
        """Keep nothing."""
