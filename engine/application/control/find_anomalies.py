"""List anomalies, and look one up."""

from __future__ import annotations

from dataclasses import replace

from engine.application.control.caller import Caller
from engine.application.control.permissions import (
    Action,
    may_see,
    pipeline_to_list,
    require_somewhere,
)
from engine.application.control_ports import UnitOfWork
from engine.domain.control.errors import NotFoundError
from engine.domain.control.page import AnomalyFilter, Page, Position
from engine.domain.control.stored_anomaly import StoredAnomaly


def find_anomalies(
    work: UnitOfWork, caller: Caller, wanted: AnomalyFilter, behind: Position | None, limit: int
) -> Page[StoredAnomaly]:
    """Return a page of anomalies, the newest first.

    Raises:
        ForbiddenError: the caller lacks permission.
    """
    wanted = replace(wanted, pipeline=pipeline_to_list(caller, wanted.pipeline))
    return work.anomalies.find(wanted, behind, limit)


def find_documents(
    work: UnitOfWork, caller: Caller, wanted: AnomalyFilter, behind: Position | None, limit: int
) -> Page[str]:
    """Return a page of anomalies as published JSON, the newest first.

    Raises:
        ForbiddenError: the caller lacks permission.
    """
    wanted = replace(wanted, pipeline=pipeline_to_list(caller, wanted.pipeline))
    return work.anomalies.documents(wanted, behind, limit)


def get_anomaly(work: UnitOfWork, caller: Caller, anomaly_id: str) -> StoredAnomaly:
    """Return an anomaly.

    Raises:
        ForbiddenError: the caller lacks permission.
        NotFoundError: there is none of this id that the caller may see.
    """
    require_somewhere(caller, Action.READ)
    found = work.anomalies.get(anomaly_id)
    if found is None or not may_see(caller, found.pipeline):
        raise NotFoundError(f'no anomaly has the id "{anomaly_id}"')
    return found
