"""The audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query
from pydantic import BaseModel

from engine.application.control.read_audit import read_audit, verify_audit
from engine.domain.control.audit import AuditRecord
from engine.presentation.api.credentials import WithCaller
from engine.presentation.api.endpoint_route import EndpointRoute
from engine.presentation.api.requests import Limit
from engine.presentation.api.services import WithServices
from engine.presentation.api.times import time_of

router = APIRouter(tags=["audit"], route_class=EndpointRoute)


class AuditRecordOut(BaseModel):
    """A change and its author."""

    number: int
    time: datetime
    actor: str
    address: str
    action: str
    subject: str
    before: Any
    after: Any
    reason: str
    request: str
    """`X-Request-ID` of the request that made the change; empty where there was none."""
    trace: str
    """Its trace; empty where the client sent no `traceparent`."""
    digest: str


class AuditLog(BaseModel):
    """Records, the newest first."""

    items: list[AuditRecordOut]
    next: int | None
    """`before` of the next page; null at the end."""


class AuditStateOut(BaseModel):
    """The state of an intact audit log."""

    records: int
    digest: str
    """Digest of the last record. Note it, to check later whether records were cut off."""


@router.get("/audit")
def list_audit(
    services: WithServices,
    caller: WithCaller,
    before: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
    limit: Limit = 50,
) -> AuditLog:
    """List records of the audit log, the newest first."""
    with services.store.reading() as work:
        found = read_audit(work, caller, before, limit)
    more = found and found[-1].number > 1
    return AuditLog(items=list(map(_shown, found)), next=found[-1].number if more else None)


@router.get("/audit/state")
def read_audit_state(services: WithServices, caller: WithCaller) -> AuditStateOut:
    """Check the whole log, as `pynomaly audit verify` does."""
    with services.store.reading() as work:
        found = verify_audit(work, caller)
    return AuditStateOut(records=found.records, digest=found.digest)


def _shown(record: AuditRecord) -> AuditRecordOut:
    entry = record.entry
    return AuditRecordOut(
        number=record.number,
        time=time_of(entry.time),
        actor=entry.actor,
        address=entry.address,
        action=entry.action,
        subject=entry.subject,
        before=orjson.loads(entry.before),
        after=orjson.loads(entry.after),
        reason=entry.reason,
        request=entry.request,
        trace=entry.trace,
        digest=record.digest,
    )
