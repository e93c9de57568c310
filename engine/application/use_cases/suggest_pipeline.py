"""Suggest a pipeline file for a source that nobody has described yet."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.application.config.load import parse
from engine.application.config.pipeline_file import PipelineFile
from engine.application.telemetry.redaction import Redactor
from engine.application.use_cases.known_formats import known_format
from engine.application.use_cases.sample_source import (
    PROBE,
    SourceSample,
    read_messages,
    sample_of,
    suggest_for,
)


@dataclass(frozen=True, slots=True)
class SuggestedPipeline:
    """A pipeline file for a source.

    Attributes:
        document: the pipeline file.
        notes: what to look at before it is used.
        sample: what its mapping makes of the messages that it is based on.
    """

    document: Mapping[str, Any]
    notes: Sequence[str]
    sample: SourceSample


def suggest_pipeline(
    name: str, source: Mapping[str, Any], of_format: Any, messages: int, redactor: Redactor
) -> SuggestedPipeline:
    """Suggest a pipeline file.

    Args:
        name: what to make its name of.
        source: the source, as in a pipeline file.
        of_format: the format of the messages, as in a pipeline file; None: JSON.
        messages: how many to read of each partition or file.
        redactor: learns the secrets of the source.

    Raises:
        PipelineFileError: the source or the format is not valid.
        ConnectorError: it cannot be read, or nothing in its messages can be the time or a value.
    """
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:100] or "suggested"
    begin = {} if of_format is None else {"format": of_format}
    probe = _file(_document(name, source, {**begin, **PROBE}), redactor)
    batches = read_messages(probe, messages)
    notes = []
    if of_format is None and (known := known_format(batches)):
        begin = {"format": known}
        probe = _file(_document(name, source, {**begin, **PROBE}), redactor)
        batches = read_messages(probe, messages)
        notes.append(f"the messages are of the format {known} (docs/formats.md)")
    found = suggest_for(probe, batches)
    document = _document(name, source, {**begin, **found.event})
    file = _file(document, redactor)
    if file.source.kind == "file":
        # What is read as text, such as an id of digits, depends on the mapping.
        batches = read_messages(file, messages)
    return SuggestedPipeline(document, [*notes, *found.notes], sample_of(file, batches))


def _document(name: str, source: Mapping[str, Any], event: Mapping[str, Any]) -> dict[str, Any]:
    sinks: dict[str, Any] = {"anomalies": {"stdout": {}}}
    return {"name": name, "source": source, "event": event, "sinks": sinks}


def _file(document: Mapping[str, Any], redactor: Redactor) -> PipelineFile:
    path = Path(f"{document['name']}.yaml")
    return parse(json.dumps(document, indent=1), path, os.environ, redactor)
