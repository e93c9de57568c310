"""The control log of a plug-in: for instances on several machines, which share no directory.

What lies in it are records without id and number: both follow from the place that a record gets.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import orjson

from engine.application.live_control.records import ControlRecord, read_record
from engine.application.ports import ControlLogPlugin
from engine.domain.errors import FatalError

logger = logging.getLogger("pynomaly.control")

READ_SECONDS = 10.0
"""Time to wait for the end of the log, before the first event and before a record."""


class SharedLog:
    """The log, read as far as it has come; see `Log`.

    Args:
        plugin: where it lies.
    """

    def __init__(self, plugin: ControlLogPlugin) -> None:
        self.where = plugin.where
        self.id = ""
        self.records: list[ControlRecord] = []
        self.count = 0
        self._plugin = plugin
        self._wait = READ_SECONDS

    def read(self) -> bool:
        """Read what has been appended since, the first time to its end; see `Log`."""
        wait, self._wait = self._wait, 0.0
        return self._read(wait)

    def append(self, make: Callable[[int], ControlRecord]) -> ControlRecord:
        """Append a record; see `Log`."""
        self._read(READ_SECONDS)
        made = make(self.count + 1)
        number = self._plugin.append(_content(made))
        self._read(0.0)
        return made.model_copy(update={"id": f"{made.kind}-{number}", "number": number})

    def close(self) -> None:
        """Close it."""
        self._plugin.close()

    def _read(self, wait: float) -> bool:
        lines = self._plugin.read(wait)
        if self._plugin.id != self.id:
            self.id, self.records, self.count = self._plugin.id, [], 0
        for number, line in lines:
            self._add(number, line)
        return bool(lines)

    def _add(self, number: int, line: bytes) -> None:
        self.count = number
        try:
            self.records.append(_numbered(line, number))
        except FatalError as error:
            logger.error(
                "%s, record %d: %s: it is left out; write the log with `pynomaly control`",
                *(self.where, number, error),
            )


def _content(record: ControlRecord) -> bytes:
    document = orjson.loads(record.line())
    return orjson.dumps({name: document[name] for name in document if name not in ("id", "number")})


def _numbered(line: bytes, number: int) -> ControlRecord:
    """Return a record with the id and number of its place."""
    record = read_record(_with(line, {"id": "new", "number": number}))
    return record.model_copy(update={"id": f"{record.kind}-{number}"})


def _with(line: bytes, fields: dict[str, object]) -> bytes:
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise FatalError(f"no control record: {error}") from error
    if not isinstance(document, dict):
        raise FatalError("no control record: expected an object")
    return orjson.dumps(document | fields)
