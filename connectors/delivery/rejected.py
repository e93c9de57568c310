"""Rejected records: counted, logged, and appended to a file if one is configured."""

from __future__ import annotations

import logging
from contextlib import closing
from pathlib import Path

import orjson

from connectors.delivery.json_line import json_line
from connectors.delivery.shared_file import REJECTS_SIZE, SharedFile
from engine.domain.record import Record
from pynomaly.plugins import RunContext

logger = logging.getLogger("pynomaly.sinks")


class RejectedRecords:
    """Where refused records go; their file is bounded as that of dead letters is.

    Args:
        path: of a file to append to, or None.
        context: of this process.
        role: of the sink.
    """

    def __init__(self, path: str | None, context: RunContext, role: str) -> None:
        self._path = Path(path) if path else None
        self._role = role
        self._redactor = context.redactor
        self._count = context.telemetry.sink_refused.labels(role)

    def append(self, record: Record, why: str) -> None:
        """Take a record that was refused; a file has it on the disk when this returns.

        Raises:
            OSError: the file cannot be written.
        """
        self._count.inc()
        where = f"kept in {self._path}" if self._path else "not kept: name a file as `refused`"
        about = {"trace_id": record.trace.trace_id} if record.trace else {}
        logger.error(
            "sink %s: record %s was refused: %s; %s", self._role, record.id, why, where, extra=about
        )
        if self._path is None:
            return
        body = json_line(record).rstrip(b"\n")
        line = orjson.dumps(
            {"id": record.id, "why": self._redactor.redact(why), "record": orjson.Fragment(body)}
        )
        with closing(SharedFile(self._path, REJECTS_SIZE)) as file:
            file.append([line + b"\n"])
            file.sync()
