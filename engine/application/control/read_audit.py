"""Reads and verifies the audit log."""

from __future__ import annotations

from dataclasses import dataclass

from engine.application.control.caller import Caller
from engine.application.control.permissions import Action, require
from engine.application.control_ports import UnitOfWork
from engine.domain.control.audit import START, AuditRecord, first_broken
from engine.domain.control.errors import AuditBrokenError


@dataclass(frozen=True, slots=True)
class AuditState:
    """The state of an intact audit log.

    Attributes:
        records: the number of records.
        digest: the digest of the last record, to check later whether records were cut off.
    """

    records: int
    digest: str


def read_audit(
    work: UnitOfWork, caller: Caller, before: int | None, limit: int
) -> list[AuditRecord]:
    """Return records before a number, or the last ones, the newest first.

    Raises:
        ForbiddenError: the caller lacks permission.
    """
    require(caller, Action.READ_AUDIT)
    return work.audit.before(before, limit)


def verify_audit(work: UnitOfWork, caller: Caller) -> AuditState:
    """Verify that the log was not changed.

    Raises:
        ForbiddenError: the caller lacks permission.
        AuditBrokenError: the log was changed; the message names the first wrong record.
    """
    require(caller, Action.READ_AUDIT)
    count, last, wrong = first_broken(work.audit.all())
    if wrong:
        raise AuditBrokenError(
            f"the audit log is not what was written: {wrong}. The {count} records before it are "
            "whole: compare with a backup, and find out who can write to the database"
        )
    return AuditState(count, START if last is None else last.digest)
