"""An incident as lists show it."""

from __future__ import annotations

from typing import NamedTuple

import orjson

from engine.domain.control.incident import Incident
from engine.domain.control.stored_document import StoredDocument


class ListedIncident(NamedTuple):
    """An incident as it is stored, for those who show it and do nothing with it.

    A tuple: a page has many, and checking the fields of each takes longer than finding the page.

    Attributes:
        severity, status: texts of `Severity` and `Status`.
        record: the newest record of the sink `incidents`, as JSON; None while only anomalies have
            come.
        anomalies: how many so far.
        all others: as of `Incident` and its facts.
    """

    id: str
    pipeline: str
    entity: str
    began: int
    last: int
    severity: str
    anomalies: int
    summary: str
    closed: bool
    status: str
    assignee: str | None
    revision: int
    story: str | None
    record: str | None


def listed(incident: Incident) -> ListedIncident:
    """Return an incident as lists show it."""
    facts, document = incident.facts, incident.facts.document
    record = None
    if isinstance(document, StoredDocument):
        record = document.text
    elif document is not None:
        record = orjson.dumps(document).decode()
    return ListedIncident(
        incident.id,
        facts.pipeline,
        facts.entity,
        facts.began,
        facts.last,
        facts.severity.value,
        facts.count,
        facts.summary,
        facts.closed,
        incident.status.value,
        incident.assignee,
        incident.revision,
        facts.story,
        record,
    )
