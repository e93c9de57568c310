"""Log lines: for people on a terminal, as JSON for machines."""

from __future__ import annotations

import logging
import sys
from datetime import datetime, timezone
from typing import Literal

import orjson

LogFormat = Literal["auto", "text", "json"]


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, pipeline, process, exception."""

    def __init__(self, pipeline: str, process: str) -> None:
        super().__init__()
        self._fixed = {"pipeline": pipeline, "process": process}

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        line = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **self._fixed,
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line).decode()


def set_up_logs(kind: LogFormat, pipeline: str, process: str) -> None:
    """Send all log lines to standard error.

    Args:
        kind: "auto" is text on a terminal and JSON elsewhere.
        pipeline: name of the pipeline.
        process: "supervisor", or the number of a process of the cluster.
    """
    handler = logging.StreamHandler(sys.stderr)
    if kind == "json" or (kind == "auto" and not sys.stderr.isatty()):
        handler.setFormatter(JsonLines(pipeline, process))
    else:
        layout = f"%(asctime)s %(levelname)-7s {pipeline}[{process}] %(message)s"
        handler.setFormatter(logging.Formatter(layout, "%H:%M:%S"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
