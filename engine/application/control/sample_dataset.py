"""Samples the first messages of a source as events and rejects, and suggests a mapping."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from engine.application import registry
from engine.application.config.pipeline_file import PipelineFile
from engine.application.control.caller import Caller
from engine.application.control.control_pipeline import errors_as_conflicts
from engine.application.control.manage_datasets import dataset_file, stored_dataset
from engine.application.control.permissions import Action, require
from engine.application.control_ports import Store
from engine.application.dataflow.context import context_of
from engine.domain.batch import EventBatch, RawBatch
from engine.domain.control.errors import ConflictError
from engine.domain.control.suggestion import suggested_mapping
from engine.domain.reject import Reject

MOST_SAMPLED = 1_000
PROBE = {"key": {"const": "all"}, "time": {"path": "time", "unit": "ms"}, "values": ["value"]}
"""A placeholder mapping to read messages with."""


@dataclass(frozen=True, slots=True)
class SampledEvent:
    """An event.

    Attributes:
        entity: the key of its entity.
        time: ns since 1970.
        values: the values by name; None for a gap.
    """

    entity: str
    time: int
    values: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class DatasetSample:
    """The first messages of a dataset.

    Attributes:
        messages: the number of messages read.
        events: the events.
        rejects: the reason and sentence of each reject.
    """

    messages: int
    events: Sequence[SampledEvent]
    rejects: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A mapping for a source.

    Attributes:
        event: the mapping, as in a pipeline file.
        sample: the events and rejects of the messages it is based on.
    """

    event: Mapping[str, Any]
    sample: DatasetSample


def sample_dataset(store: Store, caller: Caller, name: str, messages: int) -> DatasetSample:
    """Return the events and rejects of sampled messages of a dataset.

    Raises:
        ForbiddenError: the caller lacks permission.
        NotFoundError: the name is unknown.
        ConflictError: the source cannot be read.
    """
    require(caller, Action.CHANGE_DATASETS)
    with store.reading() as work:
        dataset = stored_dataset(work, name)
    file = dataset_file(name, json.loads(dataset.source), json.loads(dataset.event))
    return _sampled(file, _read(file, messages))


def suggest_mapping(caller: Caller, source: Mapping[str, Any], messages: int) -> Suggestion:
    """Suggest a mapping for a source of JSON messages.

    Raises:
        ForbiddenError: the caller lacks permission.
        UnfitPipelineError: the source is not valid.
        ConflictError: the source cannot be read, or no field of its messages can be a time.
    """
    require(caller, Action.CHANGE_DATASETS)
    batches = _read(dataset_file("suggestion", source, PROBE), messages)
    documents = [found for batch in batches for value in batch.values if (found := _object(value))]
    event = suggested_mapping(documents) if documents else None
    if event is None:
        raise ConflictError(
            f"{len(documents)} messages that are JSON objects were read, and no field that all of "
            "them have is a time: write the mapping by hand"
        )
    file = dataset_file("suggestion", source, event)
    return Suggestion(event, _sampled(file, batches))


def _read(file: PipelineFile, messages: int) -> list[RawBatch]:
    with errors_as_conflicts():
        source = file.source.plugin(file.source.settings, context_of(file))
        found: list[RawBatch] = source.check(messages)
        return found


def _sampled(file: PipelineFile, batches: Sequence[RawBatch]) -> DatasetSample:
    pipeline = file.pipeline()
    with errors_as_conflicts():
        decoded = registry.step("decode")(pipeline, context_of(file))(list(batches))
    names = pipeline.mapping.value_names
    events: list[SampledEvent] = []
    rejects: list[Reject] = []
    for part in decoded:
        if isinstance(part, EventBatch):
            rows = zip(part.keys.tolist(), part.times.tolist(), part.values.tolist(), strict=True)
            events += [SampledEvent(key, time, _values(names, row)) for key, time, row in rows]
        else:
            rejects += part
    return DatasetSample(
        sum(map(len, batches)), events, [(one.reason.value, one.detail) for one in rejects]
    )


def _values(names: Sequence[str], row: Sequence[float]) -> dict[str, float | None]:
    return {name: value if value == value else None for name, value in zip(names, row, strict=True)}


def _object(value: bytes | None) -> dict[str, Any] | None:
    try:
        found = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None
