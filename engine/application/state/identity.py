"""The identity of stored state: what made it, and what a changed pipeline may keep of it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from engine import __version__
from engine.application.config.pipeline_file import PipelineFile
from engine.application.state.store import Json
from engine.domain.errors import FatalError


def state_place(file: PipelineFile) -> str:
    """Return how people call the place where a pipeline's state lies."""
    if file.state.kafka is not None:
        return f"topic {getattr(file.state.kafka.settings, 'topic', '')}"
    return str(file.state.directory)


def identity_of(file: PipelineFile) -> dict[str, Json]:
    """Return what a pipeline file says of its state."""
    names = (choice.name for choice in file.detectors)
    source = file.task_source
    topic = str(getattr(source.settings, "topic", ""))
    return {
        "name": file.name,
        "version": file.version,
        "source": [source.kind, topic],
        "mapping": file.mapping_fingerprint,
        "detectors": dict(zip(names, file.detector_fingerprints, strict=True)),
        "program": __version__,
    }


def check_compatibility(
    where: str, now: Mapping[str, Json], before: Mapping[str, Json]
) -> list[str]:
    """Compare stored state with the pipeline that is about to take it up.

    Args:
        where: the state lies.
        now: identity of the pipeline.
        before: identity of what made the state.

    Returns:
        A sentence for each thing that changed: what is kept, and what starts afresh.

    Raises:
        PynomalyError: the state cannot be used at all; the text says what to do.
    """
    if before["source"] != now["source"]:
        kind, topic = before["source"]
        raise FatalError(
            f"the state in {where} holds positions in {kind} {topic}, and the pipeline reads "
            f"{' '.join(now['source'])}. Correct the pipeline file, give it another "
            "state.directory or state.kafka.topic, or start afresh with `pynomaly state reset`"
        )
    return _changes(before, now)


def compatibility_check(where: str, now: Mapping[str, Json]) -> partial[list[str]]:
    """Return `check_compatibility` for what is stored there."""
    return partial(check_compatibility, where, now)


def _changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    found = []
    if before["name"] != now["name"]:
        found.append(
            f"the pipeline was called {before['name']}: state kept, ids of anomalies change"
        )
    if before["mapping"] != now["mapping"]:
        found.append(
            "event.key or event.values changed: every entity starts afresh, positions kept"
        )
        return found
    for name, digest in now["detectors"].items():
        if name not in before["detectors"]:
            found.append(f"{name} is new: it starts afresh, with a warm-up")
        elif before["detectors"][name] != digest:
            found.append(f"{name} has other parameters, calibration or model: it starts afresh")
    found += [f"{name} was removed" for name in before["detectors"] if name not in now["detectors"]]
    if found or before["version"] != now["version"]:
        found.append("all else is kept; ids of anomalies change with the pipeline's version")
    return found
