"""The audit log: who changed what, in a chain of digests that shows later changes to it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256

START = "0" * 64
"""Stands for the digest before the first record."""
LATER = ("request", "trace")


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What is to be recorded.

    Attributes:
        time: ns since 1970.
        actor: name of the user; "system" for what the server does by itself.
        address: from where.
        action: what was done, such as "incident.resolve".
        subject: to what.
        before, after: what changed, as JSON; "null" where there was nothing.
        reason: why, in the actor's words.
        request, trace: ids of the request that made the change; "" where there is none.
    """

    time: int
    actor: str
    address: str
    action: str
    subject: str
    before: str = "null"
    after: str = "null"
    reason: str = ""
    request: str = ""
    trace: str = ""


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """An entry in its place.

    Attributes:
        number: from 1, without gaps.
        entry: what was recorded.
        previous: digest of the record before.
        digest: SHA-256 over all of this, as hex digits.
    """

    number: int
    entry: AuditEntry
    previous: str
    digest: str


def audit_json(fields: Mapping[str, object] | None) -> str:
    """Return fields as JSON that is the same for the same fields."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":"))


def chained(entry: AuditEntry, last: AuditRecord | None) -> AuditRecord:
    """Return the record that follows another."""
    number, previous = (1, START) if last is None else (last.number + 1, last.digest)
    return AuditRecord(number, entry, previous, _digest(number, entry, previous))


def first_broken(records: Iterable[AuditRecord]) -> tuple[int, AuditRecord | None, str]:
    """Check a log from its first record on.

    Args:
        records: all, in their order.

    Returns:
        How many are as they were written, the last of them, and what is wrong with the next; ""
        where all are.
    """
    last: AuditRecord | None = None
    count = 0
    for record in records:
        wrong = _wrong(record, last)
        if wrong:
            return count, last, wrong
        last, count = record, count + 1
    return count, last, ""


def _wrong(record: AuditRecord, last: AuditRecord | None) -> str:
    expected, previous = (1, START) if last is None else (last.number + 1, last.digest)
    if record.number != expected:
        return f"record {expected} is missing: {record.number} follows"
    if record.previous != previous:
        return f"record {record.number} does not follow the one before it"
    if record.digest != _digest(record.number, record.entry, record.previous):
        return f"record {record.number} was changed"
    return ""


def _digest(number: int, entry: AuditEntry, previous: str) -> str:
    fields = {"number": number, "previous": previous, **asdict(entry)}
    # Records of earlier releases were made without them.
    fields = {name: one for name, one in fields.items() if one or name not in LATER}
    return sha256(audit_json(fields).encode()).hexdigest()
