"""Records changes in the audit log, in the transaction of the change."""

from __future__ import annotations

from collections.abc import Mapping

from engine.application.control.caller import Caller
from engine.application.control_ports import UnitOfWork
from engine.application.telemetry.correlation import current_correlation
from engine.domain.control.audit import AuditEntry, audit_json

Fields = Mapping[str, object]


def record(
    work: UnitOfWork,
    caller: Caller,
    now: int,
    action: str,
    subject: str,
    before: Fields | None = None,
    after: Fields | None = None,
    reason: str = "",
) -> None:
    """Add an entry with the fields that differ.

    Args:
        work: the unit of work of the change.
        caller: the author of the change.
        now: ns since 1970.
        action: the action, such as "incident.resolve".
        subject: the id or name of the changed resource.
        before, after: its fields; None if it did not exist.
        reason: the reason that the caller gave.

    The ids of the request that is worked on here are recorded, too.
    """
    if before is not None and after is not None:
        differing = {name for name in after if before.get(name) != after[name]}
        before = {name: before[name] for name in before if name in differing}
        after = {name: after[name] for name in after if name in differing}
    request = current_correlation()
    entry = AuditEntry(
        now,
        caller.name,
        caller.address,
        action,
        subject,
        audit_json(before),
        audit_json(after),
        reason,
        request.request if request else "",
        (request.trace or "") if request else "",
    )
    work.audit.append(entry)
