"""Digests of a pipeline file: of its mapping, its detectors and all that decides scores."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from hashlib import blake2b
from typing import Any

from engine.application import registry
from engine.application.config.detector_choice import DetectorChoice
from engine.application.config.event import EventSpec
from engine.domain.mapping import decisive
from engine.domain.pipeline import Calibration


def of_mapping(event: EventSpec) -> str:
    """Return the digest of what an entity and its values are; a change voids stored entities."""
    mapping = event.mapping()
    values: list[Any] = [[value.name, decisive(value.path)] for value in mapping.values]
    meanings = [[value.numbers, value.scale] for value in mapping.values]
    if any(numbers or scale for numbers, scale in meanings):
        values.append(meanings)
    if counters := [value.name for value in mapping.values if value.counter]:
        values.append(["counters", counters])
    return _digest([decisive(mapping.key), values])


def of_detectors(
    detectors: Sequence[DetectorChoice], calibration: Calibration, event: EventSpec
) -> tuple[str, ...]:
    """Return the digest of each detector: parameters, layout of its model, and calibration."""
    # Seasons that were learned in one time zone mean nothing in another.
    zone = [] if event.timezone == "UTC" else [event.timezone]
    return tuple(
        _digest([asdict(choice), calibration.window, *zone, *_layout(choice.name)])
        for choice in detectors
    )


def of_scores(
    event: EventSpec, detectors: Sequence[DetectorChoice], combine: str, calibration: Calibration
) -> str:
    """Return the digest of all that decides scores and ids, and of nothing else."""
    deciding = [
        decisive(event.mapping()),
        [asdict(choice) for choice in detectors],
        combine,
        asdict(calibration),
    ]
    return _digest(deciding)


def _layout(detector: str) -> list[int]:
    layout = registry.declaration(detector).layout
    return [layout] if layout else []


def _digest(decisive: object) -> str:
    """Return twelve hex digits that change with what is given."""
    return blake2b(json.dumps(decisive, sort_keys=True).encode(), digest_size=6).hexdigest()
