"""What to follow: the sinks of a pipeline file, or a file of records."""

from __future__ import annotations

import json
from pathlib import Path

from engine.application.config.pipeline_file import PipelineFile
from engine.application.control.follow import Followed
from engine.application.ports import FollowableSink, RunContext
from engine.domain.errors import FatalError
from engine.domain.names import ANOMALIES, INCIDENTS, role_of


def followed_sinks(file: PipelineFile) -> list[Followed]:
    """Return what a pipeline writes its anomalies and incidents to.

    Raises:
        FatalError: none of these sinks can be followed.
    """
    found = []
    for sink in file.sinks.chosen():
        if role_of(sink.name) not in (ANOMALIES, INCIDENTS):
            continue
        made = sink.choice.plugin(sink.choice.settings, RunContext(file.name), sink.name)
        if isinstance(made, FollowableSink):
            source, settings = made.followed_by()
            found.append(Followed(source, settings, _place(source, settings)))
    if not found:
        raise FatalError(
            f"pipeline {file.name}: its anomalies go where they cannot be read back; add a sink "
            "kafka or file to sinks.anomalies"
        )
    return found


def followed_file(path: Path) -> Followed:
    """Return a file of records, as the sink `file` writes it, as something to follow."""
    settings = {"path": str(path.absolute()), "format": "ndjson", "follow": True}
    return Followed("file", settings, _place("file", settings))


def _place(source: str, settings: dict[str, object]) -> str:
    where = settings.get("path") or [settings.get("brokers"), settings.get("topic")]
    return f"{source} {json.dumps(where)}"[:500]
