"""Log lines: text on a terminal, otherwise one JSON object per line in the fields of ECS.

The fields are those of the Elastic Common Schema 8.11, with dotted names as its loggers write
them: https://www.elastic.co/guide/en/ecs-logging/overview/current/intro.html
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

import orjson

from engine.application.telemetry.correlation import correlation_in, current_correlation
from engine.application.telemetry.redaction import Redactor

LogFormat = Literal["auto", "text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]
ECS_VERSION = "8.11.0"
CLEAR_LINE = "\r\x1b[K"
"""To the first column of a terminal, and delete to the end of the line."""


@dataclass(frozen=True, slots=True)
class LogIdentity:
    """The process that writes log lines.

    Attributes:
        pipeline: its name.
        process: "supervisor", or the number of a process of the cluster.
        run: id of the run, the same for all its processes.
    """

    pipeline: str
    process: str
    run: str


def configure_logging(
    kind: LogFormat, identity: LogIdentity, redactor: Redactor, level: LogLevel = "info"
) -> None:
    """Send all log lines to standard error.

    Args:
        kind: the format; "auto" is text on a terminal and JSON elsewhere.
        identity: of the process that writes.
        redactor: knows what must not be written.
        level: least level that is written.
    """
    handler = logging.StreamHandler(sys.stderr)
    if kind == "json" or (kind == "auto" and not sys.stderr.isatty()):
        handler.setFormatter(JsonLines(identity, redactor))
    else:
        # On a terminal a line first deletes the status line, which may be there.
        clear = CLEAR_LINE if is_live(sys.stderr) else ""
        who = f"{identity.pipeline}[{identity.process}]"
        layout = f"{clear}%(asctime)s %(levelname)-7s {who} %(message)s"
        handler.setFormatter(TextLines(layout, "%H:%M:%S", redactor))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


def is_live(stream: TextIO) -> bool:
    """Whether a stream is a terminal that can draw a line again."""
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"


class JsonLines(logging.Formatter):
    """Formats log records as JSON, one object a line, in the fields of ECS.

    Args:
        identity: of the process that writes.
        redactor: knows what must not be written.
    """

    def __init__(self, identity: LogIdentity, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor
        self._fixed = {
            "service.name": identity.pipeline,
            "service.type": "pynomaly",
            "service.node.name": identity.process,
            "process.pid": os.getpid(),
            "labels": {"run": identity.run, **_started_by()},
        }

    def format(self, record: logging.LogRecord) -> str:
        """Return the record, and its exception, as one line."""
        # In the order of the specification, which puts first what people look at.
        line: dict[str, Any] = {
            "@timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "log.level": record.levelname.lower(),
            "message": self._redactor.redact(record.getMessage()),
            "ecs.version": ECS_VERSION,
            "log.logger": record.name,
            **self._fixed,
            **_request(record),
            **self._error(record),
        }
        return orjson.dumps(line).decode()

    def _error(self, record: logging.LogRecord) -> dict[str, str]:
        error = record.exc_info[1] if record.exc_info else None
        if error is None:
            return {}
        redact = self._redactor.redact
        return {
            "error.type": type(error).__name__,
            "error.message": redact(str(error)),
            "error.stack_trace": redact("".join(traceback.format_exception(error))),
        }


def _request(record: logging.LogRecord) -> dict[str, str]:
    """Return the ids of the request that a record is about."""
    request = current_correlation()
    found = {
        "http.request.id": getattr(record, "request_id", request and request.request),
        "trace.id": getattr(record, "trace_id", request and request.trace),
    }
    return {field: value for field, value in found.items() if value}


def _started_by() -> dict[str, str]:
    """Return the labels of a run that a request to the server started."""
    found = correlation_in(os.environ)
    if found is None:
        return {}
    return {"request": found.request} | ({"trace": found.trace} if found.trace else {})


class TextLines(logging.Formatter):
    """Formats log records as text.

    Args:
        layout: of a line, as `logging.Formatter` takes it.
        time: layout of its time.
        redactor: knows what must not be written.
    """

    def __init__(self, layout: str, time: str, redactor: Redactor) -> None:
        super().__init__(layout, time)
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        """Return the record, followed by its traceback."""
        return self._redactor.redact(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the base class's name
        """Return the line, with the id of the request that it is about."""
        request = current_correlation()
        request_id = getattr(record, "request_id", request and request.request)
        line = super().formatMessage(record)
        return f"{line} [request {request_id}]" if request_id else line
