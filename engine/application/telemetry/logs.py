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
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, WrappedLogger

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
        handler.setFormatter(json_lines(identity, redactor))
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


def json_lines(identity: LogIdentity, redactor: Redactor) -> logging.Formatter:
    """Return a formatter that writes each log record as one line of JSON."""
    fixed = {
        "service.name": identity.pipeline,
        "service.type": "pynomaly",
        "service.node.name": identity.process,
        "process.pid": os.getpid(),
        "labels": {"run": identity.run, **_started_by()},
    }

    def ecs(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        record: logging.LogRecord = event["_record"]
        # In the order of the specification, which puts first what people look at.
        line: dict[str, Any] = {
            "@timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "log.level": record.levelname.lower(),
            "message": redactor.redact(str(event["event"])),
            "ecs.version": ECS_VERSION,
            "log.logger": record.name,
            **fixed,
        }
        request = current_correlation()
        if request_id := getattr(record, "request_id", request and request.request):
            line["http.request.id"] = request_id
        if trace := getattr(record, "trace_id", request and request.trace):
            line["trace.id"] = trace
        if (exc_info := event.get("exc_info")) and exc_info[1] is not None:
            line["error.type"] = type(exc_info[1]).__name__
            line["error.message"] = redactor.redact(str(exc_info[1]))
            line["error.stack_trace"] = redactor.redact(
                "".join(traceback.format_exception(exc_info[1]))
            )
        return line

    def written(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
        return orjson.dumps(event).decode()

    return ProcessorFormatter(processors=[ecs, written], use_get_message=True)


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
