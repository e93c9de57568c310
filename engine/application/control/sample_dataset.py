"""Samples the first messages of a dataset as events and rejects, and suggests a mapping."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.application.control.caller import Caller
from engine.application.control.control_pipeline import errors_as_conflicts
from engine.application.control.manage_datasets import dataset_file, stored_dataset
from engine.application.control.permissions import Action, require
from engine.application.control_ports import Store
from engine.application.use_cases.sample_source import (
    PROBE,
    SourceSample,
    read_messages,
    sample_of,
    suggest_for,
)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A mapping for a source.

    Attributes:
        event: the mapping, as in a pipeline file.
        sample: the events and rejects of the messages it is based on.
    """

    event: Mapping[str, Any]
    sample: SourceSample


def sample_dataset(store: Store, caller: Caller, name: str, messages: int) -> SourceSample:
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
    with errors_as_conflicts():
        return sample_of(file, read_messages(file, messages))


def suggest_mapping(caller: Caller, source: Mapping[str, Any], messages: int) -> Suggestion:
    """Suggest a mapping for a source of JSON messages.

    Raises:
        ForbiddenError: the caller lacks permission.
        UnfitPipelineError: the source is not valid.
        ConflictError: the source cannot be read, or no field of its messages can be a time.
    """
    require(caller, Action.CHANGE_DATASETS)
    probe = dataset_file("suggestion", source, PROBE)
    with errors_as_conflicts():
        batches = read_messages(probe, messages)
        event = suggest_for(probe, batches).event
        file = dataset_file("suggestion", source, event)
        return Suggestion(event, sample_of(file, batches))
