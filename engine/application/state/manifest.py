"""The manifest: what pipeline a state directory belongs to, and what a changed one may keep."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from engine import __version__
from engine.application.config.pipeline_file import PipelineFile
from engine.application.state.contents import read_contents
from engine.application.state.durable import write_durably
from engine.domain.errors import PynomalyError, SnapshotError

NAME = "pipeline.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the state was made by.

    Attributes:
        name, version: of the pipeline.
        source: kind of the source plug-in, and the topic.
        key_groups: how many shards the entities are in.
        mapping: digest of the entity's key and of the values.
        detectors: each detector's name and the digest of its parameters.
        program: version of the program that wrote it.
        format: of the state directory.
    """

    name: str
    version: str
    source: list[str]
    key_groups: int
    mapping: str
    detectors: dict[str, str]
    program: str = __version__
    format: int = FORMAT


def manifest_of(file: PipelineFile) -> Manifest:
    """Return what a pipeline file says of its state."""
    names = (choice.name for choice in file.detectors)
    topic = str(getattr(file.source.settings, "topic", ""))
    return Manifest(
        name=file.name,
        version=file.version,
        source=[file.source.kind, topic],
        key_groups=file.state.key_groups,
        mapping=file.mapping_fingerprint,
        detectors=dict(zip(names, file.detector_prints, strict=True)),
    )


def read_manifest(directory: Path) -> Manifest | None:
    """Return the manifest in a state directory; None where there is none.

    Raises:
        SnapshotError: a newer program wrote it, or it cannot be read.
    """
    path = directory / NAME
    if not path.exists():
        return None
    try:
        found: dict[str, Any] = orjson.loads(path.read_bytes())
        if found["format"] > FORMAT:
            raise SnapshotError(
                f"{path} was written by pynomaly-engine {found['program']}, which keeps its state "
                f"in format {found['format']}; this program knows {FORMAT}: run that version"
            )
        return Manifest(**{name: found[name] for name in Manifest.__slots__})
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise SnapshotError(
            f"{path} cannot be read: put it back, or start anew with `pynomaly state reset`"
        ) from error


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """Write the manifest, durably."""
    write_durably(directory / NAME, orjson.dumps(asdict(manifest), option=orjson.OPT_INDENT_2))


def check_compatibility(directory: Path, now: Manifest) -> list[str]:
    """Compare stored state with the pipeline that is about to take it up.

    Returns:
        A sentence for each thing that changed: what is kept, and what starts afresh.

    Raises:
        PynomalyError: the state cannot be taken up at all; the text says what to do.
    """
    before = read_manifest(directory)
    if before is None:
        _refuse_too_many_groups(directory, now)
        return ["the state was written before states had a manifest: kept as far as it fits"]
    if before.source != now.source:
        kind, topic = before.source
        raise _refusal(
            directory,
            f"holds positions in {kind} {topic}, and the pipeline reads {' '.join(now.source)}",
        )
    if before.key_groups != now.key_groups:
        raise _refusal(
            directory,
            f"has {before.key_groups} key groups, and state.key_groups is {now.key_groups} "
            f"(set it to {before.key_groups} to go on)",
        )
    return [*_changes(before, now)]


def _changes(before: Manifest, now: Manifest) -> list[str]:
    found = []
    if before.name != now.name:
        found.append(f"the pipeline was called {before.name}: state kept, ids of anomalies change")
    if before.mapping != now.mapping:
        found.append(
            "event.key or event.values changed: every entity starts afresh, positions kept"
        )
        return found
    for name, digest in now.detectors.items():
        if name not in before.detectors:
            found.append(f"{name} is new: it starts afresh, with a warm-up")
        elif before.detectors[name] != digest:
            found.append(f"{name} has other parameters or calibration: it starts afresh")
    found += [f"{name} was removed" for name in before.detectors if name not in now.detectors]
    if found or before.version != now.version:
        found.append("all else is kept; ids of anomalies change with the pipeline's version")
    return found


def _refuse_too_many_groups(directory: Path, now: Manifest) -> None:
    groups = [key for step, key in read_contents(directory).states if step == "detect"]
    most = max((int(group[1:]) + 1 for group in groups), default=0)
    if most > now.key_groups:
        raise _refusal(
            directory,
            f"has at least {most} key groups, and state.key_groups is {now.key_groups} (set it to "
            "what it was, to go on: unless it was set, that is 32)",
        )


def _refusal(directory: Path, why: str) -> PynomalyError:
    return PynomalyError(
        f"the state in {directory} {why}. Correct the pipeline file, give another "
        "state.directory, or start anew with `pynomaly state reset`"
    )
