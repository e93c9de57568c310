"""The anomalies that a pipeline has published, read back from its sink, the newest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import orjson

from engine.application.config.pipeline_file import PipelineFile
from engine.application.ports import ReadableSink, RecentSink, RunContext, SinkPlugin
from engine.domain.errors import FatalError
from engine.domain.names import ANOMALIES, role_of

Document = dict[str, Any]
"""An anomaly as it is published."""
WINDOWS = (10_000, 100_000)
"""Newest records of each partition that are read at first, before all are."""


def published_anomalies(file: PipelineFile, path: Path | None) -> Iterator[list[Document]]:
    """Yield the anomalies that were published, each once, without those that are suppressed.

    Of a sink that can be read from its end, first the newest, then more, then all: people judge
    what has just happened.

    Args:
        file: the pipeline file; its sink has the anomalies, unless a file is given.
        path: file of published anomalies.

    Raises:
        FatalError: they cannot be read.
    """
    if path is not None:
        yield _heard(_of_file(path))
        return
    for sink in file.sinks.chosen():
        if role_of(sink.name) != ANOMALIES:
            continue
        kept = getattr(sink.choice.settings, "path", None)
        if kept is not None:
            yield _heard(_of_file(Path(kept)))
            return
        made = cast(
            "SinkPlugin", sink.choice.plugin(sink.choice.settings, RunContext(file.name), sink.name)
        )
        if isinstance(made, RecentSink):
            for count in WINDOWS:
                yield _heard(record.value for record in made.newest(count))
        if isinstance(made, ReadableSink):
            yield _heard(record.value for record in made.written())
            return
    raise FatalError(
        "anomalies go where they cannot be read back: give --anomalies, a file with one a line"
    )


def _heard(lines: Iterable[bytes | None]) -> list[Document]:
    found: dict[str, Document] = {}
    for line in filter(None, lines):
        document = orjson.loads(line)
        if "suppressed_by" not in document:
            found.setdefault(document["id"], document)
    return list(found.values())


def _of_file(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from (line for line in file if line.endswith(b"\n"))
    except OSError as error:
        raise FatalError(f'"{path}": {error.strerror}: give --anomalies, a file of them') from None
