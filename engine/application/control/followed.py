"""The topics and files to follow: sinks of a pipeline file, or a file of records."""

from __future__ import annotations

import json
from pathlib import Path

from engine.application.config.pipeline_file import PipelineFile
from engine.application.control.follow import Followed
from engine.application.ports import FollowableSink, RunContext
from engine.domain.errors import FatalError
from engine.domain.names import ANOMALIES, INCIDENTS, SCORES, role_of


def followed_sinks(file: PipelineFile, *, scores: bool = False) -> list[Followed]:
    """Return the sinks to which a pipeline writes anomalies and incidents.

    Nothing is to be followed of a pipeline that writes to the store of the server itself.

    Args:
        file: the pipeline file.
        scores: whether its scores are followed as well.

    Raises:
        FatalError: none of these sinks can be followed.
    """
    found = []
    stored = False
    for sink in file.sinks.chosen():
        role = role_of(sink.name)
        if role not in (ANOMALIES, INCIDENTS, *((SCORES,) if scores else ())):
            continue
        if getattr(sink.choice.plugin, "fills_store", False):
            stored = True
            continue
        made = sink.choice.plugin(sink.choice.settings, RunContext(file.name), sink.name)
        if isinstance(made, FollowableSink):
            source, settings = made.followed_by()
            found.append(Followed(source, settings, _place(source, settings), role == SCORES))
    if not stored and all(one.scores for one in found):
        raise FatalError(
            f"pipeline {file.name}: its anomalies go where they cannot be read back; add a sink "
            "kafka, file or store to sinks.anomalies"
        )
    return found


def followed_file(path: Path) -> Followed:
    """Return a file of records, as written by the sink `file`."""
    settings = {"path": str(path.absolute()), "format": "ndjson", "follow": True}
    return Followed("file", settings, _place("file", settings))


def _place(source: str, settings: dict[str, object]) -> str:
    where = settings.get("path") or [settings.get("brokers"), settings.get("topic")]
    return f"{source} {json.dumps(where)}"[:500]
