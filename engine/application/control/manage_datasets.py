"""Store datasets, read them, and remove them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from engine.application.config.pipeline_file import PipelineFile
from engine.application.control.caller import Caller
from engine.application.control.check_pipeline_text import parsed
from engine.application.control.permissions import Action, require
from engine.application.control.recording import record
from engine.application.control_ports import UnitOfWork
from engine.domain.control.dataset import Dataset
from engine.domain.control.errors import NotFoundError, StaleError


def find_datasets(work: UnitOfWork, caller: Caller) -> Sequence[Dataset]:
    """Return all datasets by name.

    Raises:
        ForbiddenError: the caller lacks permission.
    """
    require(caller, Action.READ)
    return work.datasets.all()


def get_dataset(work: UnitOfWork, caller: Caller, name: str) -> Dataset:
    """Return a dataset.

    Raises:
        ForbiddenError: the caller lacks permission.
        NotFoundError: the name is unknown.
    """
    require(caller, Action.READ)
    return stored_dataset(work, name)


def put_dataset(
    work: UnitOfWork,
    caller: Caller,
    now: int,
    name: str,
    source: Mapping[str, Any],
    event: Mapping[str, Any],
    known: int | None,
) -> Dataset:
    """Store a dataset, or change one.

    Args:
        work: the unit of work.
        caller: the user who stores it.
        now: ns since 1970.
        name: the name of the dataset.
        source: the source, as in a pipeline file.
        event: the mapping, as in a pipeline file.
        known: the revision that the caller has read; 0: a new dataset; None: any.

    Raises:
        ForbiddenError: the caller lacks permission.
        UnfitPipelineError: the source or the mapping is not valid.
        StaleError: it has been changed since.
    """
    require(caller, Action.CHANGE_DATASETS)
    dataset_file(name, source, event)
    before = work.datasets.get(name)
    revision = 0 if before is None else before.revision
    if known not in (None, revision):
        raise StaleError("the dataset was changed since you read it: read it again")
    made = Dataset(name, json.dumps(source), json.dumps(event), caller.name, now, revision + 1)
    work.datasets.put(made)
    old = None if before is None else _shown(before)
    record(work, caller, now, "dataset.put", name, old, _shown(made))
    return made


def remove_dataset(
    work: UnitOfWork, caller: Caller, now: int, name: str, known: int | None
) -> None:
    """Remove a dataset.

    Raises:
        ForbiddenError: the caller lacks permission.
        NotFoundError: the name is unknown.
        StaleError: it has been changed since.
    """
    require(caller, Action.CHANGE_DATASETS)
    before = stored_dataset(work, name)
    if known not in (None, before.revision):
        raise StaleError("the dataset was changed since you read it: read it again")
    work.datasets.remove(name)
    record(work, caller, now, "dataset.remove", name, _shown(before), None)


def dataset_file(name: str, source: Mapping[str, Any], event: Mapping[str, Any]) -> PipelineFile:
    """Return a pipeline file that reads a dataset.

    Raises:
        UnfitPipelineError: the source or the mapping is not valid.
    """
    sinks: dict[str, Any] = {"anomalies": {"stdout": {}}}
    document = {"name": name, "source": source, "event": event, "sinks": sinks, "metrics": None}
    return parsed(json.dumps(document), name)


def stored_dataset(work: UnitOfWork, name: str) -> Dataset:
    """Return a dataset.

    Raises:
        NotFoundError: the name is unknown.
    """
    found = work.datasets.get(name)
    if found is None:
        raise NotFoundError(f'no dataset is called "{name}"')
    return found


def _shown(dataset: Dataset) -> dict[str, object]:
    return {"source": json.loads(dataset.source), "event": json.loads(dataset.event)}
